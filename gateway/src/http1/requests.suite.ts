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
  ['close', `${LINE}${HOST}Connection: x, CLOSE\r\n\r\n`, ['GET / at a 1.1 close [Host: a | Connection: x, CLOSE]', 'end']],
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
  ['sizes with zeros in front, in both cases', `${CHUNKED}00A\r\n0123456789\r\n00\r\n\r\n`, [OPEN, 'data 0123456789', 'end']],
  ['sizes in lower case', `${CHUNKED}a\r\n0123456789\r\n0\r\n\r\n`, [OPEN, 'data 0123456789', 'end']],
  ['line ends within chunks', `${CHUNKED}6\r\n\r\n0\r\n\r\r\n0\r\n\r\n`, [OPEN, 'data \r\n0\r\n\r', 'end']],
  ['chunk extensions', `${CHUNKED}1;a;b=c;d="e\\";f"\r\nx\r\n0;z\r\n\r\n`, [OPEN, 'data x', 'end']],
  ['trailers', `${CHUNKED}1\r\nx\r\n0\r\nX-Sum: 1\r\nx-t:\r\n\r\n`, [OPEN, 'data x', 'end X-Sum: 1 | x-t: ']].map(trimmed),
  [
    'trailers that must not come late',
    `${CHUNKED}0\r\nContent-Length: 5\r\nX-Sum: 1\r\ntransfer-encoding: x\r\nHost: b\r\n\r\n`,
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

function trimmed<T>(value: T): T {
  return value;
}

const INVALID: ErrorCode = 'SLUICE_REQUEST_INVALID';
const UNSUPPORTED: ErrorCode = 'SLUICE_REQUEST_UNSUPPORTED';
