// Responses for fuzzing: well-formed ones, and what becomes of them under small changes.
import { addBody, BROKEN, CONNECTIONS, LINE_ENDS, mutated } from './parts.ts';
import type { Random } from './random.ts';

const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1', 'ICY', ''];
const STATUSES = ['200 OK', '200', '200 ', '204 No Content', '304 Not Modified', '404 x', '500 \xe4', '999 X'];
const ODD_STATUSES = [
  '099 X',
  '20 OK',
  '2000 OK',
  '200OK',
  '+20 X',
  '20x Y',
  '-1 X',
  ' 200 OK',
  '200\tOK',
  '200 \x01',
  '',
];
const INFORMATIONAL = ['100 Continue', '102 Processing', '103 Early Hints', '101 Switching Protocols', '199 X'];
const OTHERS = [
  'X: y',
  'X-Long: ' + 'v'.repeat(300),
  'x:',
  'Set-Cookie: a=b',
  'Set-Cookie: c=d',
  'Upgrade: websocket',
  'Keep-Alive: timeout=5',
  'Trailer: X-T',
];

/** A response, with what it answers. */
export interface ResponseInput {
  readonly asked: 'GET' | 'HEAD';
  /** latin1 */
  readonly bytes: string;
}

/** A response with or without informational ones before it, about half of them broken somewhere. */
export function responseInput(random: Random): ResponseInput {
  let text = '';
  for (let left = random.chance(20) ? 1 + random.below(2) : 0; left > 0; left--) text += informational(random);
  text += response(random);
  if (random.chance(5)) text += response(random);
  for (let left = random.chance(50) ? 1 + random.below(3) : 0; left > 0; left--) text = mutated(text, random);
  return { asked: random.chance(85) ? 'GET' : 'HEAD', bytes: text };
}

function informational(random: Random): string {
  const lines = [`HTTP/1.1 ${random.chance(80) ? random.pick(INFORMATIONAL.slice(0, 3)) : random.pick(INFORMATIONAL)}`];
  if (random.chance(30)) lines.push(random.pick(OTHERS));
  if (random.chance(10)) lines.push('Connection: upgrade', 'Upgrade: websocket');
  const body = random.chance(5) ? addBody(lines, random, true) : '';
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function response(random: Random): string {
  const usual = random.chance(70);
  const end = random.chance(95) ? '\r\n' : random.pick(LINE_ENDS);
  const version = usual || random.chance(60) ? VERSIONS[random.below(10) === 0 ? 1 : 0]! : random.pick(VERSIONS);
  const status = usual || random.chance(60) ? random.pick(STATUSES) : random.pick(ODD_STATUSES);
  const lines = [`${version} ${status}`];
  const body = addBody(lines, random, usual);
  if (random.chance(20)) lines.push(`Connection: ${random.pick(CONNECTIONS)}`);
  for (let left = random.below(4); left > 0; left--) lines.push(random.pick(OTHERS));
  if (random.chance(8)) lines.splice(1 + random.below(lines.length), 0, random.pick(BROKEN));
  const unframed = body === '' && random.chance(40) ? 'until the end' : '';
  return `${lines.join(end)}${end}${end}${body}${unframed}`;
}
