import { describe, expect, it } from 'vitest';
import { BUCKETS, bucketOf, stableHash } from './hash.ts';

/** The same hash from its definition (FNV-1a 32, then Murmur3 fmix32), in whole numbers without any trick. */
function reference(text: string): number {
  const word = (value: bigint) => value & 0xffffffffn;
  let hash = 2_166_136_261n;
  for (const byte of Buffer.from(text, 'utf8')) hash = word((hash ^ BigInt(byte)) * 16_777_619n);
  hash ^= hash >> 16n;
  hash = word(hash * 0x85ebca6bn);
  hash ^= hash >> 13n;
  hash = word(hash * 0xc2b2ae35n);
  hash ^= hash >> 16n;
  return Number(hash);
}

describe('stableHash', () => {
  it('is FNV-1a 32 and the Murmur3 finaliser over UTF-8', () => {
    const texts = [
      '',
      'a',
      'gray:device-1',
      'gray:Gerät-ü',
      '灰度:设备',
      'x'.repeat(4096),
      'é'.repeat(5000),
      '\ud83d\ude00',
    ];
    for (const text of texts) expect(stableHash(text)).toBe(reference(text));
    for (let i = 0; i < 2000; i++) expect(stableHash(`lane:${i * 7919}`)).toBe(reference(`lane:${i * 7919}`));
  });

  it('keeps its values for ever', () => {
    expect(stableHash('')).toBe(2_872_998_923);
    expect(stableHash('gray:device-1')).toBe(326_565_409);
    expect(bucketOf('gray', 'device-1')).toBe(5_409);
    expect(bucketOf('gray', '设备')).toBe(7_645);
  });

  it('treats a lone surrogate as the replacement character, as UTF-8 does', () => {
    expect(stableHash('\ud83d')).toBe(stableHash('\ufffd'));
  });
});

describe('bucketOf', () => {
  it('spreads similar keys evenly', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 100_000; i++) tenths[Math.floor(bucketOf('gray', `device-${i}`) / 1000)]!++;
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it('separates salt and key', () => {
    expect(bucketOf('a', 'b')).toBe(stableHash('a:b') % BUCKETS);
    expect(bucketOf('a', 'b')).not.toBe(bucketOf('b', 'a'));
  });
});
