// A reader of HTTP/1.1 that shares nothing with the gateway's: it takes what is beyond doubt and throws on the rest.

/** A message as it stood on a wire, whole. */
export interface Message {
  /** Request or status line. */
  readonly line: string;
  /** Lines as they came, without their ends. */
  readonly fields: readonly string[];
  readonly framing: Framing;
  readonly body: string;
  /** Lines behind a chunked body. */
  readonly trailers: readonly string[];
}

export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Whole messages, and what is behind the last of them. */
export interface Read {
  readonly messages: readonly Message[];
  readonly rest: string;
}

const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~\x80-\xff]+ HTTP\/1\.1$/;
const STATUS_LINE = /^HTTP\/1\.1 [1-9][0-9]{2} [\t -~\x80-\xff]*$/;
const FIELD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*$/;

/** @throws Error where two servers might read two things */
export function readRequests(text: string): Read {
  const messages: Message[] = [];
  let rest = text;
  for (let next = readMessage(rest, REQUEST_LINE, 'none'); next !== null; ) {
    const { message, rest: left } = next;
    if (valuesOf(message.fields, 'host').length !== 1) throw new Error(`not one Host: ${message.fields.join(' | ')}`);
    messages.push(message);
    rest = left;
    next = readMessage(rest, REQUEST_LINE, 'none');
  }
  return { messages, rest };
}

/**
 * @param closed nothing follows: what lasts until the end is whole @param toHead each answers a HEAD
 * @throws Error as above
 */
export function readResponses(text: string, closed: boolean, toHead = false): Read {
  const messages: Message[] = [];
  let rest = text;
  for (;;) {
    const status = Number(rest.slice(9, 12));
    const bodyless = toHead || status < 200 || status === 204 || status === 304;
    const next = readMessage(rest, STATUS_LINE, 'close', bodyless);
    if (next === null || (next.message.framing === 'close' && !closed)) return { messages, rest };
    messages.push(next.message);
    rest = next.rest;
    // Behind a switch of protocols nothing is HTTP any more.
    if (status === 101) return { messages, rest };
  }
}

/** Values of a field, without the blanks around them. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  const own = fields.filter((field) => field.slice(0, field.indexOf(':')).toLowerCase() === name);
  return own.map((field) => field.slice(name.length + 1).trim());
}

function readMessage(
  text: string,
  firstLine: RegExp,
  unframed: Framing,
  bodyless = false,
): { readonly message: Message; readonly rest: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  if (!firstLine.test(line)) throw new Error(`no first line: ${JSON.stringify(line)}`);
  for (const field of fields) if (!FIELD.test(field)) throw new Error(`no field: ${JSON.stringify(field)}`);
  const behind = text.slice(end + 4);
  const framing = bodyless ? 'none' : framingOf(fields, unframed);
  if (framing === 'chunked') return readChunked(line, fields, behind);
  const length = framing === 'length' ? Number(valuesOf(fields, 'content-length')[0]) : 0;
  if (behind.length < length) return null;
  const body = framing === 'close' ? behind : behind.slice(0, length);
  return { message: { line, fields, framing, body, trailers: [] }, rest: behind.slice(body.length) };
}

function framingOf(fields: readonly string[], unframed: Framing): Framing {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1) throw new Error(`two framings: ${fields.join(' | ')}`);
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') throw new Error(`a coding: ${codings[0]}`);
    return 'chunked';
  }
  if (lengths.length === 0) return unframed;
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(lengths[0]!)) throw new Error(`a length: ${lengths[0]}`);
  return 'length';
}

function readChunked(line: string, fields: readonly string[], text: string) {
  let body = '';
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    if (end === -1) return null;
    const size = text.slice(at, end);
    if (!/^(?:0|[1-9a-f][0-9a-f]*)$/.test(size)) throw new Error(`a chunk size: ${JSON.stringify(size)}`);
    const length = Number.parseInt(size, 16);
    if (length === 0) return readTrailers(line, fields, body, text.slice(end + 2));
    at = end + 2 + length;
    if (text.length < at + 2) return null;
    if (text.slice(at, at + 2) !== '\r\n') throw new Error('a chunk without end');
    body += text.slice(end + 2, at);
    at += 2;
  }
}

function readTrailers(line: string, fields: readonly string[], body: string, text: string) {
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n') + 2;
  if (end === 1) return null;
  const trailers = end === 0 ? [] : text.slice(0, end - 2).split('\r\n');
  for (const field of trailers) if (!FIELD.test(field)) throw new Error(`no trailer: ${JSON.stringify(field)}`);
  return { message: { line, fields, framing: 'chunked' as const, body, trailers }, rest: text.slice(end + 2) };
}
