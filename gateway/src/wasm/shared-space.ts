import {
  BLOCK,
  BLOCKS_PER_SEGMENT,
  blocksFor,
  HEADER,
  QUEUE_BLOCKS,
  SEGMENT_WORDS,
  type SharedMemory,
  SMALL_BUCKETS,
  SPACE,
  SPACE_BLOCKS,
} from './shared-memory.ts';
import { SharedIndex } from './shared-index.ts';

/** Beyond so many entries the hash table moves into a segment of its own. */
const SMALL_ENTRIES = 64;
/** What no write is numbered: callers name it to say that there must be no entry. */
const LAST_CAS = 0xffff_ffff;

/** What a write came to. `full`: there is no room, and nothing has changed. */
export type SetResult = 'stored' | 'mismatch' | 'full';

/**
 * The entries of one plugin of one tenant, by key and by use; or the messages of a queue, which have no key, and of which
 * the one used longest ago is the first. Every method needs the lock of the space.
 */
export class SharedSpace {
  readonly #index: SharedIndex;
  readonly #memory: SharedMemory;
  /** Mark of its segments. */
  readonly #mark: number;
  readonly #makeRoom: () => boolean;

  /** @param makeRoom called when no segment is free; answers whether one is now. */
  constructor(memory: SharedMemory, space: number, makeRoom: () => boolean) {
    this.#memory = memory;
    this.#index = new SharedIndex(memory, space);
    this.#mark = space + 1;
    this.#makeRoom = makeRoom;
  }

  /** The entry with a key (latin1), which counts as used now; 0 = there is none. */
  use(key: string): number {
    const block = this.#index.find(key, hashOf(key));
    if (block !== 0) this.#index.touch(block);
    return block;
  }

  /** A copy. */
  valueOf(block: number): Uint8Array {
    return this.#index.content.readValue(block);
  }

  casOf(block: number): number {
    return this.#memory.words[this.#memory.blockAt(block) + BLOCK.cas]! >>> 0;
  }

  /** Stores a copy; the entries that have not been used for longest make room. @param cas 0 = whatever is there */
  set(key: string, value: Uint8Array, cas: number): SetResult {
    const need = blocksFor(key.length + value.length);
    if (need > SPACE_BLOCKS) return 'full';
    const index = this.#index;
    const hash = hashOf(key);
    let old = index.find(key, hash);
    if (old !== 0 && cas !== 0 && cas !== this.casOf(old)) return 'mismatch';
    if (!this.#reserve(need)) {
      if (index.get(SPACE.freeBlocks) + index.get(SPACE.usedBlocks) < need) return 'full';
      // No room for both: the old value has to go first, and is lost should this thread end right now.
      if (old !== 0) index.drop(old);
      old = 0;
      while (index.get(SPACE.freeBlocks) < need) index.drop(index.get(SPACE.oldest));
    }
    this.#shrinkFor(need, old);
    const block = index.allocate(need);
    index.content.write(block, hash, key, value);
    this.#commit(block, old);
    return 'stored';
  }

  /** Messages that wait. */
  get size(): number {
    return this.#index.get(SPACE.entries);
  }

  /**
   * Appends a copy of a message; the oldest make room.
   * @returns how many messages are lost, this one included if it finds no room
   */
  push(message: Uint8Array): number {
    const index = this.#index;
    const need = blocksFor(message.length);
    if (need > QUEUE_BLOCKS) return 1;
    const before = this.size;
    while (index.get(SPACE.usedBlocks) + need > QUEUE_BLOCKS) index.drop(index.get(SPACE.oldest));
    if (!this.#reserve(need)) {
      if (index.get(SPACE.freeBlocks) + index.get(SPACE.usedBlocks) < need) return before - this.size + 1;
      while (index.get(SPACE.freeBlocks) < need) index.drop(index.get(SPACE.oldest));
    }
    const block = index.allocate(need);
    // Without a key it is told from the others by a number of its own.
    index.content.write(block, index.get(SPACE.lastCas) + 1, '', message);
    this.#commit(block, 0);
    return before + 1 - this.size;
  }

  /** Takes the first message out; null = there is none. It is lost should this thread end right now. */
  shift(): Uint8Array | null {
    const block = this.#index.get(SPACE.oldest);
    if (block === 0) return null;
    const message = this.valueOf(block);
    this.#index.drop(block);
    return message;
  }

  /**
   * Indexes the entries anew, for a holder of the lock that died in the middle. Of two entries with the same key, left
   * between commit and drop, the newer stays.
   */
  rebuild(): void {
    const index = this.#index;
    const { words } = this.#memory;
    const now = index.get(SPACE.uses);
    const age = (block: number): number => (now - words[this.#memory.blockAt(block) + BLOCK.used]!) >>> 0;
    for (const block of this.#reset().sort((a, b) => age(b) - age(a))) {
      const older = index.find(index.content.readKey(block), words[this.#memory.blockAt(block) + BLOCK.hash]!);
      if (older !== 0) index.drop(older);
      index.link(block);
    }
  }

  /** From here on the new entry stands. */
  #commit(block: number, old: number): void {
    const index = this.#index;
    const last = index.get(SPACE.lastCas) >>> 0;
    const cas = last + 1 >= LAST_CAS ? 1 : last + 1;
    index.set(SPACE.lastCas, cas);
    index.stamp(block);
    Atomics.store(this.#memory.words, this.#memory.blockAt(block) + BLOCK.cas, cas);
    if (old !== 0) index.drop(old);
    index.link(block);
    if (index.get(SPACE.entries) > SMALL_ENTRIES && index.get(SPACE.table) === 0) {
      const segment = this.#take(-this.#mark);
      if (segment !== 0) index.moveTable(segment);
    }
  }

  /** Drops entries until the space stays below its ceiling with a new one in place of `old`. */
  #shrinkFor(need: number, old: number): void {
    const index = this.#index;
    const { words } = this.#memory;
    const room = SPACE_BLOCKS - need + (old === 0 ? 0 : index.blocksOf(old));
    while (index.get(SPACE.usedBlocks) > room) {
      const oldest = index.get(SPACE.oldest);
      index.drop(oldest === old ? words[this.#memory.blockAt(old) + BLOCK.newer]! : oldest);
    }
  }

  #reserve(blocks: number): boolean {
    while (this.#index.get(SPACE.freeBlocks) < blocks) {
      const segment = this.#take(this.#mark);
      if (segment === 0) return false;
      this.#index.addSegment(segment);
    }
    return true;
  }

  #take(mark: number): number {
    const frees = Atomics.load(this.#memory.words, HEADER.frees);
    const known = this.#index.get(SPACE.full) === frees + 1;
    const segment = known ? 0 : this.#memory.take(mark);
    if (segment !== 0) return segment;
    // Not looked for again before one is given back.
    this.#index.set(SPACE.full, frees + 1);
    return this.#makeRoom() ? this.#memory.take(mark) : 0;
  }

  /** Empties the index, frees the blocks that belong to no entry, and answers the entries. */
  #reset(): number[] {
    const { words } = this.#memory;
    for (const word of [SPACE.free, SPACE.freeBlocks, SPACE.newest, SPACE.oldest, SPACE.entries, SPACE.usedBlocks]) {
      this.#index.set(word, 0);
    }
    this.#index.set(SPACE.table, 0);
    for (let bucket = 0; bucket < SMALL_BUCKETS; bucket++) this.#index.set(SPACE.buckets + bucket, 0);
    const entries: number[] = [];
    const taken = new Set<number>();
    const blocks: number[] = [];
    for (let segment = 1; segment < this.#memory.segments; segment++) {
      const owner = this.#memory.ownerOf(segment);
      if (owner === -this.#mark) this.#adoptTable(segment);
      if (owner !== this.#mark) continue;
      for (let i = 0; i < BLOCKS_PER_SEGMENT; i++) blocks.push(segment * BLOCKS_PER_SEGMENT + i);
    }
    for (const block of blocks) {
      if (words[this.#memory.blockAt(block)] === 0) continue;
      entries.push(block);
      for (let part = block; part !== 0; part = words[this.#memory.blockAt(part) + BLOCK.next]!) taken.add(part);
    }
    for (const block of blocks) if (!taken.has(block)) this.#index.free(block, block, 1);
    return entries;
  }

  #adoptTable(segment: number): void {
    const at = this.#memory.segmentAt(segment);
    this.#memory.words.fill(0, at, at + SEGMENT_WORDS);
    this.#index.set(SPACE.table, segment);
  }
}

/** FNV-1a of a latin1 text, which need not be encoded for it. Who makes keys collide gains nothing: buckets are bounded. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}
