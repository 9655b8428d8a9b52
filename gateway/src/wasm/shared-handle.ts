import { LockResult, type SharedLocks } from '../core/shared-lock.ts';
import type { Seconds, SharedDirectory } from './shared-directory.ts';
import { type SharedMemory, SPACE } from './shared-memory.ts';
import { SharedSpace } from './shared-space.ts';

/** What a thread works on the shared memory with. */
export interface SharedTools {
  readonly memory: SharedMemory;
  readonly locks: SharedLocks;
  readonly directory: SharedDirectory;
  readonly seconds: Seconds;
}

/** Which space is meant. */
export interface SpaceName {
  readonly name: string;
  /** See `SharedDirectory.open`. */
  readonly group: number;
  readonly most: number;
}

/**
 * One thread's way into a space: finds it by its name, again if others have got its room meanwhile; locks it; and has it
 * put in order if its last holder died.
 */
export class SpaceHandle {
  readonly #tools: SharedTools;
  readonly #words: Int32Array;
  readonly #name: SpaceName;
  #space: SharedSpace | null = null;
  #at = 0;
  #generation = 0;
  /** Who held the lock for longer than we wait: probably it is dead, and nobody waits for it a second time. */
  #stuck = 0;

  constructor(tools: SharedTools, name: SpaceName) {
    this.#tools = tools;
    this.#words = tools.memory.words;
    this.#name = name;
  }

  /** First word of the space; to be used by who has entered it. */
  get at(): number {
    return this.#at;
  }

  /** Whether the space that was entered last still has this name; needs no lock. */
  get current(): boolean {
    return this.#space !== null && Atomics.load(this.#words, this.#at + SPACE.generation) === this.#generation;
  }

  /** Takes the lock of the space; null = it is not to be had, or there is no room for it. */
  enter(): SharedSpace | null {
    for (let attempts = 0; attempts < 3; attempts++) {
      if (this.#space === null && !this.#open()) return null;
      const result = this.#lock();
      if (result === LockResult.busy) return null;
      if (this.#words[this.#at + SPACE.generation] === this.#generation) {
        this.#words[this.#at + SPACE.usedAt] = this.#tools.seconds();
        return result === LockResult.inherited ? this.#repaired() : this.#space;
      }
      this.leave(result !== LockResult.inherited);
      this.#space = null;
    }
    return null;
  }

  /** Gives the lock back. @param whole false: what the lock guards may be half done. */
  leave(whole: boolean): void {
    if (whole) this.#tools.locks.release(this.#at + SPACE.lock);
    else this.#tools.locks.abandon(this.#at + SPACE.lock);
  }

  #repaired(): SharedSpace | null {
    let done = false;
    try {
      this.#space!.rebuild();
      done = true;
    } finally {
      if (!done) this.leave(false);
    }
    return this.#space;
  }

  #lock(): LockResult {
    const { locks } = this.#tools;
    const cell = this.#at + SPACE.lock;
    if (this.#stuck !== 0 && locks.holder(cell) === this.#stuck) return LockResult.busy;
    const result = locks.acquire(cell);
    this.#stuck = result === LockResult.busy ? locks.holder(cell) : 0;
    return result;
  }

  #open(): boolean {
    const { directory, memory } = this.#tools;
    const { name, group, most } = this.#name;
    const opened = directory.open(name, group, most);
    if (opened === null) return false;
    this.#at = memory.spaceAt(opened.space);
    this.#generation = opened.generation;
    this.#space = new SharedSpace(memory, opened.space, () => directory.reclaim(opened.space));
    return true;
  }
}
