// What upstreams answer that are broken, or in league with somebody.

/** What a client may see of it. */
export type Outcome =
  /** The gateway's own 502. */
  | 'refused'
  /** The end of the connection before a response is whole. */
  | 'torn'
  /** One response, of this status and body. */
  | readonly [status: number, body: string];

export interface ResponseCase {
  readonly name: string;
  /** In latin1. */
  readonly bytes: string;
  readonly outcome: Outcome;
  /** The upstream ends its side behind the bytes. */
  readonly ends: boolean;
  /** Bytes that follow when the client has its response, and before anybody else has asked. */
  readonly late: string;
  /** Method of the request; default GET. */
  readonly method: string;
  /** Another request may go over the upstream's connection. */
  readonly reused: boolean;
}

type More = Partial<Pick<ResponseCase, 'ends' | 'late' | 'method' | 'reused'>>;

function answered(name: string, bytes: string, outcome: Outcome, more: More = {}): ResponseCase {
  return { name, bytes, outcome, ends: false, late: '', method: 'GET', reused: false, ...more };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const TE = 'Transfer-Encoding: chunked\r\n';
const END = '0\r\n\r\n';
/** A response that must not become that of somebody else. */
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

/** Fields of a head that must not pass. */
const FIELDS: readonly (readonly [string, string])[] = [
  ['a length beside a coding', `Content-Length: 5\r\n${TE}`],
  ['a coding beside a length', `${TE}Content-Length: 5\r\n`],
  ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
  ['two lengths of the same', 'Content-Length: 5\r\nContent-Length: 5\r\n'],
  ['a list of lengths', 'Content-Length: 5, 5\r\n'],
  ['length +5', 'Content-Length: +5\r\n'],
  ['length -1', 'Content-Length: -1\r\n'],
  ['length 0x5', 'Content-Length: 0x5\r\n'],
  ['no length in its field', 'Content-Length:\r\n'],
  ['a length of 2^64', 'Content-Length: 18446744073709551616\r\n'],
  ['two codings', `${TE}${TE}`],
  ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n'],
  ['chunked, gzip', 'Transfer-Encoding: chunked, gzip\r\n'],
  ['identity', 'Transfer-Encoding: identity\r\n'],
  ['xchunked', 'Transfer-Encoding: xchunked\r\n'],
  ['an empty coding', 'Transfer-Encoding:\r\n'],
  ['a coding with a blank before the colon', 'Transfer-Encoding : chunked\r\n'],
  ['a coding behind a vertical tab', 'Transfer-Encoding:\x0bchunked\r\n'],
  ['a folded field', 'X: a\r\n b\r\n'],
  ['a field before which a blank stands', ' X: a\r\n'],
  ['a bare LF in a field (response splitting)', `X: a\n\n${EVIL}\r\n`],
  ['a bare CR in a field', 'X: a\rContent-Length: 5\r\n'],
  ['a NUL in a field', 'X: a\0\r\n'],
  ['a blank in a name', 'X Y: a\r\n'],
  ['no colon', 'X\r\n'],
  ['an empty name', ': a\r\n'],
  ['1000 fields', 'X: y\r\n'.repeat(1000)],
  ['100 KiB', `X: ${'x'.repeat(100_000)}\r\n`],
];

const LINES: readonly (readonly [string, string])[] = [
  ['that is none', 'nonsense'],
  ['of HTTP/0.9', '<html>'],
  ['of HTTP/2.0', 'HTTP/2.0 200 OK'],
  ['of HTTP/1.2', 'HTTP/1.2 200 OK'],
  ['in small letters', 'http/1.1 200 OK'],
  ['with two digits', 'HTTP/1.1 20 OK'],
  ['with four digits', 'HTTP/1.1 2000 OK'],
  ['with a sign', 'HTTP/1.1 +200 OK'],
  ['with status 099', 'HTTP/1.1 099 OK'],
  ['with two blanks', 'HTTP/1.1  200 OK'],
  ['with a tab', 'HTTP/1.1\t200 OK'],
  ['with a NUL', 'HTTP/1.1 200 O\0K'],
  ['behind an empty line', '\r\nHTTP/1.1 200 OK'],
  ['with a bare LF', 'HTTP/1.1 200 OK\nX: y'],
];

/** Chunks that break off: what was good of them has been passed on, and the rest must be seen to be missing. */
const CHUNKS: readonly (readonly [string, string])[] = [
  ['a size in no digits', '5\r\nhello\r\nzz\r\nevil\r\n'],
  ['a size with a sign', '5\r\nhello\r\n+5\r\nworld\r\n'],
  ['a size with 0x', '5\r\nhello\r\n0x5\r\nworld\r\n'],
  ['a size of 2^64 + 5', '5\r\nhello\r\n10000000000000005\r\nworld\r\n'],
  ['a size ended by LF', '5\r\nhello\r\n5\nworld\r\n'],
  ['a chunk ended by LF', '5\r\nhello\n0\r\n\r\n'],
  ['a chunk longer than its size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['an extension with LF', '5\r\nhello\r\n0;\nX: y\r\n\r\n'],
  ['a trailer that is none', '5\r\nhello\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['a trailer with LF', '5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n'],
];

/** Every response of the suite. */
export const RESPONSES: readonly ResponseCase[] = [
  ...FIELDS.map(([name, fields]) => answered(`head: ${name}`, `${OK}${fields}\r\nhello`, 'refused')),
  ...LINES.map(([name, line]) => answered(`status line ${name}`, `${line}\r\nContent-Length: 0\r\n\r\n`, 'refused')),
  ...CHUNKS.map(([name, chunks]) => answered(`chunks: ${name}`, `${OK}${TE}\r\n${chunks}`, 'torn')),
  answered('a coding in HTTP/1.0', `HTTP/1.0 200 OK\r\n${TE}\r\n5\r\nhello\r\n${END}`, 'refused'),

  // More than one response
  answered('two responses', `${OK}Content-Length: 2\r\n\r\nok${EVIL}`, [200, 'ok']),
  answered('two responses, the first in chunks', `${OK}${TE}\r\n2\r\nok\r\n${END}${EVIL}`, [200, 'ok']),
  answered('two responses, the first without body', `${OK}Content-Length: 0\r\n\r\n${EVIL}`, [200, '']),
  answered('two responses, the first a 204', `HTTP/1.1 204 No\r\n\r\n${EVIL}`, [204, '']),
  answered('two responses, the first a 304', `HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\n${EVIL}`, [304, '']),
  answered('a longer body than was announced', `${OK}Content-Length: 2\r\n\r\nokEVIL`, [200, 'ok']),
  answered('a line end behind the body', `${OK}Content-Length: 2\r\n\r\nok\r\n`, [200, 'ok']),
  answered('a 204 with a body', 'HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil', [204, '']),
  answered('a 204 in chunks', `HTTP/1.1 204 No\r\n${TE}\r\n4\r\nevil\r\n${END}`, [204, '']),
  answered('a 304 with a body', `HTTP/1.1 304 No\r\n${TE}\r\n4\r\nevil\r\n${END}`, [304, '']),
  answered('the answer to a HEAD with a body', `${OK}Content-Length: 4\r\n\r\nevil`, [200, ''], { method: 'HEAD' }),
  answered('the answer to a HEAD in chunks', `${OK}${TE}\r\n4\r\nevil\r\n${END}`, [200, ''], { method: 'HEAD' }),
  answered('a response behind Connection: close', `${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok${EVIL}`, [
    200,
    'ok',
  ]),

  // A response before its request
  answered('a response that nobody asked for', `${OK}Content-Length: 2\r\n\r\nok`, [200, 'ok'], { late: EVIL }),
  answered('a response behind chunks', `${OK}${TE}\r\n2\r\nok\r\n${END}`, [200, 'ok'], { late: EVIL }),
  answered('a byte that nobody asked for', `${OK}Content-Length: 2\r\n\r\nok`, [200, 'ok'], { late: 'H' }),
  answered('a line end that nobody asked for', `${OK}Content-Length: 2\r\n\r\nok`, [200, 'ok'], { late: '\r\n' }),
  answered('a 408 for a request that never came', `${OK}Content-Length: 2\r\n\r\nok`, [200, 'ok'], {
    late: 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  }),

  // Heads before the head
  answered(
    'a 101 that nobody asked for',
    `HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${EVIL}`,
    'refused',
  ),
  answered('a 101 without protocol', `HTTP/1.1 101 S\r\n\r\n${EVIL}`, 'refused'),
  answered('a 101 behind a 100', `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 101 S\r\n\r\n`, 'refused'),
  answered('a 100 that nobody asked for', `HTTP/1.1 100 C\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`, [200, 'ok'], {
    reused: true,
  }),
  answered('a 100 with a length', `HTTP/1.1 100 C\r\nContent-Length: 2\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`, [
    200,
    'ok',
  ]),
  answered('a 103 with a coding', `HTTP/1.1 103 E\r\n${TE}Link: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`, [
    200,
    'ok',
  ]),
  answered(
    'a 103 with two lengths',
    `HTTP/1.1 103 E\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n${EVIL}`,
    'refused',
  ),
  answered('a 1xx and nothing else', 'HTTP/1.1 103 E\r\n\r\n', 'refused', { ends: true }),

  // What ends too early, or with the connection
  // A GET over a connection that was kept would be repeated on another.
  answered('nothing', '', 'refused', { ends: true, method: 'POST' }),
  answered('half a head', 'HTTP/1.1 200 OK\r\nX: ', 'refused', { ends: true }),
  answered('a body cut short', `${OK}Content-Length: 9\r\n\r\nhello`, 'torn', { ends: true }),
  answered('chunks cut short', `${OK}${TE}\r\n9\r\nhello`, 'torn', { ends: true }),
  answered('chunks without the last one', `${OK}${TE}\r\n5\r\nhello\r\n`, 'torn', { ends: true }),
  answered('a last chunk without its empty line', `${OK}${TE}\r\n5\r\nhello\r\n0\r\n`, 'torn', { ends: true }),
  answered('a body up to the end', `${OK}\r\nhello`, [200, 'hello'], { ends: true }),
  answered('a body up to the end that holds a response', `${OK}\r\n${EVIL}`, [200, EVIL], { ends: true }),
  answered('a body of HTTP/1.0', `HTTP/1.0 200 OK\r\n\r\nhello`, [200, 'hello'], { ends: true }),

  // What is well
  answered('an ordinary one', `${OK}Content-Length: 5\r\n\r\nhello`, [200, 'hello'], { reused: true }),
  answered('chunks', `${OK}${TE}\r\n5;a=b\r\nhello\r\n${END}`, [200, 'hello'], { reused: true }),
  answered('a status that nobody knows', `HTTP/1.1 999 \r\nContent-Length: 5\r\n\r\nhello`, [999, 'hello'], {
    reused: true,
  }),
  answered(
    'a field that Connection names',
    `${OK}Connection: content-length, x\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello`,
    [200, 'hello'],
    { reused: true },
  ),
];
