/** Who gets the replies of a connection. */
export interface FrameReceiver {
  /** One reply, as it came; the callee's to keep. null: it was larger than is taken, and is gone. */
  onFrame(frame: Buffer | null): void;
}

const CR = 13;
const LF = 10;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const DOLLAR = 36;
const STAR = 42;

/** Longest line that is a number with its mark. */
const NUMBER_LINE = 24;

/** Where the reading of a reply stands. */
const LINE = 0;
const BYTES = 1;

/**
 * Cuts what a Redis server says (RESP 2) into replies without taking them apart. A server that does not keep to the protocol
 * cannot make it hold more than one reply of the largest size.
 */
export class RespFramer {
  readonly #receiver: FrameReceiver;
  readonly #limit: number;
  #state: typeof LINE | typeof BYTES = LINE;
  /** Values that are missing until the reply is whole. */
  #missing = 1;
  /** Of the line that is being read: its mark (0 = none yet), its number so far, and its length. */
  #mark = 0;
  #negative = false;
  #number = 0;
  #length = 0;
  #cr = false;
  /** Bytes left of a string and its line end. */
  #left = 0;
  /** Pieces of the reply that came before, and their bytes. */
  #pieces: Buffer[] = [];
  #size = 0;

  /** @param limit bytes of one reply */
  constructor(receiver: FrameReceiver, limit: number) {
    this.#receiver = receiver;
    this.#limit = limit;
  }

  /** False: this is not RESP 2, and nothing that follows can be understood. */
  write(chunk: Buffer): boolean {
    let from = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#state === BYTES) {
        const count = Math.min(this.#left, chunk.length - at);
        this.#left -= count;
        at += count;
        if (this.#left > 0) break;
        this.#state = LINE;
        this.#missing--;
      } else {
        const ended = this.#cr && chunk[at] === LF;
        if (!this.#take(chunk[at]!)) return false;
        at++;
        if (ended && !this.#endLine()) return false;
      }
      if (this.#missing > 0) continue;
      this.#emit(chunk.subarray(from, at));
      from = at;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return true;
  }

  /** One byte of a line. */
  #take(byte: number): boolean {
    this.#length++;
    if (this.#mark === 0) {
      this.#mark = byte;
      return byte === PLUS || byte === MINUS || byte === COLON || byte === DOLLAR || byte === STAR;
    }
    if (this.#cr) return byte === LF;
    this.#cr = byte === CR;
    if (this.#cr || this.#mark === PLUS || this.#mark === MINUS) return true;
    if (byte === MINUS && this.#length === 2) this.#negative = true;
    else if (byte < 48 || byte > 57) return false;
    else this.#number = this.#number * 10 + byte - 48;
    return this.#length <= NUMBER_LINE;
  }

  /** False: a length that makes no sense. */
  #endLine(): boolean {
    const count = this.#negative ? -this.#number : this.#number;
    const mark = this.#mark;
    this.#mark = 0;
    this.#negative = false;
    this.#number = 0;
    this.#length = 0;
    this.#cr = false;
    if (mark === STAR) return this.#beginArray(count);
    if (mark !== DOLLAR || count === -1) {
      this.#missing--;
      return true;
    }
    this.#state = BYTES;
    this.#left = count + 2;
    return count >= 0 && Number.isSafeInteger(count);
  }

  #beginArray(count: number): boolean {
    this.#missing += Math.max(count, 0) - 1;
    return count >= -1 && Number.isSafeInteger(this.#missing);
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.#limit) this.#pieces = [];
    // The memory of the chunk is the socket's.
    else this.#pieces.push(Buffer.from(piece));
  }

  #emit(last: Buffer): void {
    this.#keep(last);
    const frame = this.#size > this.#limit ? null : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    this.#missing = 1;
    this.#receiver.onFrame(frame);
  }
}
