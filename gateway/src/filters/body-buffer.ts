import type { GuestBuffer } from '../wasm/host.ts';

const NOTHING = Buffer.alloc(0);
/** Smallest memory taken for bytes that are kept. */
const LEAST = 1024;

/**
 * Bytes of a body on their way through filters. A chunk is borrowed from its source as long as it only passes; `keep`
 * copies it. What is kept stands in one piece, with room to grow, so that a filter may read all of it at any time.
 */
export class BodyBuffer implements GuestBuffer {
  readonly writable = true;
  /** Bytes up to which it may be edited to grow. */
  readonly limit: number;
  /** An edit was refused because of the limit: what it holds is not what the filter meant. */
  overflowed = false;
  /** Its content is at `#from`, `#length` bytes long; the rest is room. */
  #memory: Buffer = NOTHING;
  #from = 0;
  #length = 0;
  #borrowed = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes that it keeps memory of its own for. */
  get kept(): number {
    return this.#borrowed ? 0 : this.#length;
  }

  read(start: number, length: number): Buffer {
    const at = this.#from + Math.min(start, this.#length);
    return this.#memory.subarray(at, Math.min(at + length, this.#from + this.#length));
  }

  /** Takes a chunk, which stays the caller's; it must be kept or gone before the caller may use its memory again. */
  lend(chunk: Buffer): void {
    if (this.#length > 0) {
      this.#append(chunk);
      return;
    }
    this.#memory = chunk;
    this.#from = 0;
    this.#length = chunk.length;
    this.#borrowed = true;
  }

  /** Makes what is borrowed its own. */
  keep(): void {
    if (this.#borrowed) this.#reserve(this.#length);
  }

  /** Gives all it has to the end of another buffer and is empty. */
  moveTo(other: BodyBuffer): void {
    if (other.#length > 0) other.#append(this.read(0, this.#length));
    else if (this.#length > 0) {
      other.#memory = this.#memory;
      other.#from = this.#from;
      other.#length = this.#length;
      other.#borrowed = this.#borrowed;
    }
    this.clear();
  }

  /** Takes up to `most` bytes off its front; valid as long as what they were made of. */
  take(most: number): Buffer {
    const bytes = this.read(0, most);
    this.#from += bytes.length;
    this.#length -= bytes.length;
    if (this.#length === 0) this.clear();
    return bytes;
  }

  clear(): void {
    this.#memory = NOTHING;
    this.#from = 0;
    this.#length = 0;
    this.#borrowed = false;
  }

  splice(start: number, length: number, bytes: Uint8Array): boolean {
    const at = Math.min(start, this.#length);
    const removed = Math.min(length, this.#length - at);
    const size = this.#length - removed + bytes.length;
    if (bytes.length > removed && size > this.limit) {
      this.overflowed = true;
      return false;
    }
    if (at === 0 && bytes.length === 0) {
      this.take(removed);
      return true;
    }
    // All of it has to be there first: what stands behind the edit is moved from where it is.
    this.#reserve(Math.max(size, this.#length));
    const from = this.#from + at;
    this.#memory.copyWithin(from + bytes.length, from + removed, this.#from + this.#length);
    this.#memory.set(bytes, from);
    this.#length = size;
    return true;
  }

  #append(bytes: Buffer): void {
    const length = this.#length;
    this.#reserve(length + bytes.length);
    this.#memory.set(bytes, this.#from + length);
    this.#length = length + bytes.length;
  }

  /** Makes room for `size` bytes in memory of its own; twice as much as needed last, so that growth stays cheap. */
  #reserve(size: number): void {
    if (!this.#borrowed && this.#from + size <= this.#memory.length) return;
    const memory = Buffer.allocUnsafe(Math.max(size, this.#borrowed ? 0 : 2 * this.#length, LEAST));
    this.#memory.copy(memory, 0, this.#from, this.#from + this.#length);
    this.#memory = memory;
    this.#from = 0;
    this.#borrowed = false;
  }
}
