import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { allocateSharedData, releaseSharedData } from './shared-data.ts';
import { expectWhole } from './shared-data.suite.ts';
import { queueDepths } from './shared-queue.ts';
import { MESSAGES, QUEUE_TALLY, type QueueTask } from './shared-queue-threads.suite.ts';

const PROGRAM = new URL('./shared-queue-threads.suite.ts', import.meta.url);

/** Threads start in half the time when they need not compile what others have compiled. */
const cache = mkdtempSync(join(tmpdir(), 'sluice-compiled-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** One queue, and threads that send and receive. */
class Traffic {
  readonly buffer = allocateSharedData(4 * 1024 * 1024);
  readonly tally = new Int32Array(new SharedArrayBuffer(QUEUE_TALLY.size * 4));
  readonly seen = new Uint8Array(new SharedArrayBuffer(2 * MESSAGES));
  readonly #threads = new Set<Worker>();

  constructor() {
    onTestFinished(async () => {
      await Promise.all([...this.#threads].map((thread) => thread.terminate()));
    });
  }

  async start(owner: number, role: QueueTask['role']): Promise<Worker> {
    const { buffer, tally, seen } = this;
    const data: QueueTask = { buffer, owner, role, tally, seen };
    const thread = new Worker(PROGRAM, { workerData: data, env: { ...process.env, NODE_COMPILE_CACHE: cache } });
    this.#threads.add(thread);
    await once(thread, 'message');
    return thread;
  }

  /** Ends a thread wherever it is, and releases what it held. */
  async kill(thread: Worker, owner: number): Promise<number> {
    this.#threads.delete(thread);
    await thread.terminate();
    return releaseSharedData(this.buffer, owner);
  }

  count(word: number): number {
    return Atomics.load(this.tally, word);
  }

  get waiting(): number {
    return queueDepths(this.buffer)[0]?.messages ?? 0;
  }

  /** Of a sender that was never ended: how many of its messages were never taken. */
  missing(owner: number): number {
    let missing = 0;
    for (let number = 1; number <= this.count(QUEUE_TALLY.sent + owner); number++) {
      const times = this.seen[(owner - 1) * MESSAGES + number]!;
      expect(times, `message ${number} of ${owner}`).toBeLessThanOrEqual(1);
      if (times === 0) missing++;
    }
    return missing;
  }

  async stop(senders: readonly Worker[]): Promise<void> {
    Atomics.store(this.tally, QUEUE_TALLY.stop, 1);
    await Promise.all(senders.map((thread) => once(thread, 'exit')));
  }

  async drained(): Promise<void> {
    await expect.poll(() => this.waiting, { interval: 5, timeout: 20_000 }).toBe(0);
  }
}

const ROLES: readonly QueueTask['role'][] = ['send', 'receive', 'rotate'];

describe('a queue of several threads', () => {
  it('hands every message to one receiver', { timeout: 60_000 }, async () => {
    const traffic = new Traffic();
    await traffic.start(3, 'receive');
    await traffic.start(4, 'receive');
    const senders = await Promise.all([traffic.start(1, 'send'), traffic.start(2, 'send')]);
    await expect.poll(() => traffic.count(QUEUE_TALLY.taken), { interval: 5, timeout: 30_000 }).toBeGreaterThan(1000);
    await traffic.stop(senders);
    await traffic.drained();
    const sent = traffic.count(QUEUE_TALLY.sent + 1) + traffic.count(QUEUE_TALLY.sent + 2);
    await expect.poll(() => traffic.count(QUEUE_TALLY.taken)).toBe(sent);
    expect([traffic.missing(1), traffic.missing(2), traffic.count(QUEUE_TALLY.broken)]).toEqual([0, 0, 0]);
    expect(traffic.count(QUEUE_TALLY.dropped)).toBe(0);
  });

  it('survives a hundred threads that end in the middle of their work', { timeout: 120_000 }, async () => {
    const traffic = new Traffic();
    await traffic.start(3, 'receive');
    const senders = await Promise.all([traffic.start(1, 'send'), traffic.start(2, 'send')]);
    let held = 0;
    for (let victim = 4; victim < 104; victim += 5) {
      const before = traffic.count(QUEUE_TALLY.taken);
      const owners = [victim, victim + 1, victim + 2, victim + 3, victim + 4];
      const victims = await Promise.all(owners.map((owner) => traffic.start(owner, ROLES[owner % ROLES.length]!)));
      // Whoever registered last receives: with it gone, the next one does.
      const released = await Promise.all(victims.map((thread, i) => traffic.kill(thread, owners[i]!)));
      held += released.reduce((sum, locks) => sum + locks, 0);
      await expect
        .poll(() => traffic.count(QUEUE_TALLY.taken), { interval: 2, timeout: 20_000 })
        .toBeGreaterThan(before);
    }
    await traffic.stop(senders);
    await traffic.drained();
    // What a thread had taken as it ended is gone with it.
    expect(traffic.missing(1) + traffic.missing(2)).toBeLessThanOrEqual(70);
    expect(traffic.count(QUEUE_TALLY.broken)).toBe(0);
    // Else nothing has been tried here.
    expect(held).toBeGreaterThan(0);
    expectWhole(traffic.buffer, 0);
  });
});
