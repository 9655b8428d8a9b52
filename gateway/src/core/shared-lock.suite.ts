import { parentPort, workerData } from 'node:worker_threads';
import { LockResult, SharedLocks } from './shared-lock.ts';

/** What the thread of the tests of locks does. Cell 0 is the lock, cell 1 what it guards. */
export interface LockTask {
  readonly cells: Int32Array;
  readonly owner: number;
  /** `hold`: takes the lock and never ends. `count`: adds `turns` times one to cell 1. `wait`: takes it once. */
  readonly task: 'hold' | 'count' | 'wait';
  readonly turns: number;
}

if (parentPort !== null) run(workerData as LockTask);

function run({ cells, owner, task, turns }: LockTask): void {
  const locks = new SharedLocks(cells, owner);
  if (task === 'hold') {
    locks.acquire(0);
    parentPort!.postMessage('held');
    // Blocked for good, as a thread that is ended in the middle of its work.
    Atomics.wait(cells, 2, 0);
  }
  if (task === 'wait') parentPort!.postMessage('waits');
  for (let turn = 0; turn < turns; turn++) {
    while (locks.acquire(0, 10_000) === LockResult.busy);
    cells[1] = cells[1]! + 1;
    locks.release(0);
  }
}
