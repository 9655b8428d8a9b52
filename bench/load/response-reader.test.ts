import { expect, it } from 'vitest';
import { ResponseReader } from './response-reader.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const BAD = 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n';

it('finds the end of a response, however it is cut', () => {
  for (let cut = 1; cut < OK.length; cut++) {
    const reader = new ResponseReader();
    expect(reader.read(Buffer.from(OK.slice(0, cut)))).toBe(null);
    expect(reader.read(Buffer.from(OK.slice(cut)))).toBe(true);
  }
});

it('tells good answers from others, one after the other', () => {
  const reader = new ResponseReader();
  expect([BAD, OK, BAD].map((text) => reader.read(Buffer.from(text)))).toEqual([false, true, false]);
});

it('does not take a response without a length for a good one', () => {
  expect(new ResponseReader().read(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toBe(false);
});
