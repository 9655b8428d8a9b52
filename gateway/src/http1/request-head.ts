import { FAULT, type MessageFault } from './fault.ts';
import { fieldCount, scanFields } from './fields.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type HeadFacts, readFacts } from './framing.ts';
import { ReceivedHeaders } from './received-headers.ts';
import { isAuthority, parseTarget } from './target.ts';

/** Bounds of one request head; the limits table says why. */
export interface HeadLimits {
  /** Request line and fields, in bytes. */
  readonly headBytes: number;
  readonly targetBytes: number;
  /** Number of fields. */
  readonly fields: number;
}

/** The head of a request, understood. */
export class RequestHead {
  readonly method: string;
  /** Origin form, or '*'. */
  readonly target: string;
  readonly authority: string;
  /** 0 or 1. */
  readonly minorVersion: number;
  readonly headers: ReceivedHeaders;
  /** One of BODY_NONE, BODY_LENGTH, BODY_CHUNKED. */
  readonly framing: number;
  /** Announced bytes of the body; -1 = not announced. */
  readonly contentLength: number;
  /** The sender wants the connection kept after the response. */
  readonly keepAlive: boolean;
  /**
   * Protocols offered, lower case, joined by ', '; '' = no upgrade. Without h2c, which may be ignored (RFC 9110 §7.8): its
   * client goes on in HTTP/1.1.
   */
  readonly upgrade: string;
  readonly expectContinue: boolean;
  /** The sender expects something that nobody can fulfil. */
  readonly unknownExpectation: boolean;

  constructor(
    method: string,
    target: string,
    authority: string,
    minorVersion: number,
    headers: ReceivedHeaders,
    facts: HeadFacts,
  ) {
    this.method = method;
    this.target = target;
    this.authority = authority;
    this.minorVersion = minorVersion;
    this.headers = headers;
    this.framing = facts.chunked ? BODY_CHUNKED : facts.contentLength > 0 ? BODY_LENGTH : BODY_NONE;
    this.contentLength = facts.contentLength;
    this.keepAlive = minorVersion === 1 ? !facts.close : facts.keepAlive && !facts.close;
    this.upgrade = facts.upgradeOption && minorVersion === 1 ? offered(facts.upgrade) : '';
    this.expectContinue = facts.expectContinue && minorVersion === 1;
    this.unknownExpectation = facts.unknownExpectation && minorVersion === 1;
  }
}

function offered(list: string): string {
  const protocols = list.split(',').map((protocol) => protocol.trim());
  return protocols.filter((protocol) => protocol !== '' && protocol !== 'h2c').join(', ');
}

/** What can be read of a head for a log, faulty as it may be; null when nothing can. */
export function describeHead(text: string): HeadWords | null {
  const line = /^(?:\r\n)?([!-~]{1,64}) ([!-~]+) (HTTP\/[0-9.]{1,3})\r\n/.exec(text);
  if (line === null) return null;
  const [, method = '', target = '', protocol = ''] = line;
  return { method, target, protocol, authority: /^host:[ \t]*([!-~]*)[ \t]*\r$/im.exec(text)?.[1] ?? '' };
}

/** See `describeHead`; '' for what is not there. */
export interface HeadWords {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly protocol: string;
}

const REQUEST_LINE = /[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64} [\x21-\x7e]+ HTTP\/[0-9]\.[0-9]\r\n/y;
/** What stands behind the target. */
const VERSION_LENGTH = ' HTTP/1.1\r\n'.length;

/**
 * Reads a whole request head (RFC 9112 §2.2–3, §5). Accepts one form of each thing.
 *
 * @param text the head in latin1 with the empty line that ends it
 */
export function parseRequestHead(text: string, limits: HeadLimits): RequestHead | MessageFault {
  REQUEST_LINE.lastIndex = 0;
  if (!REQUEST_LINE.test(text)) return FAULT.requestLine;
  const lineEnd = REQUEST_LINE.lastIndex;
  const major = text[lineEnd - 5];
  const minor = text[lineEnd - 3];
  if (major !== '1' || (minor !== '1' && minor !== '0')) return FAULT.version;
  const methodEnd = text.indexOf(' ');
  const method = text.slice(0, methodEnd);
  const url = text.slice(methodEnd + 1, lineEnd - VERSION_LENGTH);
  if (url.length > limits.targetBytes) return FAULT.targetTooLong;
  const offsets = scanFields(text, lineEnd, text.length - 2);
  if (offsets === null) return FAULT.fields;
  if (fieldCount(offsets) > limits.fields) return FAULT.tooManyFields;
  const facts = readFacts(text, offsets);
  return facts.fault ?? complete(method, url, minor === '1' ? 1 : 0, text, offsets, facts);
}

function complete(
  method: string,
  url: string,
  minorVersion: number,
  text: string,
  offsets: readonly number[],
  facts: HeadFacts,
): RequestHead | MessageFault {
  if (facts.hosts > 1) return FAULT.hostRepeated;
  if (facts.hosts === 0 && minorVersion === 1) return FAULT.hostMissing;
  if (!isAuthority(facts.host)) return FAULT.host;
  if (facts.chunked && minorVersion === 0) return FAULT.codingVersion;
  if (method === 'CONNECT') return FAULT.method;
  const target = parseTarget(url, facts.hosts === 0 ? null : facts.host);
  if (target === null) return isAbsolute(url) && !url.includes('#') ? FAULT.hostMismatch : FAULT.target;
  const headers = new ReceivedHeaders(text, offsets);
  return new RequestHead(method, target.target, target.authority, minorVersion, headers, facts);
}

function isAbsolute(url: string): boolean {
  return /^https?:\/\/[A-Za-z0-9]/i.test(url);
}
