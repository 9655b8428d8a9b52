import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { copyOf, dieAfter, EARLY, LATE, stubAtomics } from './shared-crash.suite.ts';
import { allocateSharedData, SharedDataMemory } from './shared-data.ts';
import { expectWhole } from './shared-data.suite.ts';

beforeEach(stubAtomics);
afterEach(() => void vi.unstubAllGlobals());

/** A store with spaces a/p (0) and b/p (1), as they are before somebody dies. */
function prepared(size: number, fill: (data: ReturnType<SharedDataMemory['open']>) => void): SharedArrayBuffer {
  const buffer = allocateSharedData(size);
  const store = new SharedDataMemory(buffer, 1, EARLY);
  fill(store.open('a', 'p'));
  store.open('b', 'p').set('other', Buffer.from('untouched'), 0);
  return buffer;
}

function valueOf(number: number, length = 150): Buffer {
  return Buffer.alloc(length, number);
}

function entries(store: SharedDataMemory, keys: readonly string[]): Map<string, string> {
  const data = store.open('a', 'p');
  const found = keys.map((key) => [key, data.get(key)?.value] as const).filter(([, value]) => value !== undefined);
  return new Map(found.map(([key, value]) => [key, Buffer.from(value!).toString('hex')]));
}

const KEYS = Array.from({ length: 70 }, (_, i) => `key-${i}`);
const hex = (number: number, length?: number): string => valueOf(number, length).toString('hex');

interface Case {
  readonly name: string;
  readonly size: number;
  readonly entries: number;
  readonly act: (store: SharedDataMemory) => void;
  /** Key that is written, with the values it may have afterwards. */
  readonly key: string;
  readonly outcomes: readonly (string | undefined)[];
  /** How many of the others may be gone. */
  readonly lost: number;
}

const CASES: readonly Case[] = [
  {
    name: 'reads',
    size: 64,
    entries: 10,
    act: (store) => void store.open('a', 'p').get('key-3'),
    key: 'key-3',
    outcomes: [hex(3)],
    lost: 0,
  },
  {
    name: 'adds an entry',
    size: 64,
    entries: 10,
    act: (store) => void store.open('a', 'p').set('key-69', valueOf(99), 0),
    key: 'key-69',
    outcomes: [undefined, hex(99)],
    lost: 0,
  },
  {
    name: 'replaces an entry by a longer one',
    size: 64,
    entries: 10,
    act: (store) => void store.open('a', 'p').set('key-3', valueOf(99, 5000), 0),
    key: 'key-3',
    outcomes: [hex(3), hex(99, 5000)],
    lost: 0,
  },
  {
    name: 'moves the hash table',
    size: 64,
    entries: 64,
    act: (store) => void store.open('a', 'p').set('key-69', valueOf(99), 0),
    key: 'key-69',
    outcomes: [undefined, hex(99)],
    lost: 0,
  },
  {
    name: 'makes room',
    size: 24,
    entries: 60,
    act: (store) => void store.open('a', 'p').set('key-69', valueOf(99, 2000), 0),
    key: 'key-69',
    outcomes: [undefined, hex(99, 2000)],
    lost: 10,
  },
  {
    name: 'replaces an entry where there is no room for both',
    size: 24,
    entries: 60,
    act: (store) => void store.open('a', 'p').set('key-59', valueOf(99, 9000), 0),
    key: 'key-59',
    outcomes: [hex(59), undefined, hex(99, 9000)],
    lost: 60,
  },
];

describe('a thread that dies at any write while it', { timeout: 60_000 }, () => {
  it.each(CASES)('$name leaves every entry whole', ({ size, entries: count, act, key, outcomes, lost }) => {
    const origin = prepared(size * 1024, (data) => {
      for (let i = 0; i < count; i++) data.set(KEYS[i]!, valueOf(i), 0);
    });
    const before = entries(new SharedDataMemory(copyOf(origin), 1, EARLY), KEYS);
    const seen = new Set<string | undefined>();
    let deaths = 0;
    for (let through = false; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, act);
      // So may who puts it in order.
      dieAfter(deaths * 3, buffer, 2, (store) => void store.open('a', 'p').get('key-5'));
      const store = new SharedDataMemory(buffer, 3, EARLY);
      const after = entries(store, KEYS);
      const kept = expectWhole(buffer, 0);
      expect(kept.toSorted()).toEqual([...after.keys()].toSorted());
      expect(outcomes).toContain(after.get(key));
      seen.add(after.get(key));
      let gone = 0;
      for (const [other, value] of before) {
        if (other === key) continue;
        if (after.has(other)) expect(after.get(other)).toBe(value);
        else gone++;
      }
      expect(gone).toBeLessThanOrEqual(lost);
      expect(store.open('a', 'p').set('key-0', valueOf(1), 0)).toBe(true);
      expect(Buffer.from(store.open('b', 'p').get('other')!.value).toString()).toBe('untouched');
      expectWhole(buffer, 0);
    }
    expect(deaths).toBeGreaterThan(5);
    // Every outcome has been met: deaths fell on both sides of it.
    expect(seen.size).toBe(outcomes.length);
  });

  it('opens a space leaves nobody with the data of another', () => {
    const origin = prepared(24 * 1024, (data) => void data.set('secret', Buffer.from('of a'), 0));
    for (let deaths = 0, through = false; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, (store) => void store.open('c', 'p').set('k', Buffer.from('1'), 0));
      const store = new SharedDataMemory(buffer, 3, EARLY);
      expect(store.open('c', 'p').get('secret')).toBeNull();
      expect(store.open('c', 'p').set('k', Buffer.from('2'), 0)).toBe(true);
      expect(Buffer.from(store.open('a', 'p').get('secret')!.value).toString()).toBe('of a');
    }
  });

  it('takes the room of an idle space leaves nobody with the data of another', () => {
    const origin = prepared(24 * 1024, (data) => {
      for (let i = 0; i < 60; i++) data.set(KEYS[i]!, valueOf(i), 0);
    });
    let deaths = 0;
    for (let through = false; !through; deaths++) {
      const buffer = copyOf(origin);
      const act = (store: SharedDataMemory) => void store.open('c', 'p').set('k', valueOf(1), 0);
      through = dieAfter(deaths, buffer, 1, act, LATE);
      const store = new SharedDataMemory(buffer, 3, LATE);
      const newcomer = store.open('c', 'p');
      const next = store.open('d', 'p');
      for (const key of KEYS) expect([newcomer.get(key), next.get(key)]).toEqual([null, null]);
      // Whether it had its data wiped already or not: it is all there or gone, and never somebody else's.
      const old = store.open('a', 'p');
      for (let i = 0; i < 60; i++) {
        const value = old.get(KEYS[i]!)?.value;
        if (value !== undefined) expect(Buffer.from(value)).toEqual(valueOf(i));
      }
      expect(old.get('k')).toBeNull();
      expect(newcomer.set('k', valueOf(2), 0)).toBe(true);
    }
    expect(deaths).toBeGreaterThan(50);
  });
});
