import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { type BodyReader, type BodySource, withoutTrailer } from './body.ts';
import type { HeaderList } from './headers.ts';
import type { ResponseSink, SinkWriter } from './sink.ts';

/** Written over a chunk once its reader has returned, so that a reader that keeps it instead of copying is found out. */
const STALE_BYTE = 0xdd;

/**
 * A request body without a socket. One side writes, the other reads by contract; chunks are delivered in later turns
 * of the event loop and are worthless after the callback, as those of a socket are.
 */
export class MemoryBody implements BodySource {
  readonly length: number;
  limit = Number.POSITIVE_INFINITY;
  hiddenTrailer = '';
  received = 0;
  completedAt = 0;
  /** The reader wants no more. */
  stopped = false;
  readonly #chunks: Buffer[] = [];
  #reader: BodyReader | null = null;
  #paused = false;
  #scheduled = false;
  #ended = false;
  #trailers: HeaderList | null = null;
  #failure: ErrorCode | null = null;

  /** @param length what is announced: bytes, or -1 for unknown */
  constructor(length = -1) {
    this.length = length;
  }

  /** A body that is complete already. */
  static of(data: string | Buffer): MemoryBody {
    const body = new MemoryBody(Buffer.byteLength(data));
    body.write(data);
    body.end();
    return body;
  }

  /** Bytes that were written and not yet read. */
  get buffered(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get wasRead(): boolean {
    return this.#reader !== null;
  }

  /** Sender: some more bytes. Never blocks; look at `buffered` to go with the reader's pace. */
  write(data: string | Buffer): void {
    if (this.stopped || data.length === 0) return;
    this.#chunks.push(Buffer.from(data as string));
    this.#schedule();
  }

  /** Sender: that was all. */
  end(trailers: HeaderList | null = null): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#schedule();
  }

  /** Sender: there will never be more. What is waiting is dropped. */
  fail(code: ErrorCode): void {
    this.#failure = code;
    this.#chunks.length = 0;
    this.#schedule();
  }

  read(reader: BodyReader): void {
    if (this.#reader !== null) throw new Error('the body is read twice');
    this.#reader = reader;
    this.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  stop(): void {
    this.stopped = true;
    this.#chunks.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#reader === null || this.stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const reader = this.#reader!;
    while (!this.stopped && this.#failure === null && !this.#paused && this.#chunks.length > 0) {
      const chunk = this.#chunks.shift()!;
      this.received += chunk.length;
      if (this.received > this.limit) this.fail('SLUICE_REQUEST_BODY_TOO_LARGE');
      else reader.onBodyData(chunk);
      chunk.fill(STALE_BYTE);
    }
    if (this.stopped) return;
    if (this.#failure !== null) {
      this.stopped = true;
      reader.onBodyError(this.#failure);
    } else if (this.#ended && !this.#paused && this.#chunks.length === 0) {
      this.stopped = true;
      this.completedAt = performance.now();
      reader.onBodyEnd(withoutTrailer(this.#trailers, this.hiddenTrailer));
    }
  }
}

/** A head as it came. */
export interface ReceivedHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly endOfStream: boolean;
}

/**
 * A response without a socket: keeps what it was given, and throws on calls out of order, so that a test of a writer
 * sees them.
 */
export class MemorySink implements ResponseSink {
  writer: SinkWriter | null = null;
  readonly informationals: ReceivedHead[] = [];
  received: ReceivedHead | null = null;
  receivedTrailers: HeaderList | null = null;
  receivedUpgrade: Duplex | null = null;
  /** The response is complete. */
  ended = false;
  resetCode: ErrorCode | null = null;
  /** The receiver left before the end. */
  closed = false;
  /** Resolves when nothing more can come: end, upgrade, reset or close. */
  readonly done: Promise<void>;
  readonly #highWaterMark: number;
  readonly #chunks: Buffer[] = [];
  #settle: () => void = () => {};
  #held = 0;
  #holding = false;
  #full = false;
  #writerDone = false;

  /** @param highWaterMark bytes that a held sink takes before it answers false */
  constructor(highWaterMark = 64 * 1024) {
    this.#highWaterMark = highWaterMark;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#settle = resolve;
  }

  get status(): number {
    return this.received?.status ?? 0;
  }

  get headers(): HeaderList | null {
    return this.received?.headers ?? null;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.body.toString();
  }

  /** Receiver: takes nothing until `release`. */
  hold(): void {
    this.#holding = true;
  }

  /** Receiver: goes on, and tells the writer if it was held up. */
  release(): void {
    this.#holding = false;
    this.#held = 0;
    if (!this.#full) return;
    this.#full = false;
    setImmediate(() => this.writer?.onDrain());
  }

  /** Receiver: leaves. */
  close(): void {
    if (this.#over) return;
    this.closed = true;
    setImmediate(() => {
      if (!this.#writerDone) this.writer?.onSinkClosed('SLUICE_CLIENT_ABORTED');
    });
    this.#settle();
  }

  informational(status: number, headers: HeaderList): void {
    if (this.closed) return;
    if (this.received !== null || this.#over) throw new Error('informational after head');
    this.informationals.push({ status, headers, endOfStream: false });
  }

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    if (this.closed) return;
    if (this.received !== null || this.#over) throw new Error('a second head');
    this.received = { status, headers, endOfStream };
  }

  data(chunk: Buffer): boolean {
    if (this.closed) return true;
    this.#expectOpen('data');
    if (chunk.length === 0) throw new Error('an empty chunk');
    this.#chunks.push(Buffer.from(chunk));
    if (!this.#holding) return true;
    this.#held += chunk.length;
    this.#full = this.#held >= this.#highWaterMark;
    return !this.#full;
  }

  trailers(headers: HeaderList): void {
    if (this.closed) return;
    this.#expectOpen('trailers');
    this.receivedTrailers = headers;
  }

  end(): void {
    this.#writerDone = true;
    if (this.closed) return;
    if (this.received === null || this.#over) throw new Error('end out of order');
    this.ended = true;
    this.#settle();
  }

  upgrade(headers: HeaderList, duplex: Duplex): void {
    if (this.closed) return;
    if (this.received !== null || this.#over) throw new Error('upgrade after head');
    this.received = { status: 101, headers, endOfStream: false };
    this.receivedUpgrade = duplex;
    this.#settle();
  }

  reset(code: ErrorCode): void {
    this.#writerDone = true;
    if (this.closed) return;
    if (this.#over) throw new Error('reset after the end');
    this.resetCode = code;
    this.#settle();
  }

  get #over(): boolean {
    return this.ended || this.closed || this.resetCode !== null || this.receivedUpgrade !== null;
  }

  #expectOpen(what: string): void {
    if (this.received === null || this.#over) throw new Error(`${what} out of order`);
    if (this.received.endOfStream) throw new Error(`${what} after a head that promised none`);
  }
}
