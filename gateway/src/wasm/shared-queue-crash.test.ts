import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { copyOf, dieAfter, EARLY, LATE, stubAtomics } from './shared-crash.suite.ts';
import { allocateSharedData, SharedDataMemory } from './shared-data.ts';
import { expectWhole } from './shared-data.suite.ts';
import { SPACE } from './shared-memory.ts';
import { queueName, SharedQueue } from './shared-queue.ts';

beforeEach(stubAtomics);
afterEach(() => void vi.unstubAllGlobals());

const NAME = queueName('a', 'p', 'jobs');

function queueOf(store: SharedDataMemory, owner: number): SharedQueue {
  return new SharedQueue(store, owner, NAME);
}

function message(number: number): Buffer {
  return Buffer.alloc(300, number);
}

/** A queue in space 0 that thread 9 receives from, with some messages; another tenant's data in space 1. */
function prepared(kib: number, messages: number): SharedArrayBuffer {
  const buffer = allocateSharedData(kib * 1024);
  const store = new SharedDataMemory(buffer, 9, EARLY);
  const queue = queueOf(store, 9);
  queue.claim();
  for (let i = 0; i < messages; i++) queue.push(message(i));
  store.open('b', 'p').set('other', Buffer.from('untouched'), 0);
  return buffer;
}

function drain(queue: SharedQueue): number[] {
  const numbers: number[] = [];
  for (let next = queue.shift(); next !== null; next = queue.shift()) {
    const whole = message(next[0]!).equals(next);
    numbers.push(whole ? next[0]! : Number.NaN);
  }
  return numbers;
}

/** Numbers up to a bound. */
const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, i) => i + from);

describe('a thread that dies at any write while it', { timeout: 60_000 }, () => {
  it.each([
    ['appends a message', 64, 5],
    ['appends one where the table moves', 64, 64],
    ['appends one where others make room', 24, 14],
  ])('%s leaves a queue with or without it, in order', (_, kib, messages) => {
    const origin = prepared(kib, messages);
    const outcomes = new Set<boolean>();
    let through = false;
    for (let deaths = 0; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, (store) => void queueOf(store, 1).push(message(200)));
      // So may who puts it in order.
      dieAfter(deaths * 3, buffer, 2, (store) => queueOf(store, 2).call());
      const store = new SharedDataMemory(buffer, 9, EARLY);
      const queue = queueOf(store, 9);
      // Brings it in order.
      queue.claim();
      expectWhole(buffer, 0);
      expect(queue.due).toBe(true);
      const found = drain(queue);
      outcomes.add(found.at(-1) === 200);
      const others = found.filter((number) => number !== 200);
      expect(others).toEqual(upTo(messages, messages - others.length));
      expect(others.length).toBeGreaterThan(messages - 3);
      expect(Buffer.from(store.open('b', 'p').get('other')!.value).toString()).toBe('untouched');
      expect(queue.push(message(1))).toBe(0);
    }
    expect(outcomes.size).toBe(2);
  });

  it('takes a message leaves the others', () => {
    const origin = prepared(64, 6);
    const outcomes = new Set<number>();
    let through = false;
    for (let deaths = 0; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, (store) => void queueOf(store, 1).shift());
      const queue = queueOf(new SharedDataMemory(buffer, 9, EARLY), 9);
      const found = drain(queue);
      expect(found).toEqual(upTo(6, 6 - found.length));
      outcomes.add(found.length);
    }
    expect([...outcomes].toSorted((a, b) => a - b)).toEqual([5, 6]);
  });

  it('has appended a message leaves nobody asleep', () => {
    const origin = prepared(64, 0);
    let appended = 0;
    let through = false;
    for (let deaths = 0; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, (store) => void queueOf(store, 1).push(message(1)));
      const store = new SharedDataMemory(buffer, 9, EARLY);
      // The main thread has rung all bells by now, and this is what the receiver looks at.
      const ready = store.memory.words[store.memory.spaceAt(0) + SPACE.ready];
      const found = drain(queueOf(store, 9));
      if (found.length > 0) expect(ready).toBe(1);
      appended += found.length;
    }
    expect(appended).toBeGreaterThan(0);
  });

  it('receives leaves the queue to another receiver', () => {
    const origin = prepared(64, 3);
    let through = false;
    for (let deaths = 0; !through; deaths++) {
      const buffer = copyOf(origin);
      through = dieAfter(deaths, buffer, 1, (store) => queueOf(store, 1).claim());
      const store = new SharedDataMemory(buffer, 9, EARLY);
      const other = queueOf(store, 9);
      other.call();
      expect([deaths, other.due]).toEqual([deaths, true]);
      expect(drain(other)).toEqual([0, 1, 2]);
    }
  });

  it('takes the room of an idle queue leaves nobody with its messages', () => {
    const origin = prepared(24, 14);
    let kept = 0;
    let through = false;
    for (let deaths = 0; !through; deaths++) {
      const buffer = copyOf(origin);
      const write = (store: SharedDataMemory): boolean => store.open('c', 'p').set('k', Buffer.alloc(3000, 7), 0);
      through = dieAfter(deaths, buffer, 1, (store) => void write(store), LATE);
      const store = new SharedDataMemory(buffer, 9, LATE);
      const queue = queueOf(store, 9);
      const found = drain(queue);
      expect(found).toEqual(upTo(14, 14 - found.length));
      if (found.length > 0) kept++;
      expect(write(store)).toBe(true);
      expect(queue.push(message(1))).toBe(0);
      queue.call();
      // It still has its receiver.
      expect([deaths, queue.due]).toEqual([deaths, true]);
    }
    expect(kept).toBeGreaterThan(0);
  });
});
