import type { Steps } from '../core/steps.ts';

/** Work takes no more of one turn of the event loop than this, as far as its steps are short. Milliseconds. */
const SLICE_MS = 2;

interface Job {
  readonly steps: Steps<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Carries out work one piece after the other, in slices: what fits into the rest of this turn's slice is done before
 * `run` returns, the rest in later turns, between which the loop serves traffic.
 */
export class StepQueue {
  readonly #now: () => number;
  readonly #jobs: Job[] = [];
  readonly #urgent: Job[] = [];
  /** Milliseconds of this turn's slice that are used up. */
  #used = 0;
  #running = false;
  #resting: NodeJS.Immediate | null = null;
  #closed = false;

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Pieces of work that are not finished. */
  get size(): number {
    return this.#jobs.length + this.#urgent.length;
  }

  /**
   * Resolves when the work is done, rejects with what it throws, and does neither when the queue is closed before.
   * @param urgent it goes before all other work, also before that which has begun
   */
  run(steps: Steps<void>, urgent = false): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#closed) return promise;
    (urgent ? this.#urgent : this.#jobs).push({ steps, resolve, reject });
    this.#runSlice();
    return promise;
  }

  /** Drops all work that is not finished. */
  close(): void {
    this.#closed = true;
    if (this.#resting !== null) clearImmediate(this.#resting);
    this.#jobs.length = 0;
    this.#urgent.length = 0;
  }

  #runSlice(): void {
    if (this.#running) return;
    this.#running = true;
    const start = this.#now() - this.#used;
    while (this.size > 0 && this.#used < SLICE_MS) {
      this.#step(this.#urgent.length > 0 ? this.#urgent : this.#jobs);
      this.#used = this.#now() - start;
    }
    this.#running = false;
    // Also when nothing is left: what comes within this turn shares its slice.
    if (!this.#closed) this.#resting ??= setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#resting = null;
    this.#used = 0;
    if (this.size > 0) this.#runSlice();
  }

  #step(jobs: Job[]): void {
    const { steps, resolve, reject } = jobs[0]!;
    try {
      if (steps.next().done !== true || this.#closed) return;
      resolve();
    } catch (error) {
      reject(error);
    }
    jobs.shift();
  }
}
