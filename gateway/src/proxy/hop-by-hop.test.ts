import { expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { removeHopByHop } from './hop-by-hop.ts';

function left(...pairs: string[]): readonly string[] {
  const headers = new PairHeaders(pairs);
  removeHopByHop(headers);
  return headers.toPairs();
}

it.each([
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'TE',
  'Transfer-Encoding',
  'Upgrade',
])('removes %s, every one', (name) => {
  expect(left(name, 'a', 'X-Kept', '1', name.toLowerCase(), 'b')).toEqual(['X-Kept', '1']);
});

it('removes what Connection names, in every field of it, whatever the case', () => {
  expect(
    left('Connection', 'X-One, ,x-TWO ', 'x-one', '1', 'X-Two', '2', 'connection', 'X-Three', 'X-THREE', '3'),
  ).toEqual([]);
});

it('keeps what belongs to the message even if Connection names it', () => {
  const own = ['Host', 'a', 'Content-Length', '1', 'Content-Type', 't', 'Content-Encoding', 'br', 'Date', 'now'];
  expect(left('Connection', 'host, content-length, content-type, content-encoding, date, close', ...own)).toEqual(own);
});

it('leaves everything else alone', () => {
  const others = ['Trailer', 'X-Sum', 'Via', '1.1 x', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2'];
  expect(left(...others)).toEqual(others);
});

it('takes names that are none without harm', () => {
  expect(left('Connection', ',,;=\u00ff, __proto__, constructor', 'X-Kept', '1')).toEqual(['X-Kept', '1']);
});
