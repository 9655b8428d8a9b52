import { MessageChannel, Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerInit } from '../runtime/feed.ts';
import { TrafficWorker } from './worker.ts';
import type { HeapBudget } from './worker-budget.ts';

/** What a thread tells whoever started it. `onExit` comes last, once. */
export interface ThreadEvents {
  onMessage(message: FromWorker): void;
  /** An exception that nobody caught, or the end of its heap. */
  onError(error: unknown): void;
  onExit(code: number): void;
}

/** A worker as its owner holds it. */
export interface WorkerThread {
  post(message: ToWorker): void;
  /** Ends it wherever it is; `onExit` follows, unless it is stuck in the system. */
  end(): void;
}

export type StartThread = (init: WorkerInit, events: ThreadEvents) => WorkerThread;

/**
 * How workers are started as threads of their own.
 * @param heap limits of each heap; beyond them the thread ends, not the process.
 * @param program what the threads run, for tests; default: this folder's `worker-thread`.
 */
export function threadStarter(
  heap: Pick<HeapBudget, 'workerMiB' | 'youngMiB'>,
  program: URL = workerProgram(),
): StartThread {
  return (init, events) => {
    const thread = new Worker(program, {
      workerData: init,
      name: `sluice-worker-${init.worker}`,
      resourceLimits: { maxOldGenerationSizeMb: heap.workerMiB, maxYoungGenerationSizeMb: heap.youngMiB },
    });
    thread.on('message', (message: FromWorker) => events.onMessage(message));
    thread.on('error', (error) => events.onError(error));
    thread.on('exit', (code) => events.onExit(code));
    return { post: (message) => thread.postMessage(message), end: () => void thread.terminate() };
  };
}

/** A worker on this thread, for `workers: 0`: the same code over a message channel. */
export const startInline: StartThread = (init, events) => {
  const { port1, port2 } = new MessageChannel();
  TrafficWorker.start(init, port2);
  port1.on('message', (message: FromWorker) => events.onMessage(message));
  port1.on('close', () => events.onExit(0));
  return { post: (message) => port1.postMessage(message), end: () => port1.close() };
};

function workerProgram(): URL {
  // Compiled code and sources stand side by side with the same name, each with its own extension.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./worker-thread.${extension}`, import.meta.url);
}
