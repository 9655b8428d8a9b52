/** Length-prefixed messages of gRPC: a flag, four bytes of length, and so many of message. */

const HEAD = 5;

const NOTHING = Buffer.alloc(0);

/** What stands before a message on the wire. */
export function frameHead(length: number): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(length, 1);
  return head;
}

/** Why a stream of messages cannot be read on. `flag`: one that there is not. */
export type FrameFault = 'compressed' | 'too-large' | 'flag';

/** Takes messages out of bytes that come in pieces of any size. */
export class FrameParser {
  /** The message that the last `execute` has completed. It may be a part of the chunk. */
  message: Buffer | null = null;
  /** Nothing more can be read. */
  fault: FrameFault | null = null;
  readonly #limit: number;
  readonly #head = Buffer.alloc(HEAD);
  #headBytes = 0;
  #length = 0;
  /** The first `#held` bytes of the message; it grows as they come, whatever length was announced. */
  #body = NOTHING;
  #held = 0;

  /** @param limit bytes of a message */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A message has begun and is not whole. */
  get within(): boolean {
    return this.#headBytes > 0;
  }

  /** Bytes of the message that has begun; 0 while that is not known. */
  get announced(): number {
    return this.#headBytes === HEAD ? this.#length : 0;
  }

  /** Reads up to the end of a message at most; answers where to go on. */
  execute(chunk: Buffer, from: number): number {
    this.message = null;
    let at = from;
    while (this.#headBytes < HEAD && at < chunk.length) this.#head[this.#headBytes++] = chunk[at++]!;
    if (this.#headBytes < HEAD) return at;
    if (this.#held === 0 && !this.#readHead()) return chunk.length;
    const end = Math.min(chunk.length, at + this.#length - this.#held);
    this.#take(chunk.subarray(at, end));
    return end;
  }

  #readHead(): boolean {
    this.#length = this.#head.readUInt32BE(1);
    const flag = this.#head[0]!;
    if (flag > 1) this.fault = 'flag';
    else if (flag === 1) this.fault = 'compressed';
    else if (this.#length > this.#limit) this.fault = 'too-large';
    return this.fault === null;
  }

  #take(part: Buffer): void {
    if (part.length === this.#length) {
      this.#complete(part);
      return;
    }
    const held = this.#held + part.length;
    if (held > this.#body.length) this.#grow(held);
    part.copy(this.#body, this.#held);
    this.#held = held;
    if (held === this.#length) this.#complete(this.#body.subarray(0, held));
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#length, Math.max(least, this.#body.length * 2)));
    this.#body.copy(larger, 0, 0, this.#held);
    this.#body = larger;
  }

  #complete(message: Buffer): void {
    this.message = message;
    this.#body = NOTHING;
    this.#held = 0;
    this.#headBytes = 0;
  }
}
