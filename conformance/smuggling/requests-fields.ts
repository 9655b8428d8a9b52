import { cut, declined, H, HIDDEN, passed, type RequestCase, refused, SEEN } from './case.ts';

const LINE = 'GET / HTTP/1.1\r\n';
const POST = `POST / HTTP/1.1\r\n${H}`;
const HELLO = 'Content-Length: 5\r\n\r\nhello';
const GOT = 'GET / none ';
const POSTED = 'POST / length hello';

function field(name: string, line: string): RequestCase {
  return refused(`field: ${name}`, `${LINE}${H}${line}\r\n\r\n${HIDDEN}`);
}

/** Where one field ends and the next begins. */
export const FIELDS: readonly RequestCase[] = [
  field('a bare LF inside', 'X: a\nContent-Length: 90'),
  field('a bare CR inside', 'X: a\rContent-Length: 90'),
  field('LF CR inside', 'X: a\n\rContent-Length: 90'),
  field('CR CR LF behind', 'X: a\r'),
  field('an empty line of LFs', 'X: a\n\nGET /hidden HTTP/1.1'),
  field('an empty line of CRs', 'X: a\r\rGET /hidden HTTP/1.1'),
  field('a NUL inside', 'X: a\0b'),
  field('a NUL in the name', 'X\0: a'),
  field('a vertical tab inside', 'X: a\x0bb'),
  field('an escape inside', 'X: a\x1bb'),
  field('a DEL inside', 'X: a\x7fb'),
  field('folded by a blank', 'X: a\r\n Content-Length: 90'),
  field('folded by a tab', 'X: a\r\n\tContent-Length: 90'),
  field('an empty name', ': a'),
  field('no colon', 'Content-Length 90'),
  field('a blank before the colon', 'Content-Length : 90'),
  field('a tab before the colon', 'Content-Length\t: 90'),
  field('a blank before the name', ' Content-Length: 90'),
  field('a blank inside the name', 'Content Length: 90'),
  field('a slash in the name', 'Content/Length: 90'),
  field('a bracket in the name', 'Content[Length: 90'),
  field('a byte of more than seven bits in the name', 'Content-Length\xa0: 90'),
  field('a pseudo header', ':path: /hidden'),
  refused('field: before the first one a blank', `${LINE} X: a\r\n${H}\r\n`),
  refused('field: the first one folded', `${LINE}\tHost: a.example\r\n${H}\r\n`),
  refused('head: ended by LF LF', `${LINE}${H.trim()}\n\n${HIDDEN}`),
  refused('head: all lines end by LF', `GET / HTTP/1.1\nHost: a.example\n\n${HIDDEN}`),
  refused('head: all lines end by CR', `GET / HTTP/1.1\rHost: a.example\r\r${HIDDEN}`),
  refused('head: ended by CR LF LF', `${LINE}${H}\n${HIDDEN}`),
  refused('head: 200 KiB', `${LINE}${H}X: ${'x'.repeat(200_000)}\r\n\r\n`, 431),
  refused('head: 1000 fields', `${LINE}${H}${'X: y\r\n'.repeat(1000)}\r\n`, 431),
  passed('field: bytes of more than seven bits', `${LINE}${H}X: \x80\xff\xc3\xa9\r\n\r\n`, GOT, [
    'X: \x80\xff\xc3\xa9',
  ]),
  passed('field: CR and LF in escapes', `${LINE}${H}X: a%0d%0aContent-Length: 90\r\n\r\n`, GOT, [
    'X: a%0d%0aContent-Length: 90',
  ]),
  passed('field: a length in a value', `${LINE}${H}X: Content-Length: 90\r\n\r\n`, GOT),
  passed('field: a name that only looks like one of framing', `${POST}Content_Length: 90\r\n${HELLO}`, POSTED),
  passed('field: the same behind an X', `${POST}X-Transfer-Encoding: chunked\r\n${HELLO}`, POSTED),
];

/** What belongs to the connection, and what may not be taken for that. */
export const HOPS: readonly RequestCase[] = [
  passed('Connection names the length', `${POST}Connection: content-length\r\n${HELLO}`, POSTED),
  passed('Connection names the host', `${POST}Connection: Host\r\n${HELLO}`, POSTED, ['Host: a.example']),
  passed(
    'Connection names everything',
    `${POST}Connection: host, content-length, date, x\r\nX: 1\r\n${HELLO}`,
    POSTED,
    ['!x', '!connection'],
  ),
  passed(
    'Connection names the coding',
    `${POST}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    'POST / chunked hello',
  ),
  passed(
    'Connection names who the caller is',
    `${LINE}${H}Connection: x-forwarded-for, x-forwarded-host\r\n\r\n`,
    GOT,
    ['x-forwarded-for: 127.0.0.1', 'x-forwarded-host: a.example'],
  ),
  passed(
    'Connection names itself',
    `${LINE}${H}Connection: connection, keep-alive\r\nKeep-Alive: timeout=9\r\n\r\n`,
    GOT,
    ['!connection', '!keep-alive'],
  ),
  passed('Connection is no list', `${LINE}${H}Connection: "x", ,;,@\r\n\r\n`, GOT, ['!connection']),
  passed('several Connections', `${LINE}${H}Connection: x-a\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 1\r\n\r\n`, GOT, [
    '!x-a',
    '!x-b',
  ]),
  passed(
    'fields of the connection',
    `${LINE}${H}TE: trailers\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 1\r\n\r\n`,
    GOT,
    ['!te', '!proxy-connection', '!keep-alive'],
  ),
  passed('a lane that nobody may choose', `${LINE}${H}X-Mse-Tag: gray\r\n\r\n`, GOT, ['!x-mse-tag']),
  passed(
    'a caller who says who he is',
    `${LINE}${H}X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n\r\n`,
    GOT,
    ['X-Forwarded-For: 127.0.0.1', '!forwarded'],
  ),
  cut('Connection: close, and a request behind it', `${POST}Connection: close\r\n${HELLO}${HIDDEN}`, POSTED, 200),

  passed('Expect with a body at once', `${POST}Expect: 100-continue\r\n${HELLO}`, POSTED, ['!expect']),
  passed('Expect with a request behind it', `${POST}Expect: 100-continue\r\n${HELLO}${HIDDEN}`, [POSTED, SEEN]),
  passed('Expect without a body', `${LINE}${H}Expect: 100-continue\r\n\r\n`, GOT, ['!expect']),
  refused('Expect of something else', `${POST}Expect: 100-continue-please\r\n${HELLO}`, 501),
  refused('Expect of a list', `${POST}Expect: 100-continue, x\r\n${HELLO}`, 501),
  refused('Expect twice', `${POST}Expect: 100-continue\r\nExpect: x\r\n${HELLO}`, 501),
  refused('Expect that is obfuscated', `${POST}Expect: y 100-continue\r\n${HELLO}`, 501),

  passed(
    'h2c with a body',
    `${POST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n${HELLO}`,
    POSTED,
    ['!upgrade', '!http2-settings', '!connection'],
  ),
  passed(
    'h2c whose settings Connection does not name',
    `${LINE}${H}Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n${HIDDEN}`,
    [GOT, SEEN],
  ),
  declined('h2c in other words', `${LINE}${H}Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n`, 403),
  refused('WebSocket with a body', `${LINE}${H}Connection: Upgrade\r\nUpgrade: websocket\r\n${HELLO}`, 501),
  refused(
    'WebSocket in chunks',
    `${LINE}${H}Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    501,
  ),
  refused('WebSocket by POST', `${POST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n${HIDDEN}`),
  passed(
    'WebSocket that the service does not take, and a request behind it',
    `${LINE}${H}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\n${HIDDEN}`,
    [GOT, SEEN],
    ['!upgrade'],
  ),
];
