import { describe, expect, it } from 'vitest';
import { PersistentMap } from './persistent-map.ts';

/** Deterministic numbers from 0 to `below`. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('a persistent map', () => {
  it.each([1, 2, 3, 4, 5])('holds what an ordinary one holds, through growth and decay (%d)', (seed) => {
    const next = numbers(seed);
    const known = new Map<string, number>();
    let map = PersistentMap.empty<number>();
    const agree = () => {
      expect(map.size).toBe(known.size);
      expect([...map.values()].sort((a, b) => a - b)).toEqual([...known.values()].sort((a, b) => a - b));
      for (let i = 0; i < 3000; i++) expect(map.get(`key-${i}`)).toBe(known.get(`key-${i}`));
    };
    // First mostly set, then mostly removed.
    for (const removals of [1, 9, 1, 10]) {
      for (let i = 0; i < 6000; i++) {
        const key = `key-${next(3000)}`;
        const value = next(10) < removals ? undefined : i;
        map = map.with(key, value);
        if (value === undefined) known.delete(key);
        else known.set(key, value);
      }
      agree();
    }
    for (const key of known.keys()) map = map.with(key, undefined);
    expect(map.size).toBe(0);
  });

  it('leaves the map that it was made from as it was', () => {
    let map = PersistentMap.empty<number>();
    for (let i = 0; i < 1000; i++) map = map.with(`key-${i}`, i);
    const before = map;
    for (let i = 0; i < 1000; i++) map = map.with(`key-${i}`, i % 2 === 0 ? undefined : -i);
    expect([before.size, map.size]).toEqual([1000, 500]);
    for (let i = 0; i < 1000; i++) expect(before.get(`key-${i}`)).toBe(i);
  });

  it('is itself when nothing changes', () => {
    const map = PersistentMap.empty<number>().with('a', 1);
    expect(map.with('a', 1)).toBe(map);
    expect(map.with('b', undefined)).toBe(map);
    expect(map.with('a', undefined).with('a', undefined).size).toBe(0);
  });

  it('holds keys with one hash', () => {
    // "Aa" and "BB" weigh the same in a hash of powers of 31, and so do all words made of them.
    let words = [''];
    for (let i = 0; i < 8; i++) words = words.flatMap((word) => [`${word}Aa`, `${word}BB`]);
    let map = PersistentMap.empty<string>();
    for (const word of words) map = map.with(word, word);
    expect(map.size).toBe(256);
    for (const word of words) expect(map.get(word)).toBe(word);
    for (const word of words.slice(1)) map = map.with(word, undefined);
    expect([map.size, map.get(words[0]!)]).toEqual([1, words[0]]);
  });
});
