import { LIMITS } from '../core/limits.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import type { EndReason, WorkerEnd, WorkerHandle } from './worker-handle.ts';

/** Times of the supervision, milliseconds. */
export interface SupervisionTimes {
  /** How often workers are looked at, and asked for reports. */
  readonly look: number;
  readonly blocked: number;
  readonly start: number;
  readonly backoff: number;
  readonly backoffLongest: number;
  readonly healthy: number;
  readonly end: number;
  readonly drainSlack: number;
}

export const SUPERVISION_TIMES: SupervisionTimes = {
  look: 1000,
  blocked: LIMITS.workerBlockedMs,
  start: LIMITS.workerStartMs,
  backoff: LIMITS.workerBackoffMs,
  backoffLongest: LIMITS.workerBackoffLongestMs,
  healthy: LIMITS.workerHealthyMs,
  end: LIMITS.workerEndMs,
  drainSlack: LIMITS.workerDrainSlackMs,
};

/** `starting`: its snapshot is not complete. `restarting`: the seat is empty until the next one is started. */
export type SeatState = 'starting' | 'serving' | 'restarting' | 'draining';

/**
 * The place of one worker: its number, and what its successive holders share. A holder that dies leaves the seat empty
 * until the pause is over, which doubles with every death in a row.
 */
export class WorkerSeat {
  readonly index: number;
  state: SeatState = 'starting';
  handle: WorkerHandle | null = null;
  /** Deaths in a row that nobody asked for, none after a healthy life. */
  failures = 0;
  /** Deaths since the start, by reason. */
  readonly ends = new Map<EndReason, number>();
  lastEnd: WorkerEnd | null = null;
  readonly #slots: MetricSlots;
  readonly #times: SupervisionTimes;
  #servingSince = 0;
  #beats = 0;
  /** Looks in a row that saw no beat. Looks and not time, so that a process that was halted as a whole harms nobody. */
  #silent = 0;
  #heard = false;

  constructor(index: number, slots: MetricSlots, times: SupervisionTimes) {
    this.index = index;
    this.#slots = slots;
    this.#times = times;
  }

  /** A new holder. */
  take(handle: WorkerHandle): void {
    this.handle = handle;
    this.state = 'starting';
    this.#beats = this.#slots.get(WORKER_SLOTS.beats);
    this.#silent = 0;
    this.#heard = false;
  }

  /** It takes traffic from now on. */
  serve(): void {
    this.state = 'serving';
    this.#servingSince = performance.now();
  }

  /** Its holder is gone. Returns the pause before the next one, ms. */
  leave(end: WorkerEnd): number {
    const healthy = this.state === 'serving' && performance.now() - this.#servingSince >= this.#times.healthy;
    if (healthy) this.failures = 0;
    if (end.reason !== 'terminated') this.failures++;
    this.ends.set(end.reason, (this.ends.get(end.reason) ?? 0) + 1);
    this.lastEnd = end;
    this.handle = null;
    this.state = 'restarting';
    return Math.min(this.#times.backoff * 2 ** Math.max(0, this.failures - 1), this.#times.backoffLongest);
  }

  /** Looks whether the event loop turns; to be called every `times.look`. True: it has stood still for too long. */
  isBlocked(): boolean {
    const beats = this.#slots.get(WORKER_SLOTS.beats);
    if (beats !== this.#beats) {
      this.#beats = beats;
      this.#silent = 0;
      this.#heard = true;
      return false;
    }
    this.#silent++;
    return this.#silent * this.#times.look >= (this.#heard ? this.#times.blocked : this.#times.start);
  }

  get restarts(): number {
    return [...this.ends.values()].reduce((sum, count) => sum + count, 0);
  }
}
