import { LIMITS } from '../core/limits.ts';
import { LockResult, releaseLockOf, SharedLocks } from '../core/shared-lock.ts';
import type { SharedData, SharedDataStore, SharedValue } from './host.ts';
import { SharedDirectory, type Seconds } from './shared-directory.ts';
import { HEADER, SharedMemory, SPACE } from './shared-memory.ts';
import { SharedSpace } from './shared-space.ts';

export interface SharedDataOptions {
  /** Default: whole seconds since the epoch. */
  readonly seconds?: Seconds;
  /** Seconds without use after which a space makes room for others. Default `LIMITS.pluginSharedDataIdleMs`. */
  readonly idleSeconds?: number;
}

/** One thread's view of the shared data of all threads. */
export class SharedDataMemory implements SharedDataStore {
  readonly memory: SharedMemory;
  readonly locks: SharedLocks;
  readonly directory: SharedDirectory;
  readonly seconds: Seconds;

  /**
   * @param buffer from `allocateSharedData`, the same in all threads.
   * @param owner of this thread alone, see `SharedLocks`.
   */
  constructor(buffer: SharedArrayBuffer, owner: number, options: SharedDataOptions = {}) {
    this.seconds = options.seconds ?? (() => Math.floor(Date.now() / 1000));
    this.memory = new SharedMemory(buffer);
    this.locks = new SharedLocks(this.memory.words, owner);
    const idle = options.idleSeconds ?? LIMITS.pluginSharedDataIdleMs / 1000;
    this.directory = new SharedDirectory(this.memory, this.locks, this.seconds, idle);
  }

  /** A small store that no other thread sees, and where whatever is used last finds room: for trials and tests. */
  static ofOneThread(): SharedDataMemory {
    return new SharedDataMemory(allocateSharedData(4 * LIMITS.pluginSharedDataBytes), 1, { idleSeconds: 0 });
  }

  open(tenant: string, plugin: string): SharedData {
    return new SharedDataHandle(this, `${tenant}\n${plugin}`);
  }
}

/** @param bytes for the entries of all plugins. Taken from the machine as it is used. */
export function allocateSharedData(bytes: number = LIMITS.pluginSharedDataTotalBytes): SharedArrayBuffer {
  return SharedMemory.allocate(bytes);
}

/**
 * Releases what a thread held when it ended. Its next holder puts in order what was half done.
 * @returns how many locks
 */
export function releaseSharedData(buffer: SharedArrayBuffer, owner: number): number {
  const memory = new SharedMemory(buffer);
  let released = releaseLockOf(owner, memory.words, HEADER.directoryLock) ? 1 : 0;
  for (let space = 0; space < Atomics.load(memory.words, HEADER.spaces); space++) {
    if (releaseLockOf(owner, memory.words, memory.spaceAt(space) + SPACE.lock)) released++;
  }
  return released;
}

/** How full the shared data is. */
export interface SharedDataUsage {
  readonly usedBytes: number;
  /** Writes since the start that found no room, or whose lock was not to be had in time. */
  readonly refused: number;
}

export function sharedDataUsage(buffer: SharedArrayBuffer): SharedDataUsage {
  const memory = new SharedMemory(buffer);
  return { usedBytes: memory.usedBytes, refused: Atomics.load(memory.words, HEADER.refused) >>> 0 };
}

/** Shared data of one plugin of one tenant. Its space is found, or found again, when it is used. */
class SharedDataHandle implements SharedData {
  readonly #store: SharedDataMemory;
  readonly #words: Int32Array;
  readonly #name: string;
  #space: SharedSpace | null = null;
  /** First word of the space. */
  #at = 0;
  #generation = 0;
  /** Who held the lock for longer than we wait: probably it is dead, and nobody waits for it a second time. */
  #stuck = 0;

  constructor(store: SharedDataMemory, name: string) {
    this.#store = store;
    this.#words = store.memory.words;
    this.#name = name;
  }

  get(key: string): SharedValue | null {
    const space = this.#enter();
    if (space === null) return null;
    let value: SharedValue | null = null;
    let done = false;
    try {
      const block = space.use(key);
      if (block !== 0) value = { value: space.valueOf(block), cas: space.casOf(block) };
      done = true;
    } finally {
      this.#leave(done);
    }
    return value;
  }

  set(key: string, value: Uint8Array, cas: number): boolean {
    const space = this.#enter();
    if (space === null) return this.#refuse();
    let done = false;
    try {
      const result = space.set(key, value, cas);
      done = true;
      return result === 'full' ? this.#refuse() : result === 'stored';
    } finally {
      this.#leave(done);
    }
  }

  #refuse(): boolean {
    Atomics.add(this.#words, HEADER.refused, 1);
    return false;
  }

  /** Takes the lock of the space, and finds the space anew if others have got its room; null = not to be had. */
  #enter(): SharedSpace | null {
    for (let attempts = 0; attempts < 3; attempts++) {
      if (this.#space === null && !this.#open()) return null;
      const result = this.#lock();
      if (result === LockResult.busy) return null;
      if (this.#words[this.#at + SPACE.generation] === this.#generation) {
        this.#words[this.#at + SPACE.usedAt] = this.#store.seconds();
        return result === LockResult.inherited ? this.#repaired() : this.#space;
      }
      this.#leave(result !== LockResult.inherited);
      this.#space = null;
    }
    return null;
  }

  #repaired(): SharedSpace | null {
    let done = false;
    try {
      this.#space!.rebuild();
      done = true;
    } finally {
      if (!done) this.#leave(false);
    }
    return this.#space;
  }

  /** @param whole false: what the lock guards may be half done. */
  #leave(whole: boolean): void {
    if (whole) this.#store.locks.release(this.#at + SPACE.lock);
    else this.#store.locks.abandon(this.#at + SPACE.lock);
  }

  #lock(): LockResult {
    const { locks } = this.#store;
    const cell = this.#at + SPACE.lock;
    if (this.#stuck !== 0 && locks.holder(cell) === this.#stuck) return LockResult.busy;
    const result = locks.acquire(cell);
    this.#stuck = result === LockResult.busy ? locks.holder(cell) : 0;
    return result;
  }

  #open(): boolean {
    const { directory, memory } = this.#store;
    const opened = directory.open(this.#name);
    if (opened === null) return false;
    this.#at = memory.spaceAt(opened.space);
    this.#generation = opened.generation;
    this.#space = new SharedSpace(memory, opened.space, () => directory.reclaim(opened.space));
    return true;
  }
}
