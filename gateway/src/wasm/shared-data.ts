import { LIMITS } from '../core/limits.ts';
import { releaseLockOf, SharedLocks } from '../core/shared-lock.ts';
import type { SharedData, SharedDataStore, SharedQueueStore, SharedValue } from './host.ts';
import { SharedQueueMemory } from './plugin-queues.ts';
import { SharedDirectory, type Seconds } from './shared-directory.ts';
import { type SharedTools, SpaceHandle } from './shared-handle.ts';
import { HEADER, SharedMemory, SPACE } from './shared-memory.ts';

export interface SharedDataOptions {
  /** Default: whole seconds since the epoch. */
  readonly seconds?: Seconds;
  /** Seconds without use after which a space makes room for others. Default `LIMITS.pluginSharedDataIdleMs`. */
  readonly idleSeconds?: number;
}

/** One thread's view of the shared data and queues of all threads. */
export class SharedDataMemory implements SharedDataStore, SharedTools {
  readonly memory: SharedMemory;
  readonly locks: SharedLocks;
  readonly directory: SharedDirectory;
  readonly seconds: Seconds;
  readonly queues: SharedQueueStore;

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
    this.queues = new SharedQueueMemory(this, owner);
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
 * Releases what a thread held when it ended. Its next holder puts in order what was half done, and queues that the thread
 * received from find another receiver.
 * @returns how many locks
 */
export function releaseSharedData(buffer: SharedArrayBuffer, owner: number): number {
  const memory = new SharedMemory(buffer);
  const { words } = memory;
  let released = releaseLockOf(owner, words, HEADER.directoryLock) ? 1 : 0;
  for (let space = 0; space < Atomics.load(words, HEADER.spaces); space++) {
    const at = memory.spaceAt(space);
    Atomics.compareExchange(words, at + SPACE.receiver, owner, 0);
    if (!releaseLockOf(owner, words, at + SPACE.lock)) continue;
    released++;
    // It may have ended between a message and the word of it.
    Atomics.store(words, at + SPACE.ready, 1);
  }
  memory.ring(0);
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
  readonly #words: Int32Array;
  readonly #handle: SpaceHandle;

  constructor(store: SharedDataMemory, name: string) {
    this.#words = store.memory.words;
    this.#handle = new SpaceHandle(store, { name, group: 0, most: Infinity });
  }

  get(key: string): SharedValue | null {
    const space = this.#handle.enter();
    if (space === null) return null;
    let value: SharedValue | null = null;
    let done = false;
    try {
      const block = space.use(key);
      if (block !== 0) value = { value: space.valueOf(block), cas: space.casOf(block) };
      done = true;
    } finally {
      this.#handle.leave(done);
    }
    return value;
  }

  set(key: string, value: Uint8Array, cas: number): boolean {
    const space = this.#handle.enter();
    if (space === null) return this.#refuse();
    let done = false;
    try {
      const result = space.set(key, value, cas);
      done = true;
      return result === 'full' ? this.#refuse() : result === 'stored';
    } finally {
      this.#handle.leave(done);
    }
  }

  #refuse(): boolean {
    Atomics.add(this.#words, HEADER.refused, 1);
    return false;
  }
}
