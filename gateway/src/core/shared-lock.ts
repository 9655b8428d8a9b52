import { LIMITS } from './limits.ts';

/** How an attempt to take a lock ended. `inherited`: its last holder died with it, so what it guards may be half done. */
export const LockResult = { taken: 0, inherited: 1, busy: 2 } as const;
export type LockResult = (typeof LockResult)[keyof typeof LockResult];

const FREE = 0;
/** Free, and its last holder died. */
const ABANDONED = -1;
/** Set beside the owner while somebody sleeps. */
const WAITERS = 1 << 30;
/** Bits of the owner; as many can be told apart. */
const MAX_OWNER = WAITERS - 1;

/** Longer than what a lock is held for, short enough to cost less than falling asleep. */
const SPINS = 100;
/** A sleeper looks by itself this often, because whoever was woken in its place may have died. */
const LOOK_MS = 5;

/**
 * Locks for threads that may be ended at any instruction: cells of shared memory that name their owner, so that the main
 * thread can release what a dead one held. The next holder is told (`inherited`) and has to bring what the lock guards
 * into order first. Not reentrant; nothing that may throw or wait belongs between `acquire` and `release`.
 */
export class SharedLocks {
  readonly #cells: Int32Array;
  readonly #owner: number;

  /** @param owner 1 to 2³⁰−1; of this thread alone, and of no thread before it. */
  constructor(cells: Int32Array, owner: number) {
    this.#cells = cells;
    this.#owner = owner;
  }

  /** Takes the lock if it is free. Never sleeps. */
  tryAcquire(cell: number): LockResult {
    if (Atomics.compareExchange(this.#cells, cell, FREE, this.#owner) === FREE) return LockResult.taken;
    return this.#tryInherit(cell, this.#owner);
  }

  /** Takes the lock; sleeps while it is held. `busy` after `patienceMs`. */
  acquire(cell: number, patienceMs: number = LIMITS.sharedLockMs): LockResult {
    if (Atomics.compareExchange(this.#cells, cell, FREE, this.#owner) === FREE) return LockResult.taken;
    for (let spins = 0; spins < SPINS; spins++) {
      if (Atomics.load(this.#cells, cell) > FREE) continue;
      const result = this.tryAcquire(cell);
      if (result !== LockResult.busy) return result;
    }
    return this.#sleep(cell, patienceMs);
  }

  release(cell: number): void {
    if ((Atomics.exchange(this.#cells, cell, FREE) & WAITERS) !== 0) Atomics.notify(this.#cells, cell, 1);
  }

  /** Gives the lock up like a holder that dies: the next one puts in order what it guards. */
  abandon(cell: number): void {
    Atomics.store(this.#cells, cell, ABANDONED);
    Atomics.notify(this.#cells, cell);
  }

  /** What holds the lock now, to be told from a later holder; 0 = nothing. */
  holder(cell: number): number {
    const held = Atomics.load(this.#cells, cell);
    return held === ABANDONED ? 0 : held & MAX_OWNER;
  }

  #sleep(cell: number, patienceMs: number): LockResult {
    const deadline = performance.now() + patienceMs;
    // There may be other sleepers, whom only a holder that knows of them wakes.
    const owner = this.#owner | WAITERS;
    for (;;) {
      const held = Atomics.load(this.#cells, cell);
      if (held === FREE) {
        if (Atomics.compareExchange(this.#cells, cell, FREE, owner) === FREE) return LockResult.taken;
        continue;
      }
      if (held === ABANDONED) {
        if (this.#tryInherit(cell, owner) === LockResult.inherited) return LockResult.inherited;
        continue;
      }
      const left = deadline - performance.now();
      if (left <= 0) return LockResult.busy;
      const marked = held | WAITERS;
      if (held !== marked && Atomics.compareExchange(this.#cells, cell, held, marked) !== held) continue;
      Atomics.wait(this.#cells, cell, marked, Math.min(left, LOOK_MS));
    }
  }

  #tryInherit(cell: number, owner: number): LockResult {
    const was = Atomics.compareExchange(this.#cells, cell, ABANDONED, owner);
    return was === ABANDONED ? LockResult.inherited : LockResult.busy;
  }
}

/**
 * Releases a lock if `owner`, whose thread has ended, died with it. Harmless otherwise, whoever holds it by now.
 * @returns whether it did.
 */
export function releaseLockOf(owner: number, cells: Int32Array, cell: number): boolean {
  for (;;) {
    const held = Atomics.load(cells, cell);
    if (held === ABANDONED || (held & MAX_OWNER) !== owner) return false;
    if (Atomics.compareExchange(cells, cell, held, ABANDONED) !== held) continue;
    Atomics.notify(cells, cell);
    return true;
  }
}
