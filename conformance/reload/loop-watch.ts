// How long an event loop does not come round, and how much of that its thread has been working.
import { openSync, readSync } from 'node:fs';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Since the last look, milliseconds. */
export interface LoopFigures {
  /** How much later than it should the loop came round, whatever the reason. */
  readonly wallP99: number;
  readonly wallMax: number;
  /** CPU time of the thread meanwhile: what is left when it had to wait for a CPU, or for threads that did. */
  readonly workP99: number;
  readonly workMax: number;
  /** How often it was more than 10 ms of work. */
  readonly workAbove10: number;
}

const PERIOD_MS = 1;

/** Looks once a millisecond; takes a percent of a CPU. */
export class LoopWatch {
  readonly #wall = createHistogram();
  readonly #work = createHistogram();
  readonly #buffer = Buffer.alloc(96);
  /** Of this thread; null where there is no such file. */
  readonly #schedule: number | null = openSchedule();
  #above10 = 0;
  #last = performance.now();
  #worked = this.#workedMs(this.#last);

  constructor() {
    setInterval(() => this.#look(), PERIOD_MS).unref();
  }

  /** Starts anew. */
  take(): LoopFigures {
    const figures = {
      wallP99: inMs(this.#wall.percentile(99)),
      wallMax: largest(this.#wall),
      workP99: inMs(this.#work.percentile(99)),
      workMax: largest(this.#work),
      workAbove10: this.#above10,
    };
    this.#wall.reset();
    this.#work.reset();
    this.#above10 = 0;
    return figures;
  }

  #look(): void {
    const now = performance.now();
    const worked = this.#workedMs(now);
    const late = Math.max(0, now - this.#last - PERIOD_MS);
    const work = Math.min(late, worked - this.#worked);
    record(this.#wall, late);
    record(this.#work, work);
    if (work > 10) this.#above10++;
    this.#last = now;
    this.#worked = worked;
  }

  /** As exact as the kernel's tick, which is some milliseconds. Without its help all time counts as work. */
  #workedMs(now: number): number {
    if (this.#schedule === null) return now;
    const length = readSync(this.#schedule, this.#buffer, 0, this.#buffer.length, 0);
    // Nanoseconds on a CPU, nanoseconds waiting for one, how often.
    return Number(this.#buffer.toString('latin1', 0, length).split(' ')[0]) / 1e6;
  }
}

function openSchedule(): number | null {
  try {
    return openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return null;
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1e6)));
}

function inMs(nanoseconds: number): number {
  return nanoseconds / 1e6;
}

function largest(histogram: RecordableHistogram): number {
  return histogram.count === 0 ? 0 : inMs(histogram.max);
}
