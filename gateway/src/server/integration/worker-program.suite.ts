import { BroadcastChannel, getEnvironmentData, workerData } from 'node:worker_threads';
import type { WorkerInit } from '../../runtime/feed.ts';

// A worker thread as in production, with an ear for tests.

/** Name of the environment data that holds threads back at their start: a shared cell, which is 1 as long as it shall. */
const HOLD = 'sluice-test-hold';
/** Where tests say what a worker is to do to itself. */
const CHANNEL = 'sluice-test-worker';

/** How threads go wrong. */
const ACTS = {
  block: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  throw: () => {
    throw new Error('thrown by a test');
  },
  exit: () => process.exit(7),
  exhaust: () => {
    const kept: number[][] = [];
    // A mebibyte each.
    for (;;) kept.push(Array.from(new Float64Array(2 ** 17).fill(0.5)));
  },
};

const hold = getEnvironmentData(HOLD) as Int32Array | undefined;
if (hold !== undefined) Atomics.wait(hold, 0, 1);
await import('../worker-thread.ts');

const { worker: self } = workerData as WorkerInit;
const channel = new BroadcastChannel(CHANNEL);
channel.onmessage = (event: { readonly data: unknown }) => {
  const { worker, what } = event.data as { readonly worker: number; readonly what: keyof typeof ACTS };
  // Outside of the channel, whose errors go elsewhere.
  if (worker === self) setImmediate(ACTS[what]);
};
channel.unref();
