import { cut, H, HIDDEN, passed, type RequestCase, refused, waiting } from './case.ts';

const HEAD = `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`;
const END = '0\r\n\r\n';

/** A chunk of this size line, and the end; with a request behind it for who counts otherwise. */
function sized(name: string, size: string): RequestCase {
  return refused(`chunk size: ${name}`, `${HEAD}${size}\r\nhello\r\n${END}${HIDDEN}`);
}

/** A body whose trailers are these lines. */
function trailed(name: string, trailers: string, fields: readonly string[]): RequestCase {
  const bytes = `${HEAD}5\r\nhello\r\n0\r\n${trailers}\r\n`;
  return passed(`trailers: ${name}`, bytes, 'POST / chunked hello', fields);
}

/** How a chunked body is cut. */
export const CHUNKS: readonly RequestCase[] = [
  sized('with +', '+5'),
  sized('with -', '-5'),
  sized('with 0x', '0x5'),
  sized('with a leading blank', ' 5'),
  sized('with a blank behind', '5 '),
  sized('with a tab behind', '5\t'),
  sized('with blanks before an extension', '5 ;a'),
  sized('with an underscore', '0_5'),
  sized('with h', '5h'),
  sized('in no digits', 'five'),
  sized('empty', ''),
  sized('of an extension alone', ';a'),
  sized('with a NUL', '5\0'),
  sized('with a quote', '"5"'),
  sized('with a comma', '5,5'),
  sized('with a vertical tab', '5\x0b'),
  sized('of 2^64 + 5', '10000000000000005'),
  sized('of 2^64 - 1', 'ffffffffffffffff'),
  sized('of 2^56', '100000000000000'),
  sized('with many zeros', '00000000000000000005'),
  sized('behind a carriage return', '\r5'),
  passed('chunk size: with some zeros', `${HEAD}00005\r\nhello\r\n000\r\n\r\n`, 'POST / chunked hello'),
  passed('chunk size: in capitals', `${HEAD}A\r\nhellohello\r\n${END}`, 'POST / chunked hellohello'),
  waiting('chunk size: of 2^32 + 5', `${HEAD}100000005\r\nhello\r\n${END}${HIDDEN}`),

  refused('chunk line: ended by LF', `${HEAD}5\nhello\r\n${END}${HIDDEN}`),
  refused('chunk line: ended by CR', `${HEAD}5\rhello\r\n${END}${HIDDEN}`),
  refused('chunk line: ended by LF CR', `${HEAD}5\n\rhello\r\n${END}`),
  refused('chunk line: ended by CR CR LF', `${HEAD}5\r\r\nhello\r\n${END}`),
  refused('chunk: ended by LF', `${HEAD}5\r\nhello\n${END}${HIDDEN}`),
  refused('chunk: ended by CR', `${HEAD}5\r\nhello\r0\r\n\r\n${HIDDEN}`),
  refused('chunk: not ended', `${HEAD}5\r\nhello${END}${HIDDEN}`),
  refused('chunk: longer than its size', `${HEAD}5\r\nhello!\r\n${END}${HIDDEN}`),
  refused('chunk: two bytes longer than its size', `${HEAD}5\r\nhelloXX${END}${HIDDEN}`),
  refused('chunk: shorter than its size', `${HEAD}6\r\nhello\r\n${END}${HIDDEN}`),
  refused('last chunk: ended by LF', `${HEAD}0\n\r\n${HIDDEN}`),
  refused('last chunk: the empty line is LF', `${HEAD}0\r\n\n${HIDDEN}`),
  refused('last chunk: no empty line', `${HEAD}0\r\n${HIDDEN}`),
  refused('last chunk: both are LF', `${HEAD}0\n\n${HIDDEN}`),
  cut('last chunk: another behind it', `${HEAD}${END}5\r\nhello\r\n${END}`, 'POST / chunked '),
  waiting('last chunk: none', `${HEAD}5\r\nhello\r\n`),
  waiting('last chunk: half an empty line', `${HEAD}5\r\nhello\r\n0\r\n\r`),

  passed('extension: a name', `${HEAD}5;a\r\nhello\r\n${END}`, 'POST / chunked hello'),
  passed('extension: a value', `${HEAD}5;a=b\r\nhello\r\n${END}`, 'POST / chunked hello'),
  passed(
    'extension: a request in quotes',
    `${HEAD}5;a="GET /hidden HTTP/1.1"\r\nhello\r\n${END}`,
    'POST / chunked hello',
  ),
  passed('extension: of the last chunk', `${HEAD}5\r\nhello\r\n0;a=b\r\n\r\n`, 'POST / chunked hello'),
  refused('extension: LF in it', `${HEAD}5;a\nhello\r\n${END}${HIDDEN}`),
  refused('extension: LF in quotes', `${HEAD}5;a="\nhello\r\n${END}"\r\nhello\r\n${END}`),
  refused('extension: CR in it', `${HEAD}5;a\rhello\r\n${END}`),
  refused('extension: CR LF in quotes', `${HEAD}5;a="\r\nhello"\r\n${END}`),
  refused('extension: NUL in it', `${HEAD}5;a\0\r\nhello\r\n${END}`),
  refused('extension: no name', `${HEAD}5;\r\nhello\r\n${END}`),
  refused('extension: LF before the data (TERM.EXT)', `${HEAD}2;\nxx\r\n4c\r\n${HIDDEN}\r\n${END}`),
  refused('extension: LF before the end (EXT.TERM)', `${HEAD}2\r\nxx\r\n0;\nGET /hidden HTTP/1.1\r\n\r\n`),
  refused('extension: of 300 bytes', `${HEAD}5;a=${'b'.repeat(300)}\r\nhello\r\n${END}`),
  refused('extensions: of 17 KiB in all', `${HEAD}${`1;a=${'b'.repeat(200)}\r\nx\r\n`.repeat(90)}${END}`),

  trailed('announced and allowed', 'X-Sum: abc\r\n', ['trailer X-Sum: abc']),
  refused('trailers: a length', `${HEAD}0\r\nContent-Length: 900\r\n\r\n${HIDDEN}`),
  refused('trailers: a coding', `${HEAD}0\r\nTransfer-Encoding: chunked\r\n\r\n${HIDDEN}`),
  refused('trailers: connection options', `${HEAD}0\r\nX: y\r\nConnection: close\r\n\r\n${HIDDEN}`),
  trailed('a host', 'Host: b.example\r\n', ['!trailer host']),
  trailed('credentials', 'Authorization: Basic x\r\nCookie: a=b\r\n', ['!trailer authorization', '!trailer cookie']),
  trailed('an upgrade', 'Upgrade: websocket\r\n', ['!trailer upgrade']),
  trailed('who the caller is', 'X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n', [
    '!trailer x-forwarded-for',
    '!trailer forwarded',
  ]),
  refused('trailers: a bare LF', `${HEAD}0\r\nX: y\nZ: a\r\n\r\n`),
  refused('trailers: a bare CR', `${HEAD}0\r\nX: y\rZ: a\r\n\r\n`),
  refused('trailers: folded', `${HEAD}0\r\nX: y\r\n z\r\n\r\n`),
  refused('trailers: a blank before the colon', `${HEAD}0\r\nX : y\r\n\r\n`),
  refused('trailers: no field', `${HEAD}0\r\nGET /hidden HTTP/1.1\r\n\r\n`),
  refused('trailers: a NUL', `${HEAD}0\r\nX: \0\r\n\r\n`),
  refused('trailers: 40 KiB', `${HEAD}0\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431),
];
