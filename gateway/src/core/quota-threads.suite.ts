import { parentPort, workerData } from 'node:worker_threads';
import { QuotaMemory } from './quota-memory.ts';
import { TenantQuota, Verdict } from './tenant-quota.ts';

/** Words that the threads of a test and the test itself share. */
export const BOARD = {
  /** The clock, ms. */
  now: 0,
  /** Grows with each round; below 0 all is over. */
  round: 1,
  /** Exchanges under way, as the threads themselves count them, and the most there ever were. */
  active: 2,
  most: 3,
  /** Admissions of all rounds. */
  admitted: 4,
  size: 8,
} as const;

export interface QuotaTask {
  readonly buffer: SharedArrayBuffer;
  readonly seats: number;
  readonly slots: number;
  readonly handle: number;
  readonly seat: number;
  readonly board: Int32Array;
  /** `take`: until it is refused often. `churn`: takes and gives back so many times, then takes what is left. */
  readonly task: 'take' | 'churn';
  readonly turns: number;
}

if (parentPort !== null) run(workerData as QuotaTask);

function run(task: QuotaTask): void {
  const { board } = task;
  const memory = new QuotaMemory(task.buffer, task.seats, task.slots);
  const quota = new TenantQuota(memory, task.handle, task.seat, () => Atomics.load(board, BOARD.now));
  for (let round = 0; ; round++) {
    Atomics.wait(board, BOARD.round, round);
    if (Atomics.load(board, BOARD.round) < 0) return;
    if (task.task === 'churn') churn(quota, task);
    take(quota, task);
    parentPort!.postMessage('done');
  }
}

function take(quota: TenantQuota, { board, turns }: QuotaTask): void {
  for (let refusals = 0; refusals < turns; ) {
    if (quota.admit() === Verdict.admitted) Atomics.add(board, BOARD.admitted, 1);
    else refusals++;
  }
}

function churn(quota: TenantQuota, { board, turns }: QuotaTask): void {
  for (let i = 0; i < turns; i++) {
    if (quota.admit() !== Verdict.admitted) continue;
    const active = Atomics.add(board, BOARD.active, 1) + 1;
    for (let most = 0; (most = Atomics.load(board, BOARD.most)) < active; ) {
      Atomics.compareExchange(board, BOARD.most, most, active);
    }
    Atomics.sub(board, BOARD.active, 1);
    quota.release();
  }
}
