import { parentPort, workerData } from 'node:worker_threads';
import type { SharedData } from './host.ts';
import { SharedDataMemory } from './shared-data.ts';

/** Words that the threads of a test and the test itself share. */
export const TALLY = {
  /** 1: everybody ends. */
  stop: 0,
  /** Values that were not whole. */
  broken: 1,
  /** Additions to the counter of the threads that live, and their turns: a word for each owner from here on. */
  additions: 8,
  turns: 40,
  size: 72,
} as const;

export interface LoadTask {
  readonly buffer: SharedArrayBuffer;
  readonly owner: number;
  readonly tally: Int32Array;
  /** Turns; 0 = until it is stopped. */
  readonly turns: number;
  /** Counter that only threads use which are never ended, or ''. */
  readonly counter: string;
}

const KEYS = 40;
const LARGE = Buffer.alloc(100_000);
const wait = new Int32Array(new SharedArrayBuffer(4));

if (parentPort !== null) run(workerData as LoadTask);

function run(task: LoadTask): void {
  const { buffer, owner, tally, turns, counter } = task;
  const store = new SharedDataMemory(buffer, owner);
  const data = store.open('tenant', 'plugin');
  data.set('large', LARGE, 0);
  parentPort!.postMessage('runs');
  for (let turn = 1; turns === 0 ? Atomics.load(tally, TALLY.stop) === 0 : turn <= turns; turn++) {
    if (counter !== '') {
      if (add(data, counter)) Atomics.add(tally, TALLY.additions + owner, 1);
    } else {
      // Those that are to be ended spend most of their time with the lock.
      data.get('large');
    }
    add(data, 'of-all');
    if (!readAndWrite(data, turn, owner)) Atomics.add(tally, TALLY.broken, 1);
    Atomics.add(tally, TALLY.turns + Math.min(owner, 31), 1);
    // Lets others on the machine run.
    if (turns === 0 && turn % 10 === 0) Atomics.wait(wait, 0, 0, 1);
  }
}

/** Adds one to a number, as the SDK does. */
function add(data: SharedData, key: string): boolean {
  for (let attempts = 0; attempts < 1000; attempts++) {
    const old = data.get(key);
    const next = Buffer.alloc(8);
    next.writeUInt32LE((old === null ? 0 : Buffer.from(old.value).readUInt32LE(0)) + 1);
    if (data.set(key, next, old?.cas ?? 0xffff_ffff)) return true;
  }
  return false;
}

/** Each value is one byte again and again, and its length follows from it. False: one was not. */
function readAndWrite(data: SharedData, turn: number, owner: number): boolean {
  const seen = data.get(`key-${(turn * 7 + owner) % KEYS}`);
  const fill = (turn + owner) % 251;
  data.set(`key-${turn % KEYS}`, Buffer.alloc(fill * 5, fill), 0);
  return seen === null || isWhole(seen.value);
}

export function isWhole(value: Uint8Array): boolean {
  return value.length === 0 || (value.length === value[0]! * 5 && value.every((byte) => byte === value[0]));
}
