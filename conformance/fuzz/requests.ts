// Requests for fuzzing: well-formed ones, and what becomes of them under small changes.
import { addBody, BROKEN, CONNECTIONS, LINE_ENDS, mutated } from './parts.ts';
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
const OTHERS = [
  'X: y',
  'X-Long: ' + 'v'.repeat(300),
  'x:',
  'Cookie: a=b',
  'Expect: 100-continue',
  'Upgrade: websocket',
  'TE: trailers',
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
  const body = addBody(lines, random, usual);
  if (random.chance(20)) lines.push(`Connection: ${random.pick(CONNECTIONS)}`);
  for (let left = random.below(4); left > 0; left--) lines.push(random.pick(OTHERS));
  if (random.chance(8)) lines.splice(1 + random.below(lines.length), 0, random.pick(BROKEN));
  return `${lines.join(end)}${end}${end}${body}`;
}
