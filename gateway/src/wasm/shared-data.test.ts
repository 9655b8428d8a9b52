import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { allocateSharedData, SharedDataMemory, type SharedDataOptions, sharedDataUsage } from './shared-data.ts';
import { expectWhole } from './shared-data.suite.ts';
import { SharedMemory, SPACE } from './shared-memory.ts';

const KiB = 1024;
const LARGEST = 980_000;

function bytes(length: number, fill = 7): Buffer {
  return Buffer.alloc(length, fill);
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

/** A small store with a clock in the test's hands. */
function smallStore(size: number, options: SharedDataOptions = {}) {
  const buffer = allocateSharedData(size);
  const clock = { now: 1000 };
  const view = (owner: number) =>
    new SharedDataMemory(buffer, owner, { seconds: () => clock.now, idleSeconds: 60, ...options });
  return { buffer, clock, view, store: view(1) };
}

describe('shared data', () => {
  it('compares and swaps', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    expect(data.get('k')).toBeNull();
    expect(data.set('k', text('1'), 7)).toBe(true);
    const first = data.get('k')!.cas;
    expect(data.set('k', text('2'), first + 1)).toBe(false);
    expect(data.set('k', text('2'), first)).toBe(true);
    expect(data.set('k', text('3'), first)).toBe(false);
    expect(data.set('k', text(''), 0)).toBe(true);
    expect(data.get('k')!.value.length).toBe(0);
  });

  it('keeps a copy, and hands out copies', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    const value = text('abc');
    data.set('k', value, 0);
    value.fill(0);
    const read = data.get('k')!.value;
    read.fill(0);
    expect(Buffer.from(data.get('k')!.value).toString()).toBe('abc');
  });

  it('is apart for each tenant and plugin, and outlives its reader', () => {
    const { view, store } = smallStore(64 * KiB);
    store.open('a', 'p').set('k', text('1'), 0);
    expect(store.open('b', 'p').get('k')).toBeNull();
    expect(store.open('a', 'q').get('k')).toBeNull();
    expect(view(2).open('a', 'p').get('k')).toEqual({ value: text('1'), cas: 1 });
  });

  it('holds keys and values of every length', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    const lengths = [0, 1, 23, 24, 91, 92, 93, 211, 212, 213, 1000, 100_000];
    for (const keyLength of lengths.slice(0, 11)) {
      for (const length of lengths) {
        const key = 'k'.repeat(keyLength);
        const value = Buffer.from(Array.from({ length }, (_, i) => i & 255));
        expect(data.set(key, value, 0)).toBe(true);
        expect(Buffer.compare(data.get(key)!.value, value), `${keyLength} + ${length}`).toBe(0);
      }
    }
    const binary = '\u0000\u00ff\n';
    expect(data.set(binary, bytes(3), 0)).toBe(true);
    expect(data.get(binary)!.value).toEqual(bytes(3));
    expect(data.set('largest', bytes(LARGEST), 0)).toBe(true);
    expect(data.get('largest')!.value).toEqual(bytes(LARGEST));
  });

  it('numbers writes from 1 to 2³²−2, and begins anew', () => {
    const { buffer, store } = smallStore(64 * KiB);
    const data = store.open('t', 'p');
    data.set('k', text('a'), 0);
    const memory = new SharedMemory(buffer);
    memory.words[memory.spaceAt(0) + SPACE.lastCas] = 0xffff_fffc;
    const numbers: number[] = [];
    for (let i = 0; i < 4; i++) {
      expect(data.set('k', text('b'), i === 0 ? 0 : numbers.at(-1)!)).toBe(true);
      numbers.push(data.get('k')!.cas);
    }
    expect(numbers).toEqual([0xffff_fffd, 0xffff_fffe, 1, 2]);
    // What the SDK names for "only if absent".
    expect(data.set('k', text('c'), 0xffff_ffff)).toBe(false);
  });

  it('agrees with a map, whatever is done', () => {
    const { buffer, store } = smallStore(2048 * KiB);
    const data = store.open('t', 'p');
    const map = new Map<string, Buffer>();
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 5000; i++) {
      const key = `key-${random(300)}`;
      if (random(3) > 0) {
        const value = bytes(random(random(10) === 0 ? 2000 : 200), i & 255);
        expect(data.set(key, value, 0)).toBe(true);
        map.set(key, value);
      }
      const got = data.get(key);
      expect(got === null ? undefined : Buffer.from(got.value)).toEqual(map.get(key));
    }
    expect(expectWhole(buffer, 0)).toHaveLength(map.size);
  });

  it('refuses names that cannot be told apart', () => {
    const data = SharedDataMemory.ofOneThread().open('t'.repeat(100), 'p'.repeat(100));
    expect(() => data.get('k')).toThrow(RangeError);
  });
});

describe('shared data of one plugin that is full', () => {
  it('forgets what has not been used for longest', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    const quarter = bytes(LIMITS.pluginSharedDataBytes / 4 - 20_000);
    for (const key of ['a', 'b', 'c', 'd']) expect(data.set(key, quarter, 0)).toBe(true);
    data.get('a');
    expect(data.set('e', quarter, 0)).toBe(true);
    expect(['a', 'b', 'c', 'd', 'e'].filter((key) => data.get(key) !== null)).toEqual(['a', 'c', 'd', 'e']);
  });

  it('keeps the others when one is replaced', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    data.set('small', text('s'), 0);
    for (let i = 0; i < 5; i++) expect(data.set('large', bytes(900_000, i), 0)).toBe(true);
    expect(data.get('large')!.value[0]).toBe(4);
    expect(data.get('small')).not.toBeNull();
  });

  it('does not take what is larger than everything, and keeps what there was', () => {
    const data = SharedDataMemory.ofOneThread().open('t', 'p');
    data.set('k', text('before'), 0);
    expect(data.set('k', bytes(LIMITS.pluginSharedDataBytes), 0)).toBe(false);
    expect(data.get('k')!.value).toEqual(text('before'));
  });

  it('holds thousands of small entries, and finds each of them', () => {
    const { buffer, store } = smallStore(4096 * KiB);
    const data = store.open('t', 'p');
    for (let i = 0; i < 10_000; i++) expect(data.set(`key-${i}`, text(String(i)), 0)).toBe(true);
    const kept = expectWhole(buffer, 0);
    expect(kept).toHaveLength(LIMITS.pluginSharedDataBytes / 128);
    expect(kept[0]).toBe('key-9999');
    expect(data.get('key-9000')!.value).toEqual(text('9000'));
    expect(data.get('key-100')).toBeNull();
  });

  it('bounds how many keys can be made to collide', () => {
    const { buffer, store } = smallStore(256 * KiB);
    const data = store.open('t', 'p');
    const keys = colliding(80);
    for (const key of keys) expect(data.set(key, text('x'), 0)).toBe(true);
    expect(expectWhole(buffer, 0)).toHaveLength(64);
    expect(data.get(keys[79]!)).not.toBeNull();
    expect(data.get(keys[0]!)).toBeNull();
  });
});

describe('shared data that is full of everybody', () => {
  it('gives a plugin no room of others, but its own', () => {
    const { buffer, store } = smallStore(64 * KiB);
    const [one, two] = [store.open('a', 'p'), store.open('b', 'p')];
    two.set('mine', text('1'), 0);
    for (let i = 0; i < 1000; i++) expect(one.set(`key-${i}`, bytes(200), 0)).toBe(true);
    expect(one.get('key-999')).not.toBeNull();
    expect(one.get('key-0')).toBeNull();
    expect(two.get('mine')!.value).toEqual(text('1'));
    // It has a segment of its own, and no more.
    expect(two.set('large', bytes(20_000), 0)).toBe(false);
    expect(two.get('mine')).not.toBeNull();
    for (let i = 0; i < 100; i++) expect(two.set(`key-${i}`, bytes(200), 0)).toBe(true);
    expect(two.get('key-99')).not.toBeNull();
    expect(sharedDataUsage(buffer).refused).toBe(1);
    expectWhole(buffer, 0);
    expectWhole(buffer, 1);
  });

  it('refuses a newcomer', () => {
    const { buffer, store } = smallStore(64 * KiB);
    const one = store.open('a', 'p');
    for (let i = 0; i < 1000; i++) one.set(`key-${i}`, bytes(200), 0);
    const late = store.open('b', 'p');
    expect(late.set('k', text('1'), 0)).toBe(false);
    expect(late.get('k')).toBeNull();
    expect(sharedDataUsage(buffer).refused).toBe(1);
    expect(sharedDataUsage(buffer).usedBytes).toBeGreaterThan(50 * KiB);
  });

  it('gives away what nobody has used for long', () => {
    const { buffer, store, clock } = smallStore(64 * KiB);
    const [idle, busy, late] = [store.open('a', 'p'), store.open('b', 'p'), store.open('c', 'p')];
    for (let i = 0; i < 50; i++) idle.set(`key-${i}`, bytes(200), 0);
    for (let i = 0; i < 1000; i++) busy.set(`key-${i}`, bytes(200), 0);
    clock.now += 59;
    busy.get('key-0');
    expect(late.set('k', text('1'), 0)).toBe(false);
    clock.now += 1;
    expect(late.set('k', text('1'), 0)).toBe(true);
    expect(late.get('k')!.value).toEqual(text('1'));
    expect(busy.get('key-999')).not.toBeNull();
    // Who comes back begins anew, and sees nothing of whoever has its place now.
    expect(idle.get('key-49')).toBeNull();
    expect(idle.get('k')).toBeNull();
    expect(idle.set('key-1', text('2'), 0)).toBe(true);
    expect(late.get('key-1')).toBeNull();
    expectWhole(buffer, 1);
  });

  it('has places for as many plugins as room for the least of data', () => {
    const { store, clock } = smallStore(64 * KiB);
    const taken = Array.from({ length: 20 }, (_, i) => store.open(`t${i}`, 'p').set('k', text('1'), 0));
    expect(taken.filter(Boolean)).toHaveLength(8);
    clock.now += 60;
    expect(store.open('late', 'p').set('k', text('1'), 0)).toBe(true);
  });

  it('makes room at once where it is meant for trials', () => {
    const store = SharedDataMemory.ofOneThread();
    for (let i = 0; i < 2000; i++) expect(store.open(`t${i}`, 'p').set('k', text('1'), 0)).toBe(true);
  });
});

/** Keys that share a bucket of the small table: their hashes have the same low bits. */
function colliding(count: number): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = `key-${i}`;
    let hash = 0x811c9dc5;
    for (const char of key) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    if (((hash ^ (hash >>> 15)) & 1023) === 5) keys.push(key);
  }
  return keys;
}
