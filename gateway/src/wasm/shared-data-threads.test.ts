import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { allocateSharedData, releaseSharedData, SharedDataMemory } from './shared-data.ts';
import { expectWhole } from './shared-data.suite.ts';
import { isWhole, type LoadTask, TALLY } from './shared-data-threads.suite.ts';

const PROGRAM = new URL('./shared-data-threads.suite.ts', import.meta.url);
const MiB = 1024 * 1024;

/** Threads start in half the time when they need not compile what others have compiled. */
const cache = mkdtempSync(join(tmpdir(), 'sluice-compiled-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** One store, and threads that work on it. */
class Load {
  readonly buffer = allocateSharedData(4 * MiB);
  readonly tally = new Int32Array(new SharedArrayBuffer(TALLY.size * 4));

  async start(owner: number, task: Partial<LoadTask> = {}): Promise<Worker> {
    const data: LoadTask = { buffer: this.buffer, owner, tally: this.tally, turns: 0, counter: '', ...task };
    const thread = new Worker(PROGRAM, { workerData: data, env: { ...process.env, NODE_COMPILE_CACHE: cache } });
    await once(thread, 'message');
    return thread;
  }

  /** Ends a thread wherever it is, and releases what it held. Resolves with the number of locks. */
  async kill(thread: Worker, owner: number): Promise<number> {
    await thread.terminate();
    return releaseSharedData(this.buffer, owner);
  }

  turns(owner: number): number {
    return Atomics.load(this.tally, TALLY.turns + owner);
  }

  /** Additions to the exact counter that succeeded. */
  additions(owners: readonly number[]): number {
    return owners.reduce((sum, owner) => sum + Atomics.load(this.tally, TALLY.additions + owner), 0);
  }

  number(key: string): number {
    return Buffer.from(this.data.get(key)!.value).readUInt32LE(0);
  }

  get data() {
    return new SharedDataMemory(this.buffer, 1000).open('tenant', 'plugin');
  }

  expectWhole(): void {
    expect(Atomics.load(this.tally, TALLY.broken)).toBe(0);
    for (const key of expectWhole(this.buffer, 0)) {
      if (key.startsWith('key-')) expect(isWhole(this.data.get(key)!.value), key).toBe(true);
    }
  }
}

describe('shared data of several threads', () => {
  it('counts exactly', async () => {
    const load = new Load();
    const owners = [1, 2, 3, 4];
    const threads = await Promise.all(owners.map((owner) => load.start(owner, { turns: 3000, counter: 'exact' })));
    await Promise.all(threads.map((thread) => once(thread, 'exit')));
    expect(load.number('exact')).toBe(load.additions(owners));
    expect(load.additions(owners)).toBeGreaterThan(0);
    load.expectWhole();
  });

  it('survives a hundred threads that end in the middle of their work', { timeout: 60_000 }, async () => {
    const load = new Load();
    const steady = [1, 2];
    const threads = await Promise.all(steady.map((owner) => load.start(owner, { counter: 'exact' })));
    onTestFinished(async () => {
      await Promise.all(threads.map((thread) => thread.terminate()));
    });
    let held = 0;
    for (let victim = 3; victim < 103; victim += 5) {
      const before = steady.map((owner) => load.turns(owner));
      const owners = [victim, victim + 1, victim + 2, victim + 3, victim + 4];
      const victims = await Promise.all(owners.map((owner) => load.start(owner)));
      const released = await Promise.all(victims.map((thread, i) => load.kill(thread, owners[i]!)));
      held += released.filter((locks) => locks > 0).length;
      // The others go on.
      await expect
        .poll(() => steady.every((owner, i) => load.turns(owner) > before[i]!), { interval: 1, timeout: 10_000 })
        .toBe(true);
    }
    // Else nothing has been tried here.
    expect(held).toBeGreaterThan(0);
    Atomics.store(load.tally, TALLY.stop, 1);
    await Promise.all(threads.map((thread) => once(thread, 'exit')));
    expect(load.number('exact')).toBe(load.additions(steady));
    load.expectWhole();
  });
});
