import type { FromWorker, ToWorker, WorkerInit, WorkerReport } from '../runtime/feed.ts';
import type { ListenersApplied, ListenerSpec } from '../runtime/listener-feed.ts';
import type { StartThread, WorkerThread } from './worker-start.ts';

/**
 * Why a worker ended. `error`: an exception that nobody caught. `memory`: its heap is exhausted. `exit`: it ended by
 * itself. `blocked`: its event loop stood still. `listener`: it could not open the listeners. `terminated`: somebody
 * asked for it.
 */
export const END_REASONS = ['error', 'memory', 'exit', 'blocked', 'listener', 'terminated'] as const;
export type EndReason = (typeof END_REASONS)[number];

export interface WorkerEnd {
  readonly reason: EndReason;
  /** In words. */
  readonly detail: string;
}

/** What keeps one worker up to date: the `Outbox`, attached to its source until `close`. */
export interface WorkerFeed {
  /** The worker has everything up to this version. */
  readonly appliedVersion: number;
  /** Resolves to true when the worker has everything there is; to false when the feed is closed before. */
  settled(): Promise<boolean>;
  acknowledge(id: number): void;
  refuse(id: number): void;
  close(): void;
}

export interface HandleOptions {
  readonly init: WorkerInit;
  readonly start: StartThread;
  readonly openFeed: (post: (message: ToWorker) => void) => WorkerFeed;
  /** Whole access log lines. */
  readonly onLog: (batch: Uint8Array, lines: number) => void;
  /** The thread is gone, and everything that it sent has been taken. Called once. */
  readonly onEnded: (end: WorkerEnd) => void;
}

export const NO_REPORT: WorkerReport = {
  snapshotVersion: 0,
  connections: new Map(),
  activeExchanges: 0,
  loopDelayP99Ms: 0,
  overload: { level: 0, pressures: {} },
  plugins: [],
};

/** The main thread's end of one worker, from its start to its end. */
export class WorkerHandle {
  /** As it last reported. */
  report: WorkerReport = NO_REPORT;
  readonly feed: WorkerFeed;
  readonly #options: HandleOptions;
  readonly #thread: WorkerThread;
  /** By the id of the question; resolved with null when the worker ends before it answers. */
  readonly #questions = new Map<number, (answer: FromWorker | null) => void>();
  #nextQuestion = 1;
  #end: WorkerEnd | null = null;
  #ended = false;

  constructor(options: HandleOptions) {
    this.#options = options;
    this.#thread = options.start(options.init, {
      onMessage: (message) => this.#receive(message),
      onError: (error) => this.#noteEnd(endByError(error)),
      onExit: (code) => this.#onExit(code),
    });
    this.feed = options.openFeed((message) => this.post(message));
  }

  /** It has ended, or was told to. */
  get ending(): boolean {
    return this.#end !== null;
  }

  post(message: ToWorker): void {
    if (!this.#ended) this.#thread.post(message);
  }

  /** Asks for a new report; resolves when it is in, when the worker has ended, or after `patienceMs`. */
  async collect(patienceMs: number): Promise<void> {
    await orNull(
      this.#ask((id) => ({ kind: 'collect', id })),
      patienceMs,
    );
  }

  /** States the wanted listeners. Null when the worker ended before it had tried, or has not answered in time. */
  async listen(listeners: readonly ListenerSpec[], patienceMs: number): Promise<ListenersApplied | null> {
    const answer = await orNull(
      this.#ask((id) => ({ kind: 'listeners', id, listeners })),
      patienceMs,
    );
    return answer?.kind === 'listeners-applied' ? answer : null;
  }

  /**
   * Lets exchanges finish up to the deadline. Resolves with the number of those that were cut off; the worker has
   * nothing more to do then, but still is to be ended.
   * @param patienceMs how long a worker that does not answer is waited for.
   */
  async drain(deadlineMs: number, patienceMs: number): Promise<number> {
    const { activeExchanges } = this.report;
    const answer = await orNull(
      this.#ask((id) => ({ kind: 'drain', id, deadlineMs })),
      patienceMs,
    );
    return answer?.kind === 'drained' ? answer.cut : activeExchanges;
  }

  /** Ends the worker wherever it is. Resolves to true when it is gone, to false when it is not after `patienceMs`. */
  async end(end: WorkerEnd, patienceMs: number): Promise<boolean> {
    this.#noteEnd(end);
    const gone = this.#ask(null);
    if (!this.#ended) this.#thread.end();
    await orNull(gone, patienceMs);
    return this.#ended;
  }

  /** @param message null: only wait for the end. */
  #ask(message: ((id: number) => ToWorker) | null): Promise<FromWorker | null> {
    if (this.#ended) return Promise.resolve(null);
    const id = this.#nextQuestion++;
    const { promise, resolve } = Promise.withResolvers<FromWorker | null>();
    this.#questions.set(id, resolve);
    if (message !== null) this.#thread.post(message(id));
    return promise;
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
        this.feed.acknowledge(message.id);
        break;
      case 'refused':
        // Logged by the worker; main compiles every configuration first, so this is a fault of ours.
        this.feed.refuse(message.id);
        break;
      case 'log':
        this.#options.onLog(message.batch, message.lines);
        break;
      case 'report':
        this.report = message.report;
        this.#answer(message);
        break;
      case 'listeners-applied':
      case 'drained':
        this.#answer(message);
        break;
    }
  }

  #answer(message: Extract<FromWorker, { kind: 'report' | 'listeners-applied' | 'drained' }>): void {
    this.#questions.get(message.id)?.(message);
    this.#questions.delete(message.id);
  }

  /** The first reason counts: what follows is its consequence. */
  #noteEnd(end: WorkerEnd): void {
    this.#end ??= end;
  }

  #onExit(code: number): void {
    this.#noteEnd({ reason: 'exit', detail: `the thread ended with code ${code}` });
    this.#ended = true;
    this.feed.close();
    for (const resolve of this.#questions.values()) resolve(null);
    this.#questions.clear();
    this.#options.onEnded(this.#end!);
  }
}

/** What the promise resolves to, or null after a while. */
async function orNull<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function endByError(error: unknown): WorkerEnd {
  const memory = (error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { reason: memory ? 'memory' : 'error', detail };
}
