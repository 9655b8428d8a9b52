import type { Asked } from './events.suite.ts';

const LINE = 'HTTP/1.1 200 OK\r\n';
const OPEN = '200 [Transfer-Encoding: chunked]';
const CHUNKED = `${LINE}Transfer-Encoding: chunked\r\n\r\n`;

/** Responses that are well-formed, what they answer, and the events that they are. */
export const ANSWERS: readonly (readonly [
  what: string,
  asked: readonly Asked[],
  text: string,
  events: readonly string[],
])[] = [
  ['nothing', ['GET'], `${LINE}Content-Length: 0\r\n\r\n`, ['200 [Content-Length: 0]', 'end']],
  ['a length', ['GET'], `${LINE}Content-Length: 5\r\n\r\nhello`, ['200 [Content-Length: 5]', 'data hello', 'end']],
  ['chunks', ['GET'], `${CHUNKED}2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n`, [OPEN, 'data hello', 'end']],
  ['trailers', ['GET'], `${CHUNKED}0\r\nX-Sum: 1\r\nSet-Cookie: a\r\n\r\n`, [OPEN, 'end X-Sum: 1']],
  ['until the connection ends', ['GET'], `${LINE}\r\nhello`, ['200 close []', 'data hello', 'end']],
  ['an empty one until the connection ends', ['GET'], `${LINE}\r\n`, ['200 close []', 'end']],
  ['no reason', ['GET'], 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', ['200 [Content-Length: 0]', 'end']],
  ['an empty reason', ['GET'], 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', ['200 [Content-Length: 0]', 'end']],
  ['any reason', ['GET'], 'HTTP/1.1 599 \xe4 \t\r\nContent-Length: 0\r\n\r\n', ['599 [Content-Length: 0]', 'end']],
  ['the largest status', ['GET'], 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', ['999 [Content-Length: 0]', 'end']],
  [
    'close',
    ['GET'],
    `${LINE}Connection: close\r\nContent-Length: 1\r\n\r\nx`,
    ['200 close [Connection: close | Content-Length: 1]', 'data x', 'end'],
  ],
  [
    'HTTP/1.0',
    ['GET'],
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx',
    ['200 close [Content-Length: 1]', 'data x', 'end'],
  ],
  [
    'HTTP/1.0 that stays',
    ['GET'],
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx',
    ['200 [Content-Length: 1 | Connection: keep-alive]', 'data x', 'end'],
  ],
  ['to HEAD', ['HEAD'], `${LINE}Content-Length: 5\r\n\r\n`, ['200 [Content-Length: 5]', 'end']],
  ['to HEAD, in chunks that do not come', ['HEAD'], CHUNKED, [OPEN, 'end']],
  ['to HEAD, without framing', ['HEAD'], `${LINE}\r\n`, ['200 []', 'end']],
  ['204', ['GET'], 'HTTP/1.1 204 No Content\r\n\r\n', ['204 []', 'end']],
  [
    '204 with a length of 0',
    ['GET'],
    'HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n',
    ['204 [Content-Length: 0]', 'end'],
  ],
  [
    '204 with a length, after which nothing can be trusted',
    ['GET'],
    'HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n',
    ['204 close [Content-Length: 5]', 'end'],
  ],
  [
    '204 with chunks, after which nothing can be trusted',
    ['GET'],
    'HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n',
    ['204 close [Transfer-Encoding: chunked]', 'end'],
  ],
  [
    '304 with the length of what it stands for',
    ['GET'],
    'HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n',
    ['304 [Content-Length: 5]', 'end'],
  ],
  [
    'informational ones before it',
    ['GET'],
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${LINE}Content-Length: 1\r\n\r\nx`,
    ['100 []', '103 [Link: x]', '200 [Content-Length: 1]', 'data x', 'end'],
  ],
  [
    'a switch of protocols',
    ['GET', 'GET'],
    'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n\x81\x01HTTP',
    ['101 to websocket [Connection: Upgrade | Upgrade: WebSocket]', 'left \x81\x01HTTP'],
  ],
  ['a switch that names no protocol', ['GET'], 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n', ['101 [Upgrade: x]']],
  [
    'one after the other',
    ['GET', 'HEAD', 'GET'],
    `${CHUNKED}1\r\nx\r\n0\r\n\r\n${LINE}Content-Length: 7\r\n\r\nHTTP/1.1 204 X\r\n\r\n`,
    [OPEN, 'data x', 'end', '200 [Content-Length: 7]', 'end', '204 []', 'end'],
  ],
  [
    'more than was asked for',
    ['GET'],
    `${LINE}Content-Length: 1\r\n\r\nxy`,
    ['200 [Content-Length: 1]', 'data x', 'end', 'left y'],
  ],
];

const STATUS = 'malformed status line';
const FIELD = 'malformed header field';

/** Responses to GET that are refused under the limits of `SMALL`, why, and what is told before. */
export const BROKEN: readonly (readonly [what: string, text: string, reason: string, before?: readonly string[]])[] = [
  ['no HTTP', 'SSH-2.0-x\r\n\r\n', 'does not begin like a request'],
  ['an empty line before it', `\r\n${LINE}Content-Length: 0\r\n\r\n`, 'does not begin like a request'],
  ['a word like it', 'HELLO\r\n\r\n', STATUS],
  ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n', STATUS],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', STATUS],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', STATUS],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', STATUS],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', STATUS],
  ['two blanks', 'HTTP/1.1  200 OK\r\n\r\n', STATUS],
  ['a tab', 'HTTP/1.1\t200 OK\r\n\r\n', STATUS],
  ['a control byte in the reason', 'HTTP/1.1 200 \x01\r\n\r\n', STATUS],
  ['a carriage return in the reason', 'HTTP/1.1 200 a\rb\r\n\r\n', STATUS],
  ['line feeds for line ends', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'line feed without carriage return'],
  ['a folded field', `${LINE}X: y\r\n z\r\n\r\n`, FIELD],
  ['a blank before the colon', `${LINE}Content-Length : 0\r\n\r\n`, FIELD],
  ['no name', `${LINE}: 0\r\n\r\n`, FIELD],
  ['a NUL in a value', `${LINE}X: \0\r\n\r\n`, FIELD],
  ['two lengths', `${LINE}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`, 'more than one Content-Length'],
  ['a length that is none', `${LINE}Content-Length: 1, 1\r\n\r\nx`, 'malformed Content-Length'],
  [
    'length and coding',
    `${LINE}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'Content-Length together with Transfer-Encoding',
  ],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'Transfer-Encoding in HTTP/1.0'],
  ['another coding', `${LINE}Transfer-Encoding: gzip\r\n\r\n`, 'Transfer-Encoding that does not end in one chunked'],
  ['a further coding', `${LINE}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'unsupported transfer coding'],
  ['too many fields', `${LINE}${'x: y\r\n'.repeat(9)}\r\n`, 'too many header fields'],
  ['a head too large', `${LINE}X: ${'x'.repeat(400)}\r\n\r\n`, 'head too large'],
  ['a reason that does not end', `HTTP/1.1 200 ${'x'.repeat(400)}`, 'head too large'],
  ['a broken informational one', 'HTTP/1.1 100 Continue\r\nX\r\n\r\n', FIELD],
  [
    'no more than an informational one',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'closed in the middle of a message',
    ['100 []'],
  ],
  ['nothing', '', 'closed in the middle of a message'],
  ['half a head', 'HTTP/1.1 200 OK\r\nX: ', 'closed in the middle of a message'],
  [
    'half a body',
    `${LINE}Content-Length: 5\r\n\r\nhel`,
    'closed in the middle of a message',
    ['200 [Content-Length: 5]', 'data hel'],
  ],
  ['half a chunk', `${CHUNKED}5\r\nhel`, 'closed in the middle of a message', [OPEN, 'data hel']],
  ['no last chunk', `${CHUNKED}5\r\nhello\r\n`, 'closed in the middle of a message', [OPEN, 'data hello']],
  ['no end of trailers', `${CHUNKED}0\r\nX: y\r\n`, 'closed in the middle of a message', [OPEN]],
  ['a chunk size that is none', `${CHUNKED}1\r\nx\r\nzz\r\n`, 'malformed chunk size', [OPEN, 'data x']],
];
