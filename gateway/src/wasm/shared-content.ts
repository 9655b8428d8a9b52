import { BLOCK, FIRST_BYTES, REST_BYTES, type SharedMemory } from './shared-memory.ts';

/** Shorter pieces are copied faster one by one. */
const SHORT = 32;

/**
 * Reads and writes what an entry consists of: key (latin1), then value, over its chain of blocks. It goes through an
 * entry from its begin, with one position at a time.
 */
export class SharedContent {
  readonly #memory: SharedMemory;
  #block = 0;
  /** Byte to go on with, and how many follow in this block. */
  #at = 0;
  #left = 0;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  /** Fills a chain that is long enough. The entry is not there before its `cas` is set. */
  write(block: number, hash: number, key: string, value: Uint8Array): void {
    const { words, bytes } = this.#memory;
    const at = this.#memory.blockAt(block);
    words[at + BLOCK.hash] = hash;
    words[at + BLOCK.keyLength] = key.length;
    words[at + BLOCK.valueLength] = value.length;
    this.#begin(block);
    for (let i = 0; i < key.length; i++) {
      if (this.#left === 0) this.#advance();
      bytes[this.#at++] = key.charCodeAt(i);
      this.#left--;
    }
    for (let from = 0; from < value.length; ) {
      if (this.#left === 0) this.#advance();
      const count = Math.min(this.#left, value.length - from);
      copy(value, from, bytes, this.#at, count);
      this.#skip(count);
      from += count;
    }
  }

  hasKey(block: number, hash: number, key: string): boolean {
    const { words, bytes } = this.#memory;
    const at = this.#memory.blockAt(block);
    if (words[at + BLOCK.hash] !== hash || words[at + BLOCK.keyLength] !== key.length) return false;
    this.#begin(block);
    for (let i = 0; i < key.length; i++) {
      if (this.#left === 0) this.#advance();
      if (bytes[this.#at++] !== key.charCodeAt(i)) return false;
      this.#left--;
    }
    return true;
  }

  readKey(block: number): string {
    this.#begin(block);
    const length = this.#memory.words[this.#memory.blockAt(block) + BLOCK.keyLength]!;
    return this.#read(length).toString('latin1');
  }

  /** A copy. */
  readValue(block: number): Uint8Array {
    const { words } = this.#memory;
    const at = this.#memory.blockAt(block);
    this.#begin(block);
    for (let key = words[at + BLOCK.keyLength]!; key > 0; ) {
      if (this.#left === 0) this.#advance();
      const count = Math.min(this.#left, key);
      this.#skip(count);
      key -= count;
    }
    return this.#read(words[at + BLOCK.valueLength]!);
  }

  #read(length: number): Buffer {
    // From the pool: memory of its own would cost more than everything else here.
    const read = Buffer.allocUnsafe(length);
    for (let to = 0; to < length; ) {
      if (this.#left === 0) this.#advance();
      const count = Math.min(this.#left, length - to);
      copy(this.#memory.bytes, this.#at, read, to, count);
      this.#skip(count);
      to += count;
    }
    return read;
  }

  #begin(block: number): void {
    this.#block = block;
    this.#at = (this.#memory.blockAt(block) + BLOCK.content) * 4;
    this.#left = FIRST_BYTES;
  }

  #advance(): void {
    this.#block = this.#memory.words[this.#memory.blockAt(this.#block) + BLOCK.next]!;
    this.#at = (this.#memory.blockAt(this.#block) + BLOCK.rest) * 4;
    this.#left = REST_BYTES;
  }

  #skip(count: number): void {
    this.#at += count;
    this.#left -= count;
  }
}

function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, count: number): void {
  if (count > SHORT) to.set(from.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) to[at + i] = from[start + i]!;
}
