import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { pairsByteLength, parsePairs, writePairs } from './pairs.ts';

function serialise(pairs: readonly string[]): Buffer {
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

/** A small generator of numbers; the same seed gives the same run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('serialised maps', () => {
  it('have the layout of the ABI', () => {
    const hex = '02000000 01000000 01000000 01000000 02000000 61 00 31 00 62 00 32 32 00'.replaceAll(' ', '');
    expect(serialise(['a', '1', 'b', '22']).toString('hex')).toBe(hex);
  });

  it('round-trip: repeats, empty texts, NULs inside and every latin1 byte', () => {
    const random = randomFrom(7);
    for (let run = 0; run < 500; run++) {
      const pairs = Array.from({ length: random(20) * 2 }, () =>
        String.fromCharCode(...Array.from({ length: random(12) }, () => random(256))),
      );
      const bytes = serialise(pairs);
      expect(parsePairs(bytes)).toEqual(pairs);
    }
  });

  it.each([
    ['no bytes', ''],
    ['one NUL', '00'],
    ['a count of 0', '00000000'],
  ])('are empty as %s', (_name, hex) => {
    expect(parsePairs(Buffer.from(hex, 'hex'))).toEqual([]);
  });

  it.each([
    ['half a count', '0100'],
    ['a count without entries', '01000000'],
    ['more entries than bytes', 'ffffffff00000000'],
    ['lengths beyond the end', '01000000ffffffffffffffff6100310'],
    ['no terminator', '010000000100000001000000610031'],
    ['another byte as terminator', '01000000010000000100000061003101'],
    ['bytes left over', '0100000001000000010000006100310000'],
  ])('are refused with %s', (_name, hex) => {
    expect(parsePairs(Buffer.from(hex, 'hex'))).toBeNull();
  });

  it('are refused when too large or too many', () => {
    expect(parsePairs(serialise(['a', 'x'.repeat(LIMITS.pluginMapBytes)]))).toBeNull();
    expect(parsePairs(serialise(Array.from({ length: LIMITS.pluginMapPairs * 2 + 2 }, () => 'a')))).toBeNull();
  });

  it('never crash on mutated bytes, and what they accept round-trips', () => {
    const random = randomFrom(11);
    const seed = serialise([':method', 'GET', 'x-a', '', 'x-b', 'value']);
    let accepted = 0;
    for (let run = 0; run < 20_000; run++) {
      const bytes = Buffer.from(seed.subarray(0, random(4) === 0 ? random(seed.length + 1) : seed.length));
      for (let i = random(3); i >= 0 && bytes.length > 0; i--) bytes[random(bytes.length)] = random(256);
      const pairs = parsePairs(bytes);
      if (pairs === null || pairs.length === 0) continue;
      accepted++;
      expect(serialise(pairs).equals(bytes)).toBe(true);
    }
    expect(accepted).toBeGreaterThan(1000);
  });
});
