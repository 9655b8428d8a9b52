import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { type BodyReader, type BodySource, withoutTrailer } from '../exchange/body.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ConnectionBody, Http1Connection } from './http1-connection.ts';

/** The request body of one exchange on an HTTP/1.1 connection. */
export class Http1Body implements BodySource, ConnectionBody {
  readonly length: number;
  limit = Number.POSITIVE_INFINITY;
  hiddenTrailer = '';
  received = 0;
  completedAt = 0;
  /** The client waits for 100 before it sends anything. */
  expectContinue: boolean;
  readonly #connection: Http1Connection;
  #reader: BodyReader | null = null;
  #failure: ErrorCode | null = null;
  #paused = false;
  /** performance.now() since when the client could send, or of the last look at how much has come. */
  #waitingSince = 0;
  /** Bytes that had come then. */
  #receivedThen = 0;
  /** End, error or stop: no further callback comes. */
  #over = false;

  /** @param length announced bytes, -1 = not known */
  constructor(connection: Http1Connection, length: number, expectContinue: boolean) {
    this.#connection = connection;
    this.length = length;
    this.expectContinue = expectContinue;
  }

  /** Nobody has asked for it, and nobody has refused it. */
  get untouched(): boolean {
    return this.#reader === null && !this.#over;
  }

  /** Whose turn it is: the client's. */
  get reading(): boolean {
    return this.#reader !== null && !this.#over && !this.#paused;
  }

  /** Bytes may be parsed: somebody takes them, or nobody ever will. */
  get flowing(): boolean {
    return this.#over || (this.#reader !== null && !this.#paused);
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    if (this.#failure !== null) {
      setImmediate(() => this.#reportFailure());
      return;
    }
    this.sendContinue();
    this.#wait();
    this.#connection.pumpSoon();
  }

  pause(): void {
    if (this.#over) return;
    this.#paused = true;
    this.#connection.watchClient();
  }

  resume(): void {
    if (this.#over || !this.#paused) return;
    this.#paused = false;
    this.#wait();
    this.#connection.pumpSoon();
  }

  stop(): void {
    if (this.#over) return;
    this.#finish();
    const rest = this.length < 0 ? Number.POSITIVE_INFINITY : this.length - this.received;
    if (!this.#connection.requestOver && (this.expectContinue || rest > LIMITS.requestDrainBytes)) {
      this.#connection.closeAfterResponse();
    }
    this.#connection.pumpSoon();
  }

  /** The body will never be complete. Told at once, or when somebody begins to read. */
  fail(code: ErrorCode): void {
    if (this.#over || this.#failure !== null) return;
    this.#failure = code;
    if (this.#reader !== null) this.#reportFailure();
  }

  sendContinue(): void {
    if (!this.expectContinue) return;
    this.expectContinue = false;
    this.#connection.exchange?.writeContinue();
  }

  /** False: not further than this piece for now. */
  onData(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.received += chunk.length;
    if (this.received > this.limit) this.#refuseRest();
    else this.#reader!.onBodyData(chunk);
    return this.#over || !this.#paused;
  }

  onEnd(trailers: HeaderList | null): void {
    if (this.#over) return;
    this.completedAt = performance.now();
    this.#finish();
    this.#reader!.onBodyEnd(withoutTrailer(trailers, this.hiddenTrailer));
  }

  lags(now: number, window: number, least: number): boolean {
    if (now - this.#waitingSince < window) return false;
    const lagging = this.received - this.#receivedThen < least;
    this.#waitingSince = now;
    this.#receivedThen = this.received;
    return lagging;
  }

  #wait(): void {
    this.#waitingSince = performance.now();
    this.#receivedThen = this.received;
    this.#connection.watchClient();
  }

  #refuseRest(): void {
    this.#finish();
    this.#connection.closeAfterResponse();
    this.#reader!.onBodyError('SLUICE_REQUEST_BODY_TOO_LARGE');
  }

  #reportFailure(): void {
    if (this.#over) return;
    this.#finish();
    this.#reader!.onBodyError(this.#failure!);
  }

  #finish(): void {
    this.#over = true;
    if (this.#reader !== null) this.#connection.watchClient();
  }
}
