import { LockResult, type SharedLocks } from '../core/shared-lock.ts';
import { HEADER, NAME_BYTES, type SharedMemory, SPACE } from './shared-memory.ts';
import { hashOf } from './shared-space.ts';

/** Seconds of any clock that all threads share; only differences count. */
export type Seconds = () => number;

/** A space and the generation that belongs to who asked for it. */
export interface OpenedSpace {
  readonly space: number;
  readonly generation: number;
}

/** Which space belongs to whom, and who has not come for so long that others may have its room. */
export class SharedDirectory {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #locks: SharedLocks;
  readonly #seconds: Seconds;
  readonly #idleSeconds: number;

  /** Names of the spaces that have a group, each with its number of entries. Needs no lock: it may miss what changes now. */
  static *groups(memory: SharedMemory): Generator<readonly [name: string, entries: number]> {
    const { words } = memory;
    for (let space = 0; space < Atomics.load(words, HEADER.spaces); space++) {
      const at = memory.spaceAt(space);
      const occupied = (Atomics.load(words, at + SPACE.generation) & 1) === 1;
      if (occupied && words[at + SPACE.group] !== 0)
        yield [nameAt(memory, at), Atomics.load(words, at + SPACE.entries)];
    }
  }

  constructor(memory: SharedMemory, locks: SharedLocks, seconds: Seconds, idleSeconds: number) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#locks = locks;
    this.#seconds = seconds;
    this.#idleSeconds = idleSeconds;
  }

  /**
   * The space of a name (latin1), a new one if it has none. null: all are taken, or the lock is not to be had.
   * @param group number of those that it counts with; 0 = it counts with none
   * @param most spaces of the group
   */
  open(name: string, group = 0, most = Infinity): OpenedSpace | null {
    if (name.length > NAME_BYTES) throw new RangeError(`the name of a space has at most ${NAME_BYTES} characters`);
    // Whoever dies here leaves nothing half done that anybody believes: a space counts from its generation on.
    if (this.#locks.acquire(HEADER.directoryLock) === LockResult.busy) return null;
    try {
      const space = this.#find(name) ?? (this.#countOf(group) < most ? this.#occupy(name, group) : -1);
      if (space < 0) return null;
      return { space, generation: this.#generationOf(this.#memory.spaceAt(space)) };
    } finally {
      this.#locks.release(HEADER.directoryLock);
    }
  }

  /** Name of the space with a hash, of those whose names begin so; null = there is none, or the lock is not to be had. */
  nameOf(hash: number, prefix: string): string | null {
    if (this.#locks.acquire(HEADER.directoryLock) === LockResult.busy) return null;
    try {
      for (let space = 0; space < this.#words[HEADER.spaces]!; space++) {
        const at = this.#memory.spaceAt(space);
        if (this.#words[at + SPACE.nameHash] !== hash || !this.#isOccupied(at)) continue;
        const name = nameAt(this.#memory, at);
        if (name.startsWith(prefix)) return name;
      }
      return null;
    } finally {
      this.#locks.release(HEADER.directoryLock);
    }
  }

  /** Takes the room of the space that nobody has used for longest, if long enough. For who holds the lock of `own`. */
  reclaim(own: number): boolean {
    const now = this.#seconds() | 0;
    if (this.#words[HEADER.reclaimedAt] === now) return false;
    if (this.#locks.tryAcquire(HEADER.directoryLock) === LockResult.busy) return false;
    try {
      const space = this.#longestIdle(now, own, true);
      if (space >= 0) return this.#vacate(space, now);
      // One look a second is enough.
      this.#words[HEADER.reclaimedAt] = now;
      return false;
    } finally {
      this.#locks.release(HEADER.directoryLock);
    }
  }

  #find(name: string): number | null {
    const hash = hashOf(name);
    for (let space = 0; space < this.#words[HEADER.spaces]!; space++) {
      const at = this.#memory.spaceAt(space);
      if (this.#words[at + SPACE.nameHash] === hash && this.#isOccupied(at) && nameAt(this.#memory, at) === name)
        return space;
    }
    return null;
  }

  #countOf(group: number): number {
    if (group === 0) return 0;
    let count = 0;
    for (let space = 0; space < this.#words[HEADER.spaces]!; space++) {
      const at = this.#memory.spaceAt(space);
      if (this.#words[at + SPACE.group] === group && this.#isOccupied(at)) count++;
    }
    return count;
  }

  #occupy(name: string, group: number): number {
    const now = this.#seconds() | 0;
    let space = this.#vacant();
    if (space < 0) {
      const idle = this.#longestIdle(now, -1, false);
      if (idle >= 0 && this.#vacate(idle, now)) space = idle;
    }
    if (space < 0) return -1;
    const at = this.#memory.spaceAt(space);
    this.#words[at + SPACE.nameHash] = hashOf(name);
    this.#words[at + SPACE.nameLength] = name.length;
    this.#words[at + SPACE.usedAt] = now;
    this.#words.fill(0, at + SPACE.receiver, at + SPACE.ready + 1);
    this.#words[at + SPACE.group] = group;
    for (let i = 0; i < name.length; i++) this.#memory.bytes[(at + SPACE.name) * 4 + i] = name.charCodeAt(i);
    Atomics.add(this.#words, at + SPACE.generation, 1);
    return space;
  }

  /** A space without owner that nobody is about to give back any more. */
  #vacant(): number {
    const used = this.#words[HEADER.spaces]!;
    for (let space = 0; space < used; space++) {
      const at = this.#memory.spaceAt(space);
      if (!this.#isOccupied(at) && this.#isClean(space)) return space;
    }
    if (used === this.#memory.spaces) return -1;
    Atomics.store(this.#words, HEADER.spaces, used + 1);
    return used;
  }

  /** Who was to give its room back may have died over it. */
  #isClean(space: number): boolean {
    const lock = this.#memory.spaceAt(space) + SPACE.lock;
    const result = this.#locks.tryAcquire(lock);
    if (result === LockResult.busy) return false;
    if (result === LockResult.inherited) this.#wipe(space);
    this.#locks.release(lock);
    return true;
  }

  /** @param received whether queues that somebody receives from count, which can be emptied, but not be given away */
  #longestIdle(now: number, except: number, received: boolean): number {
    let longest = this.#idleSeconds - 1;
    let found = -1;
    for (let space = 0; space < this.#words[HEADER.spaces]!; space++) {
      const at = this.#memory.spaceAt(space);
      const idle = (now - this.#words[at + SPACE.usedAt]!) | 0;
      if (space === except || idle <= longest || !this.#isOccupied(at)) continue;
      if (!received && this.#words[at + SPACE.receiver] !== 0) continue;
      longest = idle;
      found = space;
    }
    return found;
  }

  #vacate(space: number, now: number): boolean {
    const at = this.#memory.spaceAt(space);
    // Never waits: the lock of another space may be held here already.
    const result = this.#locks.tryAcquire(at + SPACE.lock);
    if (result === LockResult.busy) return false;
    const idle = ((now - this.#words[at + SPACE.usedAt]!) | 0) >= this.#idleSeconds;
    if (idle && this.#words[at + SPACE.receiver] !== 0) {
      this.#memory.forgetEntries(space);
      this.#words[at + SPACE.usedAt] = now;
      this.#wipe(space);
    } else if (idle) {
      Atomics.add(this.#words, at + SPACE.generation, 1);
      this.#wipe(space);
    }
    if (idle || result === LockResult.taken) this.#locks.release(at + SPACE.lock);
    else this.#locks.abandon(at + SPACE.lock);
    return idle;
  }

  #wipe(space: number): void {
    const at = this.#memory.spaceAt(space);
    this.#words.fill(0, at + SPACE.free, at + SPACE.usedBlocks + 1);
    this.#words.fill(0, at + SPACE.table, at + SPACE.name);
    this.#memory.giveBack(space);
  }

  #isOccupied(at: number): boolean {
    return (this.#generationOf(at) & 1) === 1;
  }

  #generationOf(at: number): number {
    return Atomics.load(this.#words, at + SPACE.generation);
  }
}

function nameAt({ words, bytes }: SharedMemory, at: number): string {
  const from = (at + SPACE.name) * 4;
  let name = '';
  for (let i = 0; i < words[at + SPACE.nameLength]!; i++) name += String.fromCharCode(bytes[from + i]!);
  return name;
}
