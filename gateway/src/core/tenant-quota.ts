import { CELL, QUOTA, type QuotaHandle, type QuotaMemory } from './quota-memory.ts';
import type { Milliseconds } from './shared-clock.ts';

/** Whether an exchange may go on, or which quota it would exceed. */
export const Verdict = { admitted: 0, rate: 1, concurrency: 2 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Bounds of what a thread does when several want the last place at once; beyond it the place goes to another one. */
const ATTEMPTS = 32;
const LOOKS = 200;
/** There is no telling when a place becomes free. */
const CONCURRENCY_RETRY_SECONDS = 1;

/**
 * The quotas of one tenant, as one worker enforces them: exact over all workers, without locks, promises and memory of
 * their own per exchange. `admit`, and if it admits, `release` at the end of the exchange.
 */
export class TenantQuota {
  /** Whole seconds, of the last refusal. */
  retryAfter = 1;
  readonly #now: Milliseconds;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #seats: number;
  readonly #seat: number;
  /** First cell of the tenant, and that of this seat. */
  readonly #cells: number;
  readonly #own: number;
  readonly #generation: number;
  readonly #tat: number;
  readonly #usedAt: number;
  readonly #refused: number;
  readonly #ticksPerMs: number;
  readonly #interval: number;
  readonly #window: number;
  readonly #idleSeconds: number;
  readonly #concurrency: number;

  /** @param handle from `QuotaTable.assign`; when its tenant goes, it admits everything and counts nothing. */
  constructor(memory: QuotaMemory, handle: QuotaHandle, seat: number, now: Milliseconds) {
    const slot = memory.slotOf(handle);
    const at = memory.slotAt(slot);
    const { words, doubles } = memory;
    this.#now = now;
    this.#words = words;
    this.#doubles = doubles;
    this.#seats = memory.seats;
    this.#seat = seat;
    this.#cells = memory.cellAt(slot, 0);
    this.#own = memory.cellAt(slot, seat);
    this.#generation = memory.generationOf(handle);
    this.#tat = at + QUOTA.tat;
    this.#usedAt = at + QUOTA.usedAt;
    this.#refused = memory.refusedAt(slot, seat);
    this.#ticksPerMs = doubles[memory.ticksAt(slot)]!;
    this.#interval = words[at + QUOTA.interval]!;
    this.#window = words[at + QUOTA.window]!;
    this.#idleSeconds = words[at + QUOTA.idleSeconds]!;
    this.#concurrency = words[at + QUOTA.concurrency]!;
  }

  /** Concurrency first, so that what it refuses does not use up the rate. */
  admit(): Verdict {
    if (this.#concurrency > 0 && !this.#enter()) {
      this.retryAfter = CONCURRENCY_RETRY_SECONDS;
      return this.#refuse(Verdict.concurrency);
    }
    if (this.#interval > 0) {
      const waitMs = this.#take();
      if (waitMs > 0) {
        this.release();
        this.retryAfter = Math.ceil(waitMs / 1000);
        return this.#refuse(Verdict.rate);
      }
    }
    return Verdict.admitted;
  }

  /** The end of an exchange that was admitted; once for each. */
  release(): void {
    if (this.#concurrency === 0) return;
    for (;;) {
      const cell = Atomics.load(this.#words, this.#own);
      if (!this.#isOurs(cell) || (cell & CELL.count) === 0) return;
      if (Atomics.compareExchange(this.#words, this.#own, cell, cell - 1) === cell) return;
    }
  }

  /**
   * Takes a place: announces the wish in the own cell, then looks at all. Whoever announces later sees who announced
   * before, so that two never take the last place; while nobody else wants one, who counts as taken is taken.
   */
  #enter(): boolean {
    for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
      const cell = Atomics.load(this.#words, this.#own);
      if (!this.#isOurs(cell)) return true;
      const wish = cell | CELL.wish;
      if (Atomics.compareExchange(this.#words, this.#own, cell, wish) !== cell) continue;
      const outcome = this.#decide(cell);
      const next = outcome === TAKEN ? cell + 1 : cell;
      Atomics.compareExchange(this.#words, this.#own, wish, next);
      if (outcome !== YIELD) return outcome === TAKEN;
      this.#awaitLowerSeats();
    }
    return false;
  }

  #decide(cell: number): typeof TAKEN | typeof FULL | typeof YIELD {
    for (let looks = 0; looks < LOOKS; looks++) {
      let taken = cell & CELL.count;
      let wishes = 0;
      let lower = 0;
      for (let seat = 0; seat < this.#seats; seat++) {
        if (seat === this.#seat) continue;
        const other = Atomics.load(this.#words, this.#cells + seat);
        taken += other & CELL.count;
        if ((other & CELL.wish) === 0) continue;
        wishes++;
        if (seat < this.#seat) lower++;
      }
      if (taken >= this.#concurrency) return FULL;
      if (taken + wishes < this.#concurrency) return TAKEN;
      // Fewer places than wishes: the lowest seat stays until the others have withdrawn theirs.
      if (lower > 0) return YIELD;
    }
    return FULL;
  }

  #awaitLowerSeats(): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      let wishes = 0;
      for (let seat = 0; seat < this.#seat; seat++) {
        wishes |= Atomics.load(this.#words, this.#cells + seat) & CELL.wish;
      }
      if (wishes === 0) return;
    }
  }

  /**
   * Takes one request off the rate (GCRA): the shared word holds when the tenant's burst would be whole again, in ticks
   * modulo 2³². Which round of the 2³² it means is told by the second of its last change: once the burst has had time
   * to become whole, the word says nothing any more.
   *
   * @returns 0, or after how many milliseconds there is room
   */
  #take(): number {
    const words = this.#words;
    const now = this.#now();
    const ticks = Math.floor(now * this.#ticksPerMs) | 0;
    const second = Math.floor(now / 1000) | 0;
    for (;;) {
      // In this order: who changes the word notes the second first.
      const tat = Atomics.load(words, this.#tat);
      const usedAt = Atomics.load(words, this.#usedAt);
      if (!this.#isOurs(Atomics.load(words, this.#own))) return 0;
      let ahead = (tat - ticks) | 0;
      if (ahead < 0 || ((second - usedAt) | 0) > this.#idleSeconds) ahead = 0;
      const used = ahead + this.#interval;
      if (used > this.#window) return (used - this.#window) / this.#ticksPerMs;
      if (usedAt !== second) Atomics.store(words, this.#usedAt, second);
      if (Atomics.compareExchange(words, this.#tat, tat, (ticks + used) | 0) === tat) return 0;
    }
  }

  #refuse(verdict: typeof Verdict.rate | typeof Verdict.concurrency): Verdict {
    this.#doubles[this.#refused + verdict - 1]! += 1;
    return verdict;
  }

  #isOurs(cell: number): boolean {
    return (cell & CELL.generation) === this.#generation;
  }
}

const TAKEN = 0;
const FULL = 1;
const YIELD = 2;
