import { STATUS_CODES } from 'node:http';
import { expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { bytesOf, requestEvents, responseEvents } from './events.suite.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk, requestHead, responseHead } from './write.ts';

const CHUNKED = 'transfer-encoding: chunked\r\n';

it('writes heads of requests', () => {
  const headers = new PairHeaders(['Host', 'a', 'x-B', '\xe9', 'x-b', '']);
  const head = requestHead('PUT', '/a?b', headers, 'content-length: 0\r\n');
  expect(head).toBe('PUT /a?b HTTP/1.1\r\nHost: a\r\nx-B: \xe9\r\nx-b: \r\ncontent-length: 0\r\n\r\n');
  expect(requestHead('GET', '*', new PairHeaders(), '')).toBe('GET * HTTP/1.1\r\n\r\n');
});

it('writes heads of responses, with the reason that people expect', () => {
  expect(responseHead(404, new PairHeaders(['a', 'b']), '')).toBe('HTTP/1.1 404 Not Found\r\na: b\r\n\r\n');
  expect(responseHead(299, new PairHeaders(), '')).toBe('HTTP/1.1 299 \r\n\r\n');
  const missing = Object.keys(STATUS_CODES).filter((status) =>
    responseHead(+status, new PairHeaders(), '').includes(`${status} \r`),
  );
  // Of no use, taken back, or never registered.
  expect(missing).toEqual(['305', '418', '506', '509', '510']);
});

it('writes what the parsers read', () => {
  const body = `${chunkHead(10)}0123456789${CHUNK_END}${chunkHead(1)}x${CHUNK_END}`;
  const headers = new PairHeaders(['Host', 'a']);
  const request = requestHead('POST', '/', headers, CHUNKED) + body + LAST_CHUNK;
  expect(requestEvents([bytesOf(request)])).toEqual([
    'POST / at a 1.1 [Host: a | transfer-encoding: chunked]',
    'data 0123456789x',
    'end',
  ]);
  const response = responseHead(200, new PairHeaders(), CHUNKED) + body + lastChunk(new PairHeaders(['x-t', '1']));
  expect(responseEvents([bytesOf(response)])).toEqual([
    '200 [transfer-encoding: chunked]',
    'data 0123456789x',
    'end x-t: 1',
  ]);
});

it('writes nothing that would be another head', () => {
  for (const [name, value] of [
    ['x', 'a\r\nb: c'],
    ['x', 'a\nb'],
    ['x', '\0'],
    ['x', '\u0100'],
    ['x y', 'z'],
    ['', 'z'],
    ['x:', 'z'],
  ] as const) {
    const headers = new PairHeaders([name, value]);
    for (const write of [
      () => requestHead('GET', '/', headers, ''),
      () => responseHead(200, headers, ''),
      () => lastChunk(headers),
    ]) {
      expect(write).toThrow('cannot be written');
    }
  }
});
