// Requests for fuzzing: well-formed ones, and what becomes of them under small changes.
import type { Random } from './random.ts';

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'get', 'CONNECT', 'M-SEARCH', 'X'];
const TARGETS = [
  '/',
  '/a/b?c=d',
  '*',
  'http://a/x',
  'http://b/',
  'https://a',
  '/%zz',
  '//',
  '/a#b',
  'a',
  'a:80',
  '/\xe4',
  '',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ', 'HTTP/1', ''];
const HOSTS = ['a', 'a:80', '[::1]:8080', '', 'a b', 'a/b', 'user@a', 'a, b', 'a\x00', 'a:99999999'];
const LENGTHS = [
  '0',
  '5',
  '05',
  '+5',
  '-1',
  '5, 5',
  '5 5',
  '0x5',
  '5\t',
  '5;',
  '99999999999999999999',
  '',
  '5\x00',
  '٥',
];
const CODINGS = [
  'chunked',
  'Chunked',
  'chunked, chunked',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  'xchunked',
  'chunked;q=1',
  '"chunked"',
  ' chunked',
  'chunked\t',
  'chun\tked',
  '\x0bchunked',
  'chunked,',
  ',chunked',
  '',
];
const CONNECTIONS = ['keep-alive', 'close', 'upgrade', 'Transfer-Encoding', 'keep-alive, close', 'x,,y', ','];
const OTHERS = [
  'X: y',
  'X-Long: ' + 'v'.repeat(300),
  'x:',
  'Cookie: a=b',
  'Expect: 100-continue',
  'Upgrade: websocket',
  'TE: trailers',
];
const BROKEN = [
  'X : y',
  ' folded',
  '\tfolded',
  ': empty',
  'X y',
  'X\x00: y',
  'X: y\x00',
  'X: \x7f',
  'X:\x01',
  'X: ä',
  'Ä: y',
  'X(: y',
];
const SIZES = [
  '5',
  '05',
  '005',
  '5 ',
  ' 5',
  '5;x',
  '5;x=y',
  '5;x="y\\""',
  '5\t',
  '0x5',
  '-5',
  '+5',
  'g',
  '',
  'FFFFFFFFFFFFFFFFF',
  '5;\x00',
];
const LINE_ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r'];
const SPECIAL = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\x00',
  '\x7f',
  '\xff',
  '0',
  '5',
  'a',
  'chunked',
  '\x0b',
  '\x0c',
];

/** Bytes (latin1) of one to three requests, about half of them broken somewhere. */
export function requestBytes(random: Random): string {
  let text = '';
  for (let left = 1 + random.below(3); left > 0; left--) text += request(random);
  for (let left = random.chance(50) ? 1 + random.below(3) : 0; left > 0; left--) text = mutated(text, random);
  return text;
}

function request(random: Random): string {
  const usual = random.chance(70);
  const end = random.chance(95) ? '\r\n' : random.pick(LINE_ENDS);
  const pick = (list: readonly string[]): string => (usual || random.chance(60) ? list[0]! : random.pick(list));
  const method = random.chance(60) ? random.pick(METHODS.slice(0, 6)) : random.pick(METHODS);
  const lines = [`${method} ${pick(TARGETS)} ${pick(VERSIONS)}`, `Host: ${pick(HOSTS)}`];
  let body = '';
  const framing = random.below(5);
  if (framing === 1) {
    lines.push(`Content-Length: ${random.chance(70) ? '5' : random.pick(LENGTHS)}`);
    body = 'hello';
  } else if (framing === 2) {
    lines.push(`Transfer-Encoding: ${random.chance(70) ? 'chunked' : random.pick(CODINGS)}`);
    body = chunks(random, usual);
  } else if (framing === 3 && random.chance(30)) {
    lines.push(
      'Content-Length: 5',
      random.pick(['Content-Length: 5', 'Content-Length: 6', 'Transfer-Encoding: chunked']),
    );
    body = random.chance(50) ? 'hello' : chunks(random, usual);
  }
  if (random.chance(20)) lines.push(`Connection: ${random.pick(CONNECTIONS)}`);
  for (let left = random.below(4); left > 0; left--) lines.push(random.pick(OTHERS));
  if (random.chance(8)) lines.splice(1 + random.below(lines.length), 0, random.pick(BROKEN));
  return `${lines.join(end)}${end}${end}${body}`;
}

function chunks(random: Random, usual: boolean): string {
  let text = '';
  for (let left = random.below(3); left > 0; left--)
    text += `${usual ? '5' : random.pick(SIZES)}\r\nhello${end(random)}`;
  const trailers = random.chance(20) ? `X-T: 1${end(random)}` : '';
  return `${text}0${random.chance(90) ? '' : ';x=y'}${end(random)}${trailers}\r\n`;
}

function end(random: Random): string {
  return random.chance(96) ? '\r\n' : random.pick(LINE_ENDS);
}

function mutated(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + random.pick(SPECIAL) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(3));
    case 2:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    default: {
      const from = random.below(text.length + 1);
      return text.slice(0, at) + text.slice(from, from + random.below(40)) + text.slice(at);
    }
  }
}
