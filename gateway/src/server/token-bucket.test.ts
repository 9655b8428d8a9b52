import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  function taken(bucket: TokenBucket, times: number, now: number): number {
    let count = 0;
    for (let i = 0; i < times; i++) if (bucket.take(now)) count++;
    return count;
  }

  it('gives a burst, then what the time brings, and never more than a burst', () => {
    const bucket = new TokenBucket(10, 5);
    expect(taken(bucket, 100, 1000)).toBe(5);
    expect(taken(bucket, 100, 1099)).toBe(0);
    expect(taken(bucket, 100, 1100)).toBe(1);
    expect(taken(bucket, 100, 1450)).toBe(3);
    expect(taken(bucket, 100, 100_000)).toBe(5);
  });
});
