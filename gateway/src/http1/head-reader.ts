import { FAULT, type MessageFault } from './fault.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
/** Of a method, with an empty line that may stand before it. */
const METHOD_BYTES = 66;
/** A line end that no carriage return precedes can never become well-formed. */
const BARE_LINE_FEED = /(?<!\r)\n/;
/** Method, spaces and version around the target. */
const LINE_SLACK = 64 + 11;
/** Bytes in which the end of a head is looked for at first. */
const FIRST_LOOK = 4096;

/** Collects the bytes of one head after the other, in whatever pieces they come, up to a limit. */
export class HeadReader {
  /** The head with its empty line, in latin1, after `read` has found its end; else ''. */
  text = '';
  /** Why no head can come of what was read. */
  fault: MessageFault | null = null;
  readonly #limit: number;
  readonly #firstLine: number;
  readonly #isFirst: (byte: number) => boolean;
  #bytes: Buffer | null = null;
  #length = 0;

  /**
   * @param limit bytes of a head
   * @param targetBytes bytes of the target in its first line; 0 = the first line has none
   * @param isFirst whether a head may begin so: another protocol is told apart at its first byte
   */
  constructor(limit: number, targetBytes: number, isFirst: (byte: number) => boolean) {
    this.#limit = limit;
    this.#firstLine = targetBytes === 0 ? limit : targetBytes + LINE_SLACK;
    this.#isFirst = isFirst;
  }

  /** Bytes of an unfinished head. */
  get pending(): number {
    return this.#length;
  }

  /** Reads from `start`; returns the first byte that is not part of the head. */
  read(chunk: Buffer, start: number): number {
    if (this.#bytes !== null) return this.#readOn(chunk, start);
    const limit = Math.min(chunk.length, start + this.#limit);
    // Most heads are small, and what is cut from a text keeps all of it in memory.
    const look = Math.min(limit, start + FIRST_LOOK);
    let text = chunk.toString('latin1', start, look);
    let end = text.indexOf('\r\n\r\n');
    if (end === -1 && look < limit) {
      text = chunk.toString('latin1', start, limit);
      end = text.indexOf('\r\n\r\n');
    }
    if (end === -1) return this.#keep(chunk, start, start);
    this.text = end + 4 === text.length ? text : text.slice(0, end + 4);
    return start + end + 4;
  }

  /** The next head may come. */
  reset(): void {
    this.text = '';
    this.#bytes = null;
    this.#length = 0;
  }

  #readOn(chunk: Buffer, start: number): number {
    const before = this.#length;
    this.#append(chunk, start, Math.min(chunk.length, start + this.#limit - before));
    const end = this.#bytes!.subarray(0, this.#length).indexOf(HEAD_END, Math.max(0, before - 3));
    if (end === -1) return this.#keep(chunk, start, start + this.#length - before);
    this.text = this.#bytes!.toString('latin1', 0, end + 4);
    return start + end + 4 - before;
  }

  /** Not the whole head yet: keeps what there is unless nothing good can come of it. */
  #keep(chunk: Buffer, start: number, appendedTo: number): number {
    const before = this.#length - (appendedTo - start);
    if (appendedTo === start) this.#append(chunk, start, Math.min(chunk.length, start + this.#limit));
    const bytes = this.#bytes!;
    if (before === 0 && !this.#isFirst(bytes[0]!)) this.fault = FAULT.firstByte;
    else if (hasBareLineFeed(bytes, before, this.#length)) this.fault = FAULT.bareLineEnd;
    else if (this.#length >= this.#limit || this.#length > this.#firstLine) this.fault = this.#sizeFault();
    return chunk.length;
  }

  #sizeFault(): MessageFault | null {
    const inFirstLine = this.#bytes!.subarray(0, this.#length).indexOf('\r\n') === -1;
    if (inFirstLine && this.#length > this.#firstLine) {
      return this.#bytes!.subarray(0, METHOD_BYTES + 1).includes(SPACE) ? FAULT.targetTooLong : FAULT.requestLine;
    }
    return this.#length >= this.#limit ? FAULT.headTooLarge : null;
  }

  /** What would have been found wrong with a head had it come byte by byte; null when only its end tells. */
  earlyFault(text: string): MessageFault | null {
    if (!this.#isFirst(text.charCodeAt(0))) return FAULT.firstByte;
    const lineFeed = text.search(BARE_LINE_FEED);
    const firstEnd = text.indexOf('\r\n');
    if (firstEnd > this.#firstLine && (lineFeed === -1 || lineFeed > this.#firstLine)) {
      return text.slice(0, METHOD_BYTES + 1).includes(' ') ? FAULT.targetTooLong : FAULT.requestLine;
    }
    return lineFeed === -1 ? null : FAULT.bareLineEnd;
  }

  #append(chunk: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start;
    if (this.#bytes === null || needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(1024, needed * 2));
      this.#bytes?.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length, start, end);
    this.#length = needed;
  }
}

function hasBareLineFeed(bytes: Buffer, from: number, to: number): boolean {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < to; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) return true;
  }
  return false;
}
