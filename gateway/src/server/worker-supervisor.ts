import { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { MetricSlots } from '../core/metrics.ts';
import type { ToWorker, WorkerInit } from '../runtime/feed.ts';
import type { ListenerFailure, ListenerPlace, ListenerSpec } from '../runtime/listener-feed.ts';
import { PluginTotals } from '../runtime/plugin-totals.ts';
import { type WorkerEnd, type WorkerFeed, WorkerHandle } from './worker-handle.ts';
import { SUPERVISION_TIMES, type SupervisionTimes, WorkerSeat } from './worker-seat.ts';
import type { StartThread } from './worker-start.ts';

export interface SupervisorOptions {
  /** Metric slots of each seat, which outlive its holders. As many workers as there are of these. */
  readonly slots: readonly SharedArrayBuffer[];
  readonly start: StartThread;
  /** What a worker is born with; asked for each anew. */
  readonly init: (seat: number) => WorkerInit;
  /** Attaches a worker to the feed of configuration. */
  readonly openFeed: (post: (message: ToWorker) => void) => WorkerFeed;
  /** The listeners as they are to be now. */
  readonly listeners: () => readonly ListenerSpec[];
  /** Where a worker opened them, so that the next ones take the ports that this one found. */
  readonly onListening: (places: readonly ListenerPlace[]) => void;
  readonly onLog: (batch: Uint8Array, lines: number, slots: MetricSlots) => void;
  /** A worker has ended: gives back what it held in shared memory. */
  readonly onEnded: (seat: number) => void;
  /** The process cannot go on. Called at most once. */
  readonly onFatal: (error: GatewayError) => void;
  /** Whether a tenant, or '' for the gateway's own chain, still runs a plugin. */
  readonly runsPlugin: (tenant: string, plugin: string) => boolean;
  readonly log: Log;
  /** Default: the limits table. */
  readonly times?: Partial<SupervisionTimes>;
}

/**
 * Keeps a worker in every seat: starts them, lets them listen when their snapshot is complete, replaces those that die or
 * stand still, and gives the process up when none of them stays alive.
 */
export class WorkerSupervisor {
  readonly seats: readonly WorkerSeat[];
  /** Counts of plugins of workers that are gone. */
  readonly totals = new PluginTotals();
  readonly #options: SupervisorOptions;
  readonly #times: SupervisionTimes;
  readonly #views: readonly MetricSlots[];
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #opened = Promise.withResolvers<readonly ListenerPlace[]>();
  #places: readonly ListenerPlace[] = [];
  /** One worker at a time opens listeners, so that the first one finds the ports for all. */
  #turn: Promise<unknown> = Promise.resolve();
  #look: NodeJS.Timeout | null = null;
  /** Every seat has served. */
  #complete = false;
  #opening = false;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#times = { ...SUPERVISION_TIMES, ...options.times };
    this.#views = options.slots.map((slots) => new MetricSlots(slots));
    this.seats = this.#views.map((view, index) => new WorkerSeat(index, view, this.#times));
    // Whoever opens hears of it; when nobody does, it goes to `onFatal`.
    this.#opened.promise.catch(() => {});
  }

  /** Where the workers listen; empty before the first one does. */
  get places(): readonly ListenerPlace[] {
    return this.#places;
  }

  /** Every worker has served once, and one at least does now. */
  get able(): boolean {
    return this.#complete && this.seats.some(({ state }) => state === 'serving');
  }

  /** Starts the threads; they load their program and take configuration, and open no listener yet. */
  start(): void {
    for (const seat of this.seats) this.#fill(seat);
    this.#look = setInterval(() => this.#lookAtAll(), this.#times.look).unref();
  }

  /**
   * From now on workers listen as soon as they have all configuration. Resolves when every worker does.
   * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED, SLUICE_WORKER_CRASHED
   */
  open(): Promise<readonly ListenerPlace[]> {
    this.#opening = true;
    for (const seat of this.seats) void this.#admit(seat);
    return this.#opened.promise;
  }

  /**
   * Brings changed listeners to all workers. The first one tries them; what it cannot open or change nobody gets.
   * @param restore puts the former listeners back into force when the first worker has failed, which then gets those
   * again. null: it goes on with what it has.
   */
  relisten(restore: (() => void) | null): Promise<readonly ListenerFailure[]> {
    return this.#inTurn(async () => {
      const failures = await this.#tryListeners();
      if (failures.length > 0) {
        if (restore === null) return failures;
        restore();
      }
      for (const { handle } of this.#serving()) {
        const failed = await this.#listen(handle);
        if (failed !== null && failed.length > 0) this.#refuse(handle, failed[0]!);
      }
      return failures;
    });
  }

  /** Asks all workers for new reports; at most `patienceMs`. */
  async collect(patienceMs: number): Promise<void> {
    const handles = this.seats.flatMap(({ handle }) => handle ?? []);
    await Promise.all(handles.map((handle) => handle.collect(patienceMs)));
  }

  /** Ends the worker of a seat, which is then replaced. Resolves when it is gone. */
  async terminate(index: number): Promise<void> {
    const handle = this.seats[index]?.handle ?? null;
    if (handle !== null) await this.#end(handle, { reason: 'terminated', detail: 'somebody asked for it' });
  }

  /** Drains all workers and ends them; none is replaced any more. Resolves with the number of exchanges cut off. */
  async drain(deadlineMs: number): Promise<number> {
    this.#halt();
    const cut = await Promise.all(this.seats.map((seat) => this.#drain(seat, deadlineMs)));
    return cut.reduce((sum, count) => sum + count, 0);
  }

  async #drain(seat: WorkerSeat, deadlineMs: number): Promise<number> {
    seat.state = 'draining';
    const { handle } = seat;
    if (handle === null) return 0;
    const cut = await handle.drain(deadlineMs, deadlineMs + this.#times.drainSlack);
    await this.#end(handle, { reason: 'terminated', detail: 'drained' });
    return cut;
  }

  async #end(handle: WorkerHandle, end: WorkerEnd): Promise<void> {
    if (await handle.end(end, this.#times.end)) return;
    this.#giveUp(new GatewayError('SLUICE_WORKER_STUCK', end.reason));
  }

  #fill(seat: WorkerSeat): void {
    const { init, start, openFeed, onLog } = this.#options;
    const view = this.#views[seat.index]!;
    const handle = new WorkerHandle({
      init: init(seat.index),
      start,
      openFeed,
      onLog: (batch, lines) => onLog(batch, lines, view),
      onEnded: (end) => this.#onEnded(seat, handle, end),
    });
    seat.take(handle);
    if (this.#opening) void this.#admit(seat);
  }

  /** Lets the worker of a seat listen when it has all configuration. */
  async #admit(seat: WorkerSeat): Promise<void> {
    const { handle } = seat;
    if (handle === null || !(await handle.feed.settled())) return;
    await this.#inTurn(async () => {
      const failures = await this.#listen(handle);
      if (failures === null) return;
      if (failures.length > 0) this.#refuse(handle, failures[0]!);
      else this.#serve(seat);
    });
  }

  #serve(seat: WorkerSeat): void {
    if (this.#stopping) return;
    seat.serve();
    if (seat.restarts > 0) this.#options.log.info({ worker: seat.index, restarts: seat.restarts }, 'worker is back');
    this.#complete ||= this.seats.every(({ state }) => state === 'serving');
    if (this.#complete) this.#opened.resolve(this.#places);
  }

  /** The listeners of one worker cannot be opened: at the start that ends the start, later it is a death. */
  #refuse(handle: WorkerHandle, { code, reason }: ListenerFailure): void {
    if (this.#complete) void this.#end(handle, { reason: 'listener', detail: reason });
    else this.#opened.reject(new GatewayError(code, reason));
  }

  /** Null: the worker ended before it had tried. */
  async #listen(handle: WorkerHandle): Promise<readonly ListenerFailure[] | null> {
    const applied = await handle.listen(this.#options.listeners(), this.#times.start);
    if (applied === null) {
      // Nobody may keep the others waiting.
      if (!handle.ending) void this.#end(handle, { reason: 'listener', detail: 'it does not say whether it listens' });
      return null;
    }
    this.#places = applied.places;
    this.#options.onListening(applied.places);
    return applied.failures;
  }

  /** With the first worker that can try. No worker, no failure: those to come take what there is then. */
  async #tryListeners(): Promise<readonly ListenerFailure[]> {
    for (const { handle } of this.#serving()) {
      const failures = await this.#listen(handle);
      if (failures !== null) return failures;
    }
    return [];
  }

  #serving(): { readonly handle: WorkerHandle }[] {
    return this.seats.flatMap(({ handle, state }) => (state === 'serving' && handle !== null ? [{ handle }] : []));
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => {});
    return result;
  }

  #onEnded(seat: WorkerSeat, handle: WorkerHandle, end: WorkerEnd): void {
    this.#options.onEnded(seat.index);
    this.totals.add(handle.report.plugins);
    this.totals.retain(this.#options.runsPlugin);
    if (this.#stopping) return;
    const pauseMs = seat.leave(end);
    const { reason, detail } = end;
    const { index: worker, failures } = seat;
    this.#options.log.error({ worker, reason, detail, failures, pauseMs }, 'worker ended');
    if (this.seats.every((other) => other.failures >= LIMITS.workerCrashes)) {
      return this.#giveUp(new GatewayError('SLUICE_WORKER_CRASHED', `worker ${worker}: ${reason}: ${detail}`));
    }
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#fill(seat);
    }, pauseMs);
    this.#pauses.add(pause);
  }

  #giveUp(error: GatewayError): void {
    if (this.#stopping) return;
    this.#halt();
    if (this.#complete) this.#options.onFatal(error);
    else this.#opened.reject(error);
  }

  #halt(): void {
    this.#stopping = true;
    if (this.#look !== null) clearInterval(this.#look);
    for (const pause of this.#pauses) clearTimeout(pause);
  }

  #lookAtAll(): void {
    for (const seat of this.seats) {
      const { handle } = seat;
      if (handle === null || handle.ending) continue;
      if (seat.isBlocked()) void this.#end(handle, { reason: 'blocked', detail: 'its event loop stood still' });
      else void handle.collect(this.#times.look);
    }
  }
}
