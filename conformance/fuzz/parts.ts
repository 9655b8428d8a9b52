// Pieces of HTTP/1.1 messages for fuzzing, and the small changes that break them.
import type { Random } from './random.ts';

/** Values of Content-Length; the first is right for `hello`. */
const LENGTHS = [
  '5',
  '0',
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
/** Values of Transfer-Encoding, the right one first. */
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
export const CONNECTIONS = ['keep-alive', 'close', 'upgrade', 'Transfer-Encoding', 'keep-alive, close', 'x,,y', ','];
/** Field lines that are none. */
export const BROKEN = [
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
const TRAILERS = [
  'X-T: 1',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Host: b',
  'Connection: close',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'Trailer: X',
  'X y',
  ' folded',
];
export const LINE_ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r'];
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

/** Adds the framing of a body to the lines of a head, now and then a wrong one. @param usual most of it is right */
export function addBody(lines: string[], random: Random, usual: boolean): string {
  switch (random.below(5)) {
    case 1:
      lines.push(`Content-Length: ${random.chance(70) ? '5' : random.pick(LENGTHS)}`);
      return 'hello';
    case 2:
      lines.push(`Transfer-Encoding: ${random.chance(70) ? 'chunked' : random.pick(CODINGS)}`);
      return chunks(random, usual);
    case 3:
      if (random.chance(70)) return '';
      lines.push(
        'Content-Length: 5',
        random.pick(['Content-Length: 5', 'Content-Length: 6', 'Transfer-Encoding: chunked']),
      );
      return random.chance(50) ? 'hello' : chunks(random, usual);
    default:
      return '';
  }
}

function chunks(random: Random, usual: boolean): string {
  let text = '';
  for (let left = random.below(3); left > 0; left--)
    text += `${usual ? '5' : random.pick(SIZES)}\r\nhello${end(random)}`;
  let trailers = '';
  for (let left = random.chance(20) ? 1 + random.below(2) : 0; left > 0; left--)
    trailers += `${random.chance(60) ? TRAILERS[0]! : random.pick(TRAILERS)}${end(random)}`;
  return `${text}0${random.chance(90) ? '' : ';x=y'}${end(random)}${trailers}\r\n`;
}

function end(random: Random): string {
  return random.chance(96) ? '\r\n' : random.pick(LINE_ENDS);
}

/** The text with one small change somewhere. */
export function mutated(text: string, random: Random): string {
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
