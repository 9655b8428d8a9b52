import { FAULT, type MessageFault } from './fault.ts';
import { fieldCount, scanFields } from './fields.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE, type HeadFacts, readFacts } from './framing.ts';
import { ReceivedHeaders } from './received-headers.ts';

/** The head of a response, understood. */
export class ResponseHead {
  /** 100 to 999. */
  readonly status: number;
  readonly headers: ReceivedHeaders;
  /** One of the four BODY_ kinds, by the request's method too. */
  readonly framing: number;
  /** -1 = not announced. */
  readonly contentLength: number;
  /** The connection may carry another request after this response. */
  readonly keepAlive: boolean;
  /** Protocol that a 101 switches to, lower case; else ''. */
  readonly upgrade: string;

  constructor(status: number, minorVersion: number, headers: ReceivedHeaders, facts: HeadFacts, framing: number) {
    this.status = status;
    this.headers = headers;
    this.framing = framing;
    this.contentLength = facts.contentLength;
    const kept = minorVersion === 1 ? !facts.close : facts.keepAlive && !facts.close;
    this.keepAlive = kept && framing !== BODY_UNTIL_CLOSE && !framesNothing(status, facts);
    this.upgrade = status === 101 && facts.upgradeOption ? facts.upgrade : '';
  }
}

/** A body is announced where none can be (RFC 9112 §6.3): whether one follows only the peer knows. */
function framesNothing(status: number, { chunked, contentLength }: HeadFacts): boolean {
  return (status < 200 || status === 204) && (chunked || contentLength > 0);
}

const STATUS_LINE = /HTTP\/1\.[01] [1-9][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/y;
/** Where its minor version and its status stand. */
const MINOR_VERSION = 'HTTP/1.'.length;
const STATUS = 'HTTP/1.1 '.length;

/**
 * Reads a whole response head (RFC 9112 §4–6), as strictly as a request's: what is not framed in one clear way must not
 * pass.
 *
 * @param text the head in latin1 with the empty line that ends it
 * @param toHead true: it answers HEAD and has no body
 */
export function parseResponseHead(text: string, toHead: boolean, maxFields: number): ResponseHead | MessageFault {
  STATUS_LINE.lastIndex = 0;
  if (!STATUS_LINE.test(text)) return FAULT.statusLine;
  const offsets = scanFields(text, STATUS_LINE.lastIndex, text.length - 2);
  if (offsets === null) return FAULT.fields;
  if (fieldCount(offsets) > maxFields) return FAULT.tooManyFields;
  const facts = readFacts(text, offsets);
  if (facts.fault !== null) return facts.fault;
  const minorVersion = text[MINOR_VERSION] === '1' ? 1 : 0;
  if (facts.chunked && minorVersion === 0) return FAULT.codingVersion;
  const status = Number(text.slice(STATUS, STATUS + 3));
  const headers = new ReceivedHeaders(text, offsets);
  return new ResponseHead(status, minorVersion, headers, facts, framingOf(status, toHead, facts));
}

/** RFC 9112 §6.3. */
function framingOf(status: number, toHead: boolean, facts: HeadFacts): number {
  if (toHead || status < 200 || status === 204 || status === 304) return BODY_NONE;
  if (facts.chunked) return BODY_CHUNKED;
  if (facts.contentLength === -1) return BODY_UNTIL_CLOSE;
  return facts.contentLength > 0 ? BODY_LENGTH : BODY_NONE;
}
