import { FIELD, sameName } from './received-headers.ts';
import { FAULT, type MessageFault } from './fault.ts';

/** How a body ends. */
export const BODY_NONE = 0;
export const BODY_LENGTH = 1;
export const BODY_CHUNKED = 2;
/** Responses only: with the connection. */
export const BODY_UNTIL_CLOSE = 3;

/** More digits than 2⁵³ has could not be counted exactly. */
const CONTENT_LENGTH = /^[0-9]{1,15}$/;
const CODING_LIST = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;

/** What the fields of a head say of its framing and its connection, each read once. */
export class HeadFacts {
  hosts = 0;
  host = '';
  /** -1 = no Content-Length. */
  contentLength = -1;
  chunked = false;
  /** Connection options, as received. */
  close = false;
  keepAlive = false;
  upgradeOption = false;
  /** Upgrade, lower case; '' = none. */
  upgrade = '';
  expectContinue = false;
  /** Something else is expected than 100-continue. */
  unknownExpectation = false;
  fault: MessageFault | null = null;
}

/** Reads the fields that a proxy must understand itself. A first fault ends it. */
export function readFacts(text: string, offsets: readonly number[]): HeadFacts {
  const facts = new HeadFacts();
  for (let at = 0; at < offsets.length && facts.fault === null; at += FIELD) {
    const start = offsets[at]!;
    switch (offsets[at + 1]! - start) {
      case 4:
        if (sameName(text, start, 'host')) readHost(facts, valueOf(text, offsets, at));
        break;
      case 6:
        if (sameName(text, start, 'expect')) readExpect(facts, valueOf(text, offsets, at));
        break;
      case 7:
        if (sameName(text, start, 'upgrade')) readUpgrade(facts, valueOf(text, offsets, at));
        break;
      case 10:
        if (sameName(text, start, 'connection')) readConnection(facts, valueOf(text, offsets, at));
        break;
      case 14:
        if (sameName(text, start, 'content-length')) readLength(facts, exactly(text, offsets, at));
        break;
      case 17:
        if (sameName(text, start, 'transfer-encoding')) readCoding(facts, exactly(text, offsets, at));
        break;
    }
  }
  if (facts.fault === null && facts.chunked && facts.contentLength !== -1) facts.fault = FAULT.bothFramings;
  return facts;
}

function valueOf(text: string, offsets: readonly number[], at: number): string {
  return text.slice(offsets[at + 2], offsets[at + 3]);
}

/** The value with what stands behind it: what says where a message ends has one form, without blanks at the end. */
function exactly(text: string, offsets: readonly number[], at: number): string {
  return text.slice(offsets[at + 2], text.indexOf('\r\n', offsets[at + 3]));
}

function readHost(facts: HeadFacts, value: string): void {
  facts.hosts++;
  facts.host = value;
}

function readExpect(facts: HeadFacts, value: string): void {
  if (value.toLowerCase() === '100-continue') facts.expectContinue = true;
  else facts.unknownExpectation = true;
}

function readConnection(facts: HeadFacts, value: string): void {
  const list = value.toLowerCase();
  if (list === 'keep-alive') facts.keepAlive = true;
  else if (list === 'close') facts.close = true;
  else for (const option of list.split(',')) readOption(facts, option.trim());
}

function readOption(facts: HeadFacts, option: string): void {
  if (option === 'close') facts.close = true;
  else if (option === 'keep-alive') facts.keepAlive = true;
  else if (option === 'upgrade') facts.upgradeOption = true;
}

/** Several fields are one list. */
function readUpgrade(facts: HeadFacts, value: string): void {
  const list = value.toLowerCase();
  facts.upgrade = facts.upgrade === '' ? list : `${facts.upgrade},${list}`;
}

function readLength(facts: HeadFacts, value: string): void {
  if (facts.contentLength !== -1) facts.fault = FAULT.contentLengthRepeated;
  else if (!CONTENT_LENGTH.test(value)) facts.fault = FAULT.contentLength;
  else facts.contentLength = Number(value);
}

/**
 * One form only: a single field that says chunked. Further codings before it are none that is known here (501, RFC 9112
 * §6.1); where chunked is not the last one, nobody can tell the body's length (400, §6.3).
 */
function readCoding(facts: HeadFacts, value: string): void {
  const coding = value.toLowerCase();
  if (facts.chunked) facts.fault = FAULT.coding;
  else if (coding === 'chunked') facts.chunked = true;
  else if (!CODING_LIST.test(coding)) facts.fault = FAULT.coding;
  else facts.fault = endsInSingleChunked(coding) ? FAULT.codingUnsupported : FAULT.codingOrder;
}

function endsInSingleChunked(list: string): boolean {
  const codings = list.split(',').map((coding) => coding.trim());
  return codings.at(-1) === 'chunked' && codings.indexOf('chunked') === codings.length - 1;
}
