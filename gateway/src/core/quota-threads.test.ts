import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type QuotaLimits, QuotaMemory } from './quota-memory.ts';
import { QuotaTable } from './quota-table.ts';
import { BOARD, type QuotaTask } from './quota-threads.suite.ts';
import { TenantQuota, Verdict } from './tenant-quota.ts';

const PROGRAM = new URL('./quota-threads.suite.ts', import.meta.url);
const THREADS = 4;

/** Threads that all want what one tenant may have, round after round. */
class Crowd {
  readonly board = new Int32Array(new SharedArrayBuffer(BOARD.size * 4));
  readonly table = new QuotaTable(QuotaMemory.allocate(THREADS, 4));
  readonly #threads: readonly Worker[];

  constructor(limits: QuotaLimits, task: QuotaTask['task'], turns: number) {
    const { memory } = this.table;
    const handle = this.table.assign('a', limits);
    const common = { buffer: memory.buffer, seats: memory.seats, slots: memory.slots, board: this.board };
    this.#threads = Array.from({ length: THREADS }, (_, seat) => {
      const data: QuotaTask = { ...common, handle, seat, task, turns };
      return new Worker(PROGRAM, { workerData: data });
    });
    onTestFinished(() => this.end());
  }

  /** Lets all threads run until they are through. */
  async round(): Promise<void> {
    const done = this.#threads.map((thread) => once(thread, 'message'));
    this.begin();
    await Promise.all(done);
  }

  begin(): void {
    Atomics.add(this.board, BOARD.round, 1);
    Atomics.notify(this.board, BOARD.round);
  }

  async kill(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  get(word: number): number {
    return Atomics.load(this.board, word);
  }

  async end(): Promise<void> {
    const alive = this.#threads.filter((thread) => thread.threadId >= 0);
    const ended = alive.map((thread) => once(thread, 'exit'));
    Atomics.store(this.board, BOARD.round, -1);
    Atomics.notify(this.board, BOARD.round);
    await Promise.all(ended);
  }
}

describe('quotas of threads that all want the same', () => {
  it('admit exactly as many in every second as the rate allows', async () => {
    const crowd = new Crowd({ requestsPerSecond: 1000, burst: 50, concurrency: 0 }, 'take', 2000);
    await crowd.round();
    let expected = 50;
    expect(crowd.get(BOARD.admitted)).toBe(expected);
    for (const pause of [1, 7, 0, 49, 50, 3, 20]) {
      Atomics.add(crowd.board, BOARD.now, pause);
      await crowd.round();
      expected += pause;
      expect(crowd.get(BOARD.admitted), `after ${pause} ms`).toBe(expected);
    }
    Atomics.add(crowd.board, BOARD.now, 100_000);
    await crowd.round();
    expect(crowd.get(BOARD.admitted)).toBe(expected + 50);
  });

  it('get back every place of threads that were ended in the middle', async () => {
    const crowd = new Crowd({ requestsPerSecond: 0, burst: 0, concurrency: 3 }, 'churn', 1e9);
    crowd.begin();
    await expect.poll(() => crowd.get(BOARD.most), { interval: 1, timeout: 8000 }).toBeGreaterThan(0);
    await crowd.kill();
    for (let seat = 0; seat < THREADS; seat++) crowd.table.clearSeat(seat);
    const { memory } = crowd.table;
    const next = new TenantQuota(memory, memory.handleOf(0), 0, () => 0);
    expect([next.admit(), next.admit(), next.admit(), next.admit()]).toEqual([
      Verdict.admitted,
      Verdict.admitted,
      Verdict.admitted,
      Verdict.concurrency,
    ]);
  });

  it.each([1, 2, 3, 5])('never have more than %i under way, and every place is taken', async (concurrency) => {
    const crowd = new Crowd({ requestsPerSecond: 0, burst: 0, concurrency }, 'churn', 20_000);
    await crowd.round();
    expect(crowd.get(BOARD.most)).toBeLessThanOrEqual(concurrency);
    expect(crowd.get(BOARD.most)).toBeGreaterThan(0);
    expect(crowd.get(BOARD.admitted)).toBe(concurrency);
    expect(crowd.table.usage()[0]!.active).toBe(concurrency);
  });
});
