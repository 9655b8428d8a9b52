import type { ErrorCode } from '../core/errors.ts';

const LINE = 'GET / HTTP/1.1\r\n';
const HOST = 'Host: a\r\n';
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
const OPEN = `POST / at a 1.1 [Host: a | Transfer-Encoding: chunked]`;

/** Requests that are well-formed, and the events that they are. */
export const TAKEN: readonly (readonly [what: string, text: string, events: readonly string[]])[] = [
  ['the least', `${LINE}${HOST}\r\n`, ['GET / at a 1.1 [Host: a]', 'end']],
  ['an empty line before it', `\r\n${LINE}${HOST}\r\n`, ['GET / at a 1.1 [Host: a]', 'end']],
  ['a method of our own', `M-SEARCH!x * HTTP/1.1\r\n${HOST}\r\n`, ['M-SEARCH!x * at a 1.1 [Host: a]', 'end']],
  ['a long method', `${'M'.repeat(64)} / HTTP/1.1\r\n${HOST}\r\n`, [`${'M'.repeat(64)} / at a 1.1 [Host: a]`, 'end']],
  ['a host with port', `${LINE}Host: a.b:81\r\n\r\n`, ['GET / at a.b:81 1.1 [Host: a.b:81]', 'end']],
  ['an address of IPv6', `${LINE}Host: [::1]:81\r\n\r\n`, ['GET / at [::1]:81 1.1 [Host: [::1]:81]', 'end']],
  ['an empty host', `${LINE}Host:\r\n\r\n`, ['GET / at  1.1 [Host:]', 'end']],
  ['case and blanks of names', `${LINE}hOsT:\t a \t\r\n\r\n`, ['GET / at a 1.1 [hOsT:\t a]', 'end']],
  [
    'an absolute target',
    `GET http://A:81/x?y HTTP/1.1\r\nHost: a:81\r\n\r\n`,
    ['GET /x?y at A:81 1.1 [Host: a:81]', 'end'],
  ],
  [
    'empty values, repeats, and all bytes that a value may have',
    `${LINE}${HOST}X:\r\nx: \x21\x7e\x80\xff\t z\r\n\r\n`,
    ['GET / at a 1.1 [Host: a | X: | x: \x21\x7e\x80\xff\t z]', 'end'],
  ],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', ['GET / at  1.0 close []', 'end']],
  [
    'HTTP/1.0 that stays',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n',
    ['GET / at a 1.0 [Host: a | Connection: Keep-Alive]', 'end'],
  ],
  [
    'HTTP/1.0 that wants what it cannot have',
    'POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\na',
    [
      'POST / at  1.0 close [Content-Length: 1 | Expect: 100-continue | Upgrade: x | Connection: upgrade]',
      'data a',
      'end',
    ],
  ],
  [
    'close',
    `${LINE}${HOST}Connection: x, CLOSE\r\n\r\n`,
    ['GET / at a 1.1 close [Host: a | Connection: x, CLOSE]', 'end'],
  ],
  [
    'an upgrade',
    `${LINE}${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n`,
    ['GET / at a 1.1 to websocket [Host: a | Connection: keep-alive, Upgrade | Upgrade: WebSocket]', 'end'],
  ],
  [
    'an upgrade that Connection does not name',
    `${LINE}${HOST}Upgrade: websocket\r\n\r\n`,
    ['GET / at a 1.1 [Host: a | Upgrade: websocket]', 'end'],
  ],
  [
    'a body of known length',
    `${POST}Content-Length: 005\r\nExpect: 100-Continue\r\n\r\nhello`,
    ['POST / at a 1.1 expect [Host: a | Content-Length: 005 | Expect: 100-Continue]', 'data hello', 'end'],
  ],
  ['a body of length 0', `${POST}Content-Length: 0\r\n\r\n`, ['POST / at a 1.1 [Host: a | Content-Length: 0]', 'end']],
  ['chunks', `${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`, [OPEN, 'data hello', 'end']],
  ['no chunk but the last', `${CHUNKED}0\r\n\r\n`, [OPEN, 'end']],
  [
    'sizes with zeros in front, in both cases',
    `${CHUNKED}00A\r\n0123456789\r\n00\r\n\r\n`,
    [OPEN, 'data 0123456789', 'end'],
  ],
  ['sizes in lower case', `${CHUNKED}a\r\n0123456789\r\n0\r\n\r\n`, [OPEN, 'data 0123456789', 'end']],
  ['line ends within chunks', `${CHUNKED}6\r\n\r\n0\r\n\r\r\n0\r\n\r\n`, [OPEN, 'data \r\n0\r\n\r', 'end']],
  ['chunk extensions', `${CHUNKED}1;a;b=c;d="e\\";f"\r\nx\r\n0;z\r\n\r\n`, [OPEN, 'data x', 'end']],
  ['trailers', `${CHUNKED}1\r\nx\r\n0\r\nX-Sum: 1\r\nx-t:\r\n\r\n`, [OPEN, 'data x', 'end X-Sum: 1 | x-t:']],
  [
    'trailers that must not come late',
    `${CHUNKED}0\r\nContent-Type: x\r\nX-Sum: 1\r\nte: x\r\nHost: b\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n`,
    [OPEN, 'end X-Sum: 1'],
  ],
  ['none but forbidden trailers', `${CHUNKED}0\r\nAuthorization: x\r\nSet-Cookie: y\r\n\r\n`, [OPEN, 'end']],
  [
    'one after the other',
    `${POST}Content-Length: 2\r\n\r\nhe${CHUNKED}3\r\nllo\r\n0\r\n\r\n\r\n${LINE}${HOST}\r\n`,
    [
      'POST / at a 1.1 [Host: a | Content-Length: 2]',
      'data he',
      'end',
      OPEN,
      'data llo',
      'end',
      'GET / at a 1.1 [Host: a]',
      'end',
    ],
  ],
];

const INVALID: ErrorCode = 'SLUICE_REQUEST_INVALID';
const UNSUPPORTED: ErrorCode = 'SLUICE_REQUEST_UNSUPPORTED';
const TOO_LARGE: ErrorCode = 'SLUICE_REQUEST_HEAD_TOO_LARGE';
const VERSION: ErrorCode = 'SLUICE_REQUEST_VERSION_UNSUPPORTED';

type Refused = readonly [what: string, text: string, code: ErrorCode, reason: string];

/** Heads that are refused under the limits of `SMALL`. */
export const REFUSED_HEADS: readonly Refused[] = [
  // Request line.
  ['HTTP/0.9', 'GET /\r\n\r\n', INVALID, 'malformed request line'],
  ['an older version', `GET / HTTP/0.9\r\n${HOST}\r\n`, VERSION, 'unsupported HTTP version'],
  ['a newer minor version', `GET / HTTP/1.2\r\n${HOST}\r\n`, VERSION, 'unsupported HTTP version'],
  ['a newer version', `GET / HTTP/2.0\r\n${HOST}\r\n`, VERSION, 'unsupported HTTP version'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', VERSION, 'unsupported HTTP version'],
  ['a version in lower case', `GET / http/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a version of two digits', `GET / HTTP/1.10\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a version without minor', `GET / HTTP/1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a blank after the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['two blanks', `GET  / HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a tab for a blank', `GET\t/ HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['no target', `GET HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a blank in the target', `GET /a b HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a byte beyond ASCII in the target', `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a control byte in the target', `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a method that is no token', `G(T / HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a method too long', `${'M'.repeat(65)} / HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a blank before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'does not begin like a request'],
  ['a handshake of TLS', '\x16\x03\x01\x02\x00\x01', INVALID, 'does not begin like a request'],
  ['two empty lines before it', `\r\n\r\n${LINE}${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a carriage return before it', `\r${LINE}${HOST}\r\n`, INVALID, 'malformed request line'],
  ['a line feed before it', `\n${LINE}${HOST}\r\n`, INVALID, 'does not begin like a request'],
  // Target and Host.
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`, UNSUPPORTED, 'unsupported method'],
  ['authority form', `GET a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`, INVALID, 'malformed target'],
  ['no slash', `GET a/b HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed target'],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed target'],
  ['a fragment of an absolute target', `GET http://a/#b HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed target'],
  ['another scheme', `GET ws://a/ HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'malformed target'],
  ['an absolute target without host', `GET http:///a HTTP/1.1\r\nHost:\r\n\r\n`, INVALID, 'malformed target'],
  ['user information', `GET http://u@a/ HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'Host and absolute target differ'],
  ['another host', `GET http://b/ HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'Host and absolute target differ'],
  ['another port', `GET http://a:80/ HTTP/1.1\r\n${HOST}\r\n`, INVALID, 'Host and absolute target differ'],
  ['no Host', `${LINE}X: y\r\n\r\n`, INVALID, 'no Host'],
  ['no field at all', `${LINE}\r\n`, INVALID, 'no Host'],
  ['two Hosts', `${LINE}${HOST}${HOST}\r\n`, INVALID, 'more than one Host'],
  ['two Hosts in HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}host: b\r\n\r\n`, INVALID, 'more than one Host'],
  ['two hosts in one', `${LINE}Host: a, b\r\n\r\n`, INVALID, 'malformed Host'],
  ['a path in Host', `${LINE}Host: a/b\r\n\r\n`, INVALID, 'malformed Host'],
  ['a user in Host', `${LINE}Host: u@a\r\n\r\n`, INVALID, 'malformed Host'],
  ['a port that is none', `${LINE}Host: a:b\r\n\r\n`, INVALID, 'malformed Host'],
  ['a byte beyond ASCII in Host', `${LINE}Host: \xe4\r\n\r\n`, INVALID, 'malformed Host'],
  // Lines and fields.
  ['line feeds for line ends', 'GET / HTTP/1.1\nHost: a\n\n', INVALID, 'line feed without carriage return'],
  ['a line feed in a field', `${LINE}${HOST}X: a\nb\r\n\r\n`, INVALID, 'line feed without carriage return'],
  ['a carriage return in a field', `${LINE}${HOST}X: a\rb\r\n\r\n`, INVALID, 'malformed header field'],
  ['two carriage returns', `${LINE}${HOST}X: a\r\r\n\r\n`, INVALID, 'malformed header field'],
  ['a folded field', `${LINE}${HOST}X: a\r\n b\r\n\r\n`, INVALID, 'malformed header field'],
  ['a folded first field', `${LINE} X: b\r\n${HOST}\r\n`, INVALID, 'malformed header field'],
  ['a field folded by a tab', `${LINE}${HOST}X: a\r\n\tb\r\n\r\n`, INVALID, 'malformed header field'],
  ['a blank before the colon', `${LINE}Host : a\r\n\r\n`, INVALID, 'malformed header field'],
  ['no name', `${LINE}${HOST}: x\r\n\r\n`, INVALID, 'malformed header field'],
  ['no colon', `${LINE}${HOST}X\r\n\r\n`, INVALID, 'malformed header field'],
  ['a name with a bracket', `${LINE}${HOST}X(: y\r\n\r\n`, INVALID, 'malformed header field'],
  ['a name beyond ASCII', `${LINE}${HOST}\xe4: y\r\n\r\n`, INVALID, 'malformed header field'],
  ['a NUL in a name', `${LINE}${HOST}X\0: y\r\n\r\n`, INVALID, 'malformed header field'],
  ['a NUL in a value', `${LINE}${HOST}X: \0\r\n\r\n`, INVALID, 'malformed header field'],
  ['a control byte in a value', `${LINE}${HOST}X: \x0b\r\n\r\n`, INVALID, 'malformed header field'],
  ['a DEL in a value', `${LINE}${HOST}X: \x7f\r\n\r\n`, INVALID, 'malformed header field'],
  // Framing.
  ['two lengths', `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`, INVALID, 'more than one Content-Length'],
  [
    'the same length twice',
    `${POST}Content-Length: 1\r\ncontent-length: 1\r\n\r\na`,
    INVALID,
    'more than one Content-Length',
  ],
  ...['', '+1', '-1', '1,1', '1 1', '1;', '0x1', '1.0', '1\t', '1 ', '9'.repeat(16), '\xb2'].map(
    (length): Refused => [
      `the length ${JSON.stringify(length)}`,
      `${POST}Content-Length: ${length}\r\n\r\n`,
      INVALID,
      'malformed Content-Length',
    ],
  ),
  [
    'length and coding',
    `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    INVALID,
    'Content-Length together with Transfer-Encoding',
  ],
  [
    'coding and length',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`,
    INVALID,
    'Content-Length together with Transfer-Encoding',
  ],
  [
    'a coding in HTTP/1.0',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    INVALID,
    'Transfer-Encoding in HTTP/1.0',
  ],
  [
    'a coding twice',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    INVALID,
    'malformed Transfer-Encoding',
  ],
  ...['', 'chunked;q=1', '"chunked"', 'chunked,', ',chunked', 'chunked\t', 'chun\tked'].map(
    (coding): Refused => [
      `the coding ${JSON.stringify(coding)}`,
      `${POST}Transfer-Encoding: ${coding}\r\n\r\n`,
      INVALID,
      'malformed Transfer-Encoding',
    ],
  ),
  ...['gzip', 'chunked, chunked', 'chunked, gzip', 'identity', 'xchunked'].map(
    (coding): Refused => [
      `the coding ${coding}`,
      `${POST}Transfer-Encoding: ${coding}\r\n\r\n`,
      INVALID,
      'Transfer-Encoding that does not end in one chunked',
    ],
  ),
  ...['gzip, chunked', 'GZIP,Chunked', 'a, b ,chunked'].map(
    (coding): Refused => [
      `the coding ${coding}`,
      `${POST}Transfer-Encoding: ${coding}\r\n\r\n`,
      UNSUPPORTED,
      'unsupported transfer coding',
    ],
  ),
  // Limits.
  ['a head too large', `${LINE}${HOST}X: ${'x'.repeat(400)}\r\n\r\n`, TOO_LARGE, 'head too large'],
  ['a head that does not end', `${LINE}${HOST}X: ${'x'.repeat(400)}`, TOO_LARGE, 'head too large'],
  ['too many fields', `${LINE}${HOST}${'x: y\r\n'.repeat(8)}\r\n`, TOO_LARGE, 'too many header fields'],
  [
    'a target too long',
    `GET /${'x'.repeat(60)} HTTP/1.1\r\n${HOST}\r\n`,
    'SLUICE_REQUEST_TARGET_TOO_LONG',
    'target too long',
  ],
  ['a target that does not end', `GET /${'x'.repeat(300)}`, 'SLUICE_REQUEST_TARGET_TOO_LONG', 'target too long'],
  ['a method that does not end', 'x'.repeat(300), INVALID, 'malformed request line'],
];

/** What follows the head of a chunked request, with what is told before it is refused. */
export const REFUSED_BODIES: readonly (readonly [...Refused, before: readonly string[]])[] = [
  ...['', ' 5', '5 ', '5 ;a', '0x5', '+5', '-5', 'g', '5,', '5\x0b', 'f'.repeat(14), '0'.repeat(14)].map(
    (size) =>
      [
        `the size ${JSON.stringify(size)}`,
        `${size}\r\nhello\r\n0\r\n\r\n`,
        INVALID,
        'malformed chunk size',
        [],
      ] as const,
  ),
  ['a size with a line feed', '5\nhello\r\n0\r\n\r\n', INVALID, 'malformed chunk size', []],
  ['a size with a carriage return', '5\rhello\r\n0\r\n\r\n', INVALID, 'malformed chunk size', []],
  ...['5;', '5; a', '5;a=', '5;a="', '5;=b', '5;a=b c', '5;a="\x01"', '5;a\x7f', '5;a\n', `5;${'a'.repeat(260)}`].map(
    (size) =>
      [
        `the extension ${JSON.stringify(size)}`,
        `${size}\r\nhello\r\n0\r\n\r\n`,
        INVALID,
        'malformed or too long chunk extensions',
        [],
      ] as const,
  ),
  ['a longer chunk', '4\r\nhello\r\n0\r\n\r\n', INVALID, 'chunk not ended by CRLF', ['data hell']],
  ['a chunk that ends in a line feed', '5\r\nhello\n0\r\n\r\n', INVALID, 'chunk not ended by CRLF', ['data hello']],
  [
    'a chunk that ends in a carriage return',
    '5\r\nhello\r0\r\n\r\n',
    INVALID,
    'chunk not ended by CRLF',
    ['data hello'],
  ],
  ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n', INVALID, 'malformed trailers', []],
  ['a trailer without colon', '0\r\nX\r\n\r\n', INVALID, 'malformed trailers', []],
  ['a trailer with a line feed', '0\r\nX: y\n\r\n\r\n', INVALID, 'malformed trailers', []],
  ['an end with a line feed', '0\r\n\n', INVALID, 'malformed trailers', []],
  ['a length in trailers', '0\r\nContent-Length: 0\r\n\r\n', INVALID, 'malformed trailers', []],
  ['a coding in trailers', '0\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n', INVALID, 'malformed trailers', []],
  ['a connection option in trailers', '0\r\nConnection: close\r\n\r\n', INVALID, 'malformed trailers', []],
  ['a request where trailers belong', `0\r\n${LINE}${HOST}\r\n`, INVALID, 'malformed trailers', []],
  ['too many trailers', `0\r\n${'x: y\r\n'.repeat(9)}\r\n`, TOO_LARGE, 'trailers too large', []],
  ['trailers too large', `0\r\nX: ${'x'.repeat(400)}\r\n\r\n`, TOO_LARGE, 'trailers too large', []],
  ['a line feed in trailers too large', `0\r\na\nb${'x'.repeat(400)}\r\n\r\n`, INVALID, 'malformed trailers', []],
];

/** Begins a request with chunks, and is the event that it is. */
export const CHUNKED_HEAD = { text: CHUNKED, event: OPEN };
