import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import type { FromWorker, ListenerPlace, ToWorker, WorkerInit, WorkerReport } from '../runtime/feed.ts';
import { TrafficWorker } from './worker.ts';

/** What a worker tells its owner without being asked. */
export interface WorkerEvents {
  /** Whole access log lines. */
  onLog(batch: string, lines: number): void;
  /** The thread ended and was not asked to. */
  onDied(reason: string): void;
}

/** How long a worker may take to answer a question about itself; a blocked one is shown as it was. */
const REPORT_TIMEOUT_MS = 500;

const NO_REPORT: WorkerReport = {
  snapshotVersion: 0,
  connections: new Map(),
  activeExchanges: 0,
  loopDelayP99Ms: 0,
  plugins: [],
};

/** The main thread's end of one worker, in a thread of its own or inline. */
export class WorkerHandle {
  readonly index: number;
  /** As it last reported. */
  report: WorkerReport = NO_REPORT;
  /** Newest version it has applied. */
  appliedVersion = 0;
  listening = false;
  draining = false;
  #dead = false;
  readonly #events: WorkerEvents;
  readonly #thread: Worker | null;
  readonly #port: MessagePort | null;
  readonly #opened = Promise.withResolvers<readonly ListenerPlace[]>();
  readonly #drained = Promise.withResolvers<number>();
  readonly #questions = new Map<number, () => void>();
  #nextQuestion = 1;

  /** @param inline true: on this thread. */
  constructor(init: WorkerInit, inline: boolean, events: WorkerEvents) {
    this.index = init.worker;
    this.#events = events;
    // Whoever waits for these hears of a failure; when nobody does, it is reported through `onDied`.
    this.#opened.promise.catch(() => {});
    this.#thread = inline ? null : startThread(init);
    this.#port = inline ? startInline(init) : null;
    this.#thread?.on('error', (error) => this.#died(error instanceof Error ? (error.stack ?? error.message) : ''));
    this.#thread?.on('exit', (code) => this.#died(`thread ended with code ${code}`));
    (this.#thread ?? this.#port!).on('message', (message: FromWorker) => this.#receive(message));
  }

  post(message: ToWorker): void {
    if (this.#thread !== null) this.#thread.postMessage(message);
    else this.#port!.postMessage(message);
  }

  /** Opens the listeners. @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED */
  open(): Promise<readonly ListenerPlace[]> {
    this.post({ kind: 'open' });
    return this.#opened.promise;
  }

  /** Asks for a new report; resolves when it is in, or when the worker is too busy to give one. */
  async collect(): Promise<void> {
    const id = this.#nextQuestion++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => resolve(), REPORT_TIMEOUT_MS).unref();
    this.#questions.set(id, () => resolve());
    this.post({ kind: 'collect', id });
    await promise;
    clearTimeout(timer);
    this.#questions.delete(id);
  }

  /** Drains the worker and ends it. Resolves with the number of exchanges that were cut off at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    this.draining = true;
    this.listening = false;
    if (this.#dead) return 0;
    this.post({ kind: 'drain', deadlineMs });
    const cut = await this.#drained.promise;
    await this.#thread?.terminate();
    this.#port?.close();
    return cut;
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        this.appliedVersion = message.version;
        break;
      case 'refused':
        // Logged by the worker; the main thread compiles every configuration first, so this is a fault of ours.
        break;
      case 'open':
        this.listening = true;
        this.#opened.resolve(message.listeners);
        break;
      case 'open-failed':
        this.#opened.reject(new GatewayError(message.code as ErrorCode, placeOf(message.reason, message.code)));
        break;
      case 'log':
        this.#events.onLog(message.batch, message.lines);
        break;
      case 'report':
        this.report = message.report;
        this.#questions.get(message.id)?.();
        break;
      case 'drained':
        this.#drained.resolve(message.cut);
        break;
    }
  }

  #died(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.listening = false;
    this.#opened.reject(new GatewayError('SLUICE_GATEWAY_INTERNAL', reason));
    if (this.draining) this.#drained.resolve(0);
    else this.#events.onDied(reason);
  }
}

/** The message of an error of the table without the table's own words, which the new error adds again. */
function placeOf(reason: string, code: string): string {
  const words = new GatewayError(code as ErrorCode, '').message;
  return reason.endsWith(words) ? reason.slice(0, -words.length).replace(/: $/, '') : reason;
}

function startThread(init: WorkerInit): Worker {
  // Compiled code and sources stand side by side with the same name, each with its own extension.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./worker-thread.${extension}`, import.meta.url), {
    workerData: init,
    name: `sluice-worker-${init.worker}`,
  });
}

function startInline(init: WorkerInit): MessagePort {
  const { port1, port2 } = new MessageChannel();
  TrafficWorker.start(init, port2);
  return port1;
}
