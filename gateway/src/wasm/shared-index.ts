import { SharedContent } from './shared-content.ts';
import { BLOCK, BLOCKS_PER_SEGMENT, SEGMENT_WORDS, type SharedMemory, SMALL_BUCKETS, SPACE } from './shared-memory.ts';

/** Entries of one bucket. Keys may be a client's, who could choose them to collide; so no search is longer than this. */
export const BUCKET_ENTRIES = 64;

/**
 * How the entries of one space are found: hash table, order of use, and the chain of free blocks. All of it follows from
 * the blocks whose `cas` is set. Every method needs the lock of the space.
 */
export class SharedIndex {
  readonly content: SharedContent;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  /** First word of the space. */
  readonly #at: number;

  constructor(memory: SharedMemory, space: number) {
    this.content = new SharedContent(memory);
    this.#memory = memory;
    this.#words = memory.words;
    this.#at = memory.spaceAt(space);
  }

  /** One of the words of `SPACE`. */
  get(word: number): number {
    return this.#words[this.#at + word]!;
  }

  set(word: number, value: number): void {
    this.#words[this.#at + word] = value;
  }

  /** The entry with a key; 0 = there is none. */
  find(key: string, hash: number): number {
    let block = this.#words[this.#bucketOf(hash)]!;
    while (block !== 0 && !this.content.hasKey(block, hash, key)) {
      block = this.#words[this.#memory.blockAt(block) + BLOCK.chain]!;
    }
    return block;
  }

  /** Makes an entry the one used last. */
  touch(block: number): void {
    this.stamp(block);
    if (this.get(SPACE.newest) === block) return;
    this.#unlist(block);
    this.#list(block);
  }

  /** Notes in the entry itself that it is the one used last. */
  stamp(block: number): void {
    const use = (this.get(SPACE.uses) + 1) | 0;
    this.set(SPACE.uses, use);
    this.#words[this.#memory.blockAt(block) + BLOCK.used] = use;
  }

  /** Takes in an entry that is in no list yet, as the one used last; drops the last of a bucket that is crowded. */
  link(block: number): void {
    const at = this.#memory.blockAt(block);
    this.#list(block);
    const bucket = this.#bucketOf(this.#words[at + BLOCK.hash]!);
    const last = this.#lastOfCrowded(bucket);
    if (last !== 0) this.drop(last);
    this.#words[at + BLOCK.chain] = this.#words[bucket]!;
    this.#words[bucket] = block;
    this.#count(block, 1);
  }

  /** Forgets an entry, and makes its blocks free. */
  drop(block: number): void {
    const words = this.#words;
    const at = this.#memory.blockAt(block);
    Atomics.store(words, at + BLOCK.cas, 0);
    let link = this.#bucketOf(words[at + BLOCK.hash]!);
    while (words[link] !== block) link = this.#memory.blockAt(words[link]!) + BLOCK.chain;
    words[link] = words[at + BLOCK.chain]!;
    this.#unlist(block);
    this.#count(block, -1);
    let tail = block;
    let count = 1;
    for (let next = words[at + BLOCK.next]!; next !== 0; next = words[this.#memory.blockAt(next) + BLOCK.next]!) {
      tail = next;
      count++;
    }
    this.free(block, tail, count);
  }

  /** Puts a chain of blocks without entries before the free ones. */
  free(head: number, tail: number, count: number): void {
    this.#words[this.#memory.blockAt(tail) + BLOCK.next] = this.get(SPACE.free);
    this.set(SPACE.free, head);
    this.set(SPACE.freeBlocks, this.get(SPACE.freeBlocks) + count);
  }

  /** Takes a chain of free blocks; there must be as many. */
  allocate(count: number): number {
    const head = this.get(SPACE.free);
    let tail = head;
    for (let i = 1; i < count; i++) tail = this.#words[this.#memory.blockAt(tail) + BLOCK.next]!;
    const next = this.#memory.blockAt(tail) + BLOCK.next;
    this.set(SPACE.free, this.#words[next]!);
    this.#words[next] = 0;
    this.set(SPACE.freeBlocks, this.get(SPACE.freeBlocks) - count);
    return head;
  }

  /** Number of blocks of an entry. */
  blocksOf(block: number): number {
    let count = 0;
    for (let b = block; b !== 0; b = this.#words[this.#memory.blockAt(b) + BLOCK.next]!) count++;
    return count;
  }

  /** Makes the blocks of a new segment free. */
  addSegment(segment: number): void {
    const first = segment * BLOCKS_PER_SEGMENT;
    for (let block = first; block < first + BLOCKS_PER_SEGMENT; block++) this.free(block, block, 1);
  }

  /** Moves the hash table into a segment, which must be empty. */
  moveTable(segment: number): void {
    this.set(SPACE.table, segment);
    for (let block = this.get(SPACE.oldest); block !== 0; ) {
      const at = this.#memory.blockAt(block);
      const bucket = this.#bucketOf(this.#words[at + BLOCK.hash]!);
      this.#words[at + BLOCK.chain] = this.#words[bucket]!;
      this.#words[bucket] = block;
      block = this.#words[at + BLOCK.newer]!;
    }
  }

  #bucketOf(hash: number): number {
    const table = this.get(SPACE.table);
    if (table === 0) return this.#at + SPACE.buckets + (hash & (SMALL_BUCKETS - 1));
    return this.#memory.segmentAt(table) + (hash & (SEGMENT_WORDS - 1));
  }

  /** The last entry of a bucket that may not take another one, else 0. */
  #lastOfCrowded(bucket: number): number {
    let last = 0;
    let count = 0;
    for (let block = this.#words[bucket]!; block !== 0; count++) {
      last = block;
      block = this.#words[this.#memory.blockAt(block) + BLOCK.chain]!;
    }
    return count < BUCKET_ENTRIES ? 0 : last;
  }

  #list(block: number): void {
    const at = this.#memory.blockAt(block);
    const newest = this.get(SPACE.newest);
    this.#words[at + BLOCK.newer] = 0;
    this.#words[at + BLOCK.older] = newest;
    if (newest === 0) this.set(SPACE.oldest, block);
    else this.#words[this.#memory.blockAt(newest) + BLOCK.newer] = block;
    this.set(SPACE.newest, block);
  }

  #unlist(block: number): void {
    const at = this.#memory.blockAt(block);
    const newer = this.#words[at + BLOCK.newer]!;
    const older = this.#words[at + BLOCK.older]!;
    if (newer === 0) this.set(SPACE.newest, older);
    else this.#words[this.#memory.blockAt(newer) + BLOCK.older] = older;
    if (older === 0) this.set(SPACE.oldest, newer);
    else this.#words[this.#memory.blockAt(older) + BLOCK.newer] = newer;
  }

  #count(block: number, sign: number): void {
    this.set(SPACE.entries, this.get(SPACE.entries) + sign);
    this.set(SPACE.usedBlocks, this.get(SPACE.usedBlocks) + sign * this.blocksOf(block));
  }
}
