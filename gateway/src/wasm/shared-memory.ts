import { LIMITS } from '../core/limits.ts';

/** Memory is given to spaces in segments; entries take blocks of them. Both in 32-bit words. */
export const SEGMENT_WORDS = 1024;
export const BLOCK_WORDS = 32;
export const BLOCKS_PER_SEGMENT = SEGMENT_WORDS / BLOCK_WORDS;
const SEGMENT_BYTES = SEGMENT_WORDS * 4;
/** Most blocks that the entries of one space may take. */
export const SPACE_BLOCKS = LIMITS.pluginSharedDataBytes / (BLOCK_WORDS * 4);
/** Most blocks that the messages of one queue may take. */
export const QUEUE_BLOCKS = LIMITS.pluginQueueBytes / (BLOCK_WORDS * 4);
/** Threads are woken by as many words; two that share one are woken together, and look in vain. */
export const BELLS = 64;

/** Words of the memory as a whole, at its begin. */
export const HEADER = {
  /** Guards which space has which name. */
  directoryLock: 0,
  /** Spaces below this number have been used at some time. */
  spaces: 1,
  /** Where the search for a free segment begins. */
  cursor: 2,
  /** How often segments became free. */
  frees: 3,
  /** Second of the last search for a space that nobody uses. */
  reclaimedAt: 4,
  /** Writes that found no room, or whose lock was not to be had. */
  refused: 5,
  /** Words that grow when a thread is to look at its queues; a thread's is its owner's number modulo `BELLS`. */
  bells: 16,
  size: 16 + BELLS,
} as const;

export const NAME_BYTES = 192;
export const SMALL_BUCKETS = 16;

/** Words of one space: what one plugin of one tenant stores, or one of its queues. */
export const SPACE = {
  lock: 0,
  /** Odd while the space has an owner; grows with every one. */
  generation: 1,
  nameHash: 2,
  nameLength: 3,
  /** Second of its last use. */
  usedAt: 4,
  /** Hash of the plugin that owns a queue; 0 = no queue. */
  group: 5,
  /** Owner of the thread that is told of messages; 0 = nobody. */
  receiver: 6,
  /** 1: there is a message that the receiver has not been told of. */
  ready: 7,
  /** Chain of free blocks, and how many. */
  free: 8,
  freeBlocks: 9,
  /** Ends of the list of entries by their last use. */
  newest: 10,
  oldest: 11,
  entries: 12,
  /** Blocks that the entries take. */
  usedBlocks: 13,
  /** Number of the last write. */
  lastCas: 14,
  /** Number of the last use. */
  uses: 15,
  /** Segment with the hash table; 0 = the small one, here. */
  table: 16,
  /** `HEADER.frees` + 1 as it was when no segment was free. */
  full: 17,
  buckets: 18,
  name: 18 + SMALL_BUCKETS,
  size: 18 + SMALL_BUCKETS + NAME_BYTES / 4,
} as const;

/** Words of a block. One that is not the first of an entry has 0 for `cas`, and its content behind `next`. */
export const BLOCK = {
  /** Number of the write that made the entry. Written last, and cleared first: with it the entry stands and falls. */
  cas: 0,
  /** Next block of the entry, or of the free chain; 0 = none. */
  next: 1,
  rest: 2,
  /** Next entry of the same bucket. */
  chain: 2,
  newer: 3,
  older: 4,
  /** `SPACE.uses` at its last use. */
  used: 5,
  hash: 6,
  keyLength: 7,
  valueLength: 8,
  content: 9,
} as const;

/** Bytes in the first block of an entry, and in each further one. */
export const FIRST_BYTES = (BLOCK_WORDS - BLOCK.content) * 4;
export const REST_BYTES = (BLOCK_WORDS - BLOCK.rest) * 4;

/** How many blocks an entry of so many bytes takes. */
export function blocksFor(bytes: number): number {
  return bytes <= FIRST_BYTES ? 1 : 1 + Math.ceil((bytes - FIRST_BYTES) / REST_BYTES);
}

/**
 * The memory behind all shared data and queues: header, spaces, owners of the segments, segments. A free segment holds nothing but
 * zeros, so that nothing of one space ever shows in another. Segment 0 is never given out: 0 means none.
 */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Most spaces. */
  readonly spaces: number;
  readonly segments: number;
  readonly #owners: number;
  readonly #content: number;

  /** @param buffer made by `allocate`. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    // What `allocate` adds up: two segments for each space.
    this.spaces = Math.floor((this.words.length - HEADER.size) / (SPACE.size + 2 * (1 + SEGMENT_WORDS)));
    this.segments = this.spaces * 2;
    this.#owners = HEADER.size + this.spaces * SPACE.size;
    this.#content = this.#owners + this.segments;
  }

  /** @param bytes for entries; what keeps order among them comes on top. At least two segments of 4 KiB. */
  static allocate(bytes: number): SharedArrayBuffer {
    const spaces = Math.max(1, Math.floor(bytes / SEGMENT_BYTES / 2));
    const words = HEADER.size + spaces * (SPACE.size + 2 * (1 + SEGMENT_WORDS));
    return new SharedArrayBuffer(words * 4);
  }

  /** First word of a space. */
  spaceAt(space: number): number {
    return HEADER.size + space * SPACE.size;
  }

  segmentAt(segment: number): number {
    return this.#content + segment * SEGMENT_WORDS;
  }

  /** First word of a block; the number of the first block of a segment is the segment's times `BLOCKS_PER_SEGMENT`. */
  blockAt(block: number): number {
    return this.#content + block * BLOCK_WORDS;
  }

  /** Owner's mark of a segment: its space + 1, negative for a hash table; 0 = free. */
  ownerOf(segment: number): number {
    return Atomics.load(this.words, this.#owners + segment);
  }

  /** Takes a free segment for `mark`; 0 = there is none. */
  take(mark: number): number {
    const start = this.words[HEADER.cursor]!;
    for (let i = 0; i < this.segments; i++) {
      const segment = (start + i) % this.segments;
      if (segment === 0 || this.ownerOf(segment) !== 0) continue;
      if (Atomics.compareExchange(this.words, this.#owners + segment, 0, mark) !== 0) continue;
      this.words[HEADER.cursor] = segment + 1;
      return segment;
    }
    return 0;
  }

  /** Wipes all segments of a space and gives them back. To be called by who holds its lock. */
  giveBack(space: number): void {
    const mark = space + 1;
    let freed = false;
    for (let segment = 1; segment < this.segments; segment++) {
      if (Math.abs(this.ownerOf(segment)) !== mark) continue;
      const at = this.segmentAt(segment);
      this.words.fill(0, at, at + SEGMENT_WORDS);
      Atomics.store(this.words, this.#owners + segment, 0);
      freed = true;
    }
    if (freed) Atomics.add(this.words, HEADER.frees, 1);
  }

  /**
   * Makes entries of a space that stays into none, so that nobody follows their blocks into segments that others have
   * got by then. To be called, by who holds its lock, before `giveBack`.
   */
  forgetEntries(space: number): void {
    for (let segment = 1; segment < this.segments; segment++) {
      if (this.ownerOf(segment) !== space + 1) continue;
      const first = segment * BLOCKS_PER_SEGMENT;
      for (let block = first; block < first + BLOCKS_PER_SEGMENT; block++) {
        Atomics.store(this.words, this.blockAt(block) + BLOCK.cas, 0);
      }
    }
  }

  /** Has a thread look at its queues; 0 = every thread. */
  ring(owner: number): void {
    for (let bell = 0; bell < BELLS; bell++) {
      if (owner !== 0 && owner % BELLS !== bell) continue;
      Atomics.add(this.words, HEADER.bells + bell, 1);
      Atomics.notify(this.words, HEADER.bells + bell);
    }
  }

  /** Bytes that belong to spaces. */
  get usedBytes(): number {
    let used = 0;
    for (let segment = 1; segment < this.segments; segment++) if (this.ownerOf(segment) !== 0) used++;
    return used * SEGMENT_BYTES;
  }
}
