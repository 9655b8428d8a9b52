import { describe, expect, it } from 'vitest';
import { readMessage, readStatus, statusOfHttp, statusOfReset } from './grpc-status.ts';

describe('the status of a gRPC call', () => {
  it('is what the service says, if that is one', () => {
    expect(['0', '5', '16'].map(readStatus)).toEqual([0, 5, 16]);
    expect(['', '17', '-1', '05x', '1e0', '4294967296'].map(readStatus)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('is made of that of HTTP where there is no other', () => {
    expect([400, 401, 403, 404, 429, 502, 503, 504].map(statusOfHttp)).toEqual([13, 16, 7, 12, 14, 14, 14, 14]);
    expect([200, 301, 418, 500].map(statusOfHttp)).toEqual([2, 2, 2, 2]);
  });

  it('is made of the error of a reset stream', () => {
    expect([0, 1, 2, 7, 8, 11, 12, 13, 99].map(statusOfReset)).toEqual([13, 13, 13, 14, 1, 8, 7, 13, 13]);
  });
});

describe('the message of a gRPC call', () => {
  it.each([
    ['plain words', 'plain words'],
    ['50%25 of %E2%82%AC', '50% of \xe2\x82\xac'],
    ['100%', '100%'],
    ['%zz%4', '%zz%4'],
    ['%0A', '\n'],
  ])('%j is %j', (text, message) => {
    expect(readMessage(text)).toBe(message);
  });
});
