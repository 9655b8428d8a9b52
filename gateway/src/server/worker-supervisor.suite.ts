import { type Log, silentLog } from '../core/log.ts';
import { MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import { SeriesTable } from '../core/series-table.ts';
import type { FromWorker, PluginReport, ToWorker, WorkerInit } from '../runtime/feed.ts';
import type { ListenerFailure, ListenerSpec } from '../runtime/listener-feed.ts';
import { NO_REPORT, type WorkerFeed } from './worker-handle.ts';
import type { SupervisionTimes } from './worker-seat.ts';
import type { ThreadEvents, WorkerThread } from './worker-start.ts';
import { type SupervisorOptions, WorkerSupervisor } from './worker-supervisor.ts';

/** A worker that does what the test says. */
export class FakeThread implements WorkerThread {
  readonly init: WorkerInit;
  readonly posted: ToWorker[] = [];
  ended = false;
  /** It does not end when told to. */
  stuck = false;
  /** It does not answer. */
  silent = false;
  failures: readonly ListenerFailure[] = [];
  plugins: readonly PluginReport[] = [];
  readonly #events: ThreadEvents;

  constructor(init: WorkerInit, events: ThreadEvents) {
    this.init = init;
    this.#events = events;
  }

  post(message: ToWorker): void {
    this.posted.push(message);
    if (!this.silent) queueMicrotask(() => this.#answer(message));
  }

  end(): void {
    if (!this.stuck) queueMicrotask(() => this.exit(1));
  }

  exit(code: number): void {
    if (this.ended) return;
    this.ended = true;
    this.#events.onExit(code);
  }

  crash(error: unknown): void {
    this.#events.onError(error);
    this.exit(1);
  }

  beat(): void {
    new MetricSlots(this.init.slots).add(WORKER_SLOTS.beats, 1);
  }

  asked(kind: ToWorker['kind']): ToWorker[] {
    return this.posted.filter((message) => message.kind === kind);
  }

  #answer(message: ToWorker): void {
    if (this.ended) return;
    const answer = this.#answerTo(message);
    if (answer !== null) this.#events.onMessage(answer);
  }

  #answerTo(message: ToWorker): FromWorker | null {
    switch (message.kind) {
      case 'listeners': {
        const places = message.listeners.map(({ name, address, port }) => ({ name, address, port: port || 4711 }));
        return { kind: 'listeners-applied', id: message.id, places, failures: this.failures };
      }
      case 'collect':
        return { kind: 'report', id: message.id, report: { ...NO_REPORT, plugins: this.plugins } };
      case 'drain':
        return { kind: 'drained', id: message.id, cut: 3 };
      default:
        return null;
    }
  }
}

/** Its worker has everything at once, or when the test says so. */
class FakeFeed implements WorkerFeed {
  appliedVersion = 0;
  closed = false;
  readonly #settled = Promise.withResolvers<boolean>();

  constructor(complete: boolean) {
    if (complete) this.#settled.resolve(true);
  }

  settled(): Promise<boolean> {
    return this.#settled.promise;
  }

  complete(): void {
    this.#settled.resolve(true);
  }

  acknowledge(): void {}

  refuse(): void {}

  close(): void {
    this.closed = true;
    this.#settled.resolve(false);
  }
}

export const SPEC = { name: 'http', address: '127.0.0.1', port: 0 } as ListenerSpec;
export const TIMES: SupervisionTimes = {
  look: 5,
  blocked: 60_000,
  start: 60_000,
  backoff: 1,
  backoffLongest: 4,
  healthy: 60_000,
  end: 60_000,
  drainSlack: 60_000,
};

export interface Setup {
  readonly seats?: number;
  readonly times?: Partial<SupervisionTimes>;
  /** Whether feeds are complete at once; default true. */
  readonly complete?: boolean;
  readonly log?: Log;
}

export class SupervisorRig {
  readonly threads: FakeThread[] = [];
  readonly feeds: FakeFeed[] = [];
  readonly ended: number[] = [];
  readonly fatal: string[] = [];
  specs: readonly ListenerSpec[] = [SPEC];
  readonly supervisor: WorkerSupervisor;
  /** What is done to each new thread. */
  prepare: (thread: FakeThread) => void = () => {};

  constructor({ seats = 2, times = {}, complete = true, log = silentLog }: Setup = {}) {
    const table = new SeriesTable();
    const slots = Array.from({ length: seats }, () => table.attach());
    const options: SupervisorOptions = {
      slots,
      start: (init, events) => {
        const thread = new FakeThread(init, events);
        this.prepare(thread);
        this.threads.push(thread);
        return thread;
      },
      init: (seat) => ({ worker: seat, slots: slots[seat]! }) as unknown as WorkerInit,
      openFeed: () => {
        const feed = new FakeFeed(complete);
        this.feeds.push(feed);
        return feed;
      },
      listeners: () => this.specs,
      onListening: (places) => void (this.specs = this.specs.map((spec, i) => ({ ...spec, port: places[i]!.port }))),
      onLog: () => {},
      onEnded: (seat) => void this.ended.push(seat),
      onFatal: ({ code }) => void this.fatal.push(code),
      runsPlugin: () => true,
      log,
      times: { ...TIMES, ...times },
    };
    this.supervisor = new WorkerSupervisor(options);
  }

  get states(): string[] {
    return this.supervisor.seats.map(({ state }) => state);
  }

  /** The thread that holds a seat now. */
  holder(seat: number): FakeThread {
    return this.threads.findLast(({ init }) => init.worker === seat)!;
  }

  async end(): Promise<void> {
    for (const thread of this.threads) {
      thread.stuck = false;
      thread.silent = false;
    }
    await this.supervisor.drain(0);
  }
}
