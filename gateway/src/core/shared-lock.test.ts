import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { LockResult, releaseLockOf, SharedLocks } from './shared-lock.ts';
import type { LockTask } from './shared-lock.suite.ts';

const PROGRAM = new URL('./shared-lock.suite.ts', import.meta.url);

function cells(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(16));
}

function thread(cells: Int32Array, owner: number, task: LockTask['task'], turns = 0): Worker {
  return new Worker(PROGRAM, { workerData: { cells, owner, task, turns } satisfies LockTask });
}

/** A thread that died while it held cell 0. */
async function dieHolding(cells: Int32Array, owner: number): Promise<void> {
  const worker = thread(cells, owner, 'hold');
  await once(worker, 'message');
  await worker.terminate();
}

describe('a lock', () => {
  it('is held by one', () => {
    const memory = cells();
    const [one, two] = [new SharedLocks(memory, 1), new SharedLocks(memory, 2)];
    expect(one.acquire(0)).toBe(LockResult.taken);
    expect(one.holder(0)).toBe(1);
    expect(two.tryAcquire(0)).toBe(LockResult.busy);
    expect(two.acquire(0, 1)).toBe(LockResult.busy);
    one.release(0);
    expect(two.tryAcquire(0)).toBe(LockResult.taken);
    two.release(0);
    expect(one.holder(0)).toBe(0);
  });

  it('lets threads take turns', async () => {
    const memory = cells();
    const threads = [1, 2, 3, 4].map((owner) => thread(memory, owner, 'count', 20_000));
    await Promise.all(threads.map((worker) => once(worker, 'exit')));
    expect([...memory]).toEqual([0, 80_000, 0, 0]);
  });

  it('wakes who sleeps for it', async () => {
    const memory = cells();
    const locks = new SharedLocks(memory, 1);
    locks.acquire(0);
    const worker = thread(memory, 2, 'wait', 1);
    const ended = once(worker, 'exit');
    await once(worker, 'message');
    // Somebody sleeps when the cell has more than the owner.
    await expect.poll(() => memory[0], { interval: 1, timeout: 8000 }).not.toBe(1);
    locks.release(0);
    await ended;
    expect(memory[1]).toBe(1);
  });
});

describe('the lock of a thread that has ended', () => {
  it('stays held until it is released, and is inherited then', async () => {
    const memory = cells();
    const locks = new SharedLocks(memory, 1);
    await dieHolding(memory, 7);
    expect(locks.acquire(0, 1)).toBe(LockResult.busy);
    expect(locks.holder(0)).toBe(7);
    expect(releaseLockOf(7, memory, 0)).toBe(true);
    expect(locks.holder(0)).toBe(0);
    expect(locks.acquire(0)).toBe(LockResult.inherited);
    expect(locks.tryAcquire(0)).toBe(LockResult.busy);
    locks.release(0);
    expect(locks.acquire(0)).toBe(LockResult.taken);
  });

  it('is inherited again when the heir dies, too', () => {
    const memory = cells();
    new SharedLocks(memory, 1).acquire(0);
    releaseLockOf(1, memory, 0);
    expect(new SharedLocks(memory, 2).tryAcquire(0)).toBe(LockResult.inherited);
    releaseLockOf(2, memory, 0);
    expect(new SharedLocks(memory, 3).acquire(0)).toBe(LockResult.inherited);
  });

  it('goes to those who sleep for it', async () => {
    const memory = cells();
    await dieHolding(memory, 7);
    const waiting = thread(memory, 2, 'wait', 1);
    await once(waiting, 'message');
    await expect.poll(() => memory[0], { interval: 1, timeout: 8000 }).not.toBe(7);
    releaseLockOf(7, memory, 0);
    await once(waiting, 'exit');
    expect(memory[1]).toBe(1);
    expect(memory[0]).toBe(0);
  });

  it('is not taken from whoever has it by now', () => {
    const memory = cells();
    const replacement = new SharedLocks(memory, 8);
    replacement.acquire(0);
    expect(releaseLockOf(7, memory, 0)).toBe(false);
    expect(replacement.holder(0)).toBe(8);
    replacement.abandon(0);
    expect(releaseLockOf(7, memory, 0)).toBe(false);
    expect(replacement.tryAcquire(0)).toBe(LockResult.inherited);
  });
});
