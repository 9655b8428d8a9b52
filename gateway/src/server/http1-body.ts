import type { Readable } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { Http1Connection } from './http1-connection.ts';

/** What a body needs of the server's request. */
export interface BodyStream extends Readable {
  source: Http1Body | null;
  /** All of it has been received, if not read. */
  readonly complete: boolean;
  readonly rawTrailers: string[];
}

/** What a body needs of the server's response. */
export interface ContinueWriter {
  readonly headersSent: boolean;
  writeContinue(): void;
}

function onData(this: BodyStream, chunk: Buffer): void {
  this.source!.onChunk(chunk);
}

function onEnd(this: BodyStream): void {
  this.source!.onEnd();
}

/** The request body of one exchange on an HTTP/1.1 connection. */
export class Http1Body implements BodySource {
  readonly length: number;
  received = 0;
  completedAt = 0;
  /** The client waits for 100 before it sends anything. */
  expectContinue: boolean;
  readonly #request: BodyStream;
  readonly #connection: Http1Connection;
  readonly #response: ContinueWriter;
  #reader: BodyReader | null = null;
  #failure: ErrorCode | null = null;
  /** End, error or stop: no further callback comes. */
  #over = false;

  constructor(
    request: BodyStream,
    response: ContinueWriter,
    connection: Http1Connection,
    length: number,
    expects: boolean,
  ) {
    this.#request = request;
    this.#response = response;
    this.#connection = connection;
    this.length = length;
    this.expectContinue = expects;
    request.source = this;
  }

  /** Nobody has asked for it, and nobody has refused it. */
  get untouched(): boolean {
    return this.#reader === null && !this.#over;
  }

  /** All of it has been received, if not read. */
  get complete(): boolean {
    return this.#request.complete;
  }

  /** Whose turn it is: the client's. */
  get reading(): boolean {
    return this.#reader !== null && !this.#over && !this.#request.isPaused();
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    if (this.#failure !== null) {
      setImmediate(() => this.#reportFailure());
      return;
    }
    this.sendContinue();
    this.#request.on('data', onData);
    this.#request.on('end', onEnd);
    this.#connection.watchClient(true);
  }

  pause(): void {
    if (this.#over) return;
    this.#request.pause();
    this.#connection.watchClient(false);
  }

  resume(): void {
    if (this.#over) return;
    this.#request.resume();
    this.#connection.watchClient(true);
  }

  stop(): void {
    if (this.#over) return;
    this.#finish();
    const rest = this.length < 0 ? Number.POSITIVE_INFINITY : this.length - this.received;
    if (this.#request.complete) this.#request.resume();
    else if (this.expectContinue) this.#connection.closeAfterResponse();
    else {
      if (rest > LIMITS.requestDrainBytes) this.#connection.closeAfterResponse();
      this.#request.resume();
    }
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
    if (!this.#response.headersSent) this.#response.writeContinue();
  }

  onChunk(chunk: Buffer): void {
    this.received += chunk.length;
    this.#reader!.onBodyData(chunk);
  }

  onEnd(): void {
    if (this.#over) return;
    this.completedAt = performance.now();
    this.#finish();
    const trailers = this.#request.rawTrailers;
    this.#reader!.onBodyEnd(trailers.length === 0 ? null : new PairHeaders(trailers));
  }

  #reportFailure(): void {
    if (this.#over) return;
    this.#finish();
    this.#reader!.onBodyError(this.#failure!);
  }

  #finish(): void {
    this.#over = true;
    this.#request.removeListener('data', onData);
    this.#request.removeListener('end', onEnd);
    if (this.#reader !== null) this.#connection.watchClient(false);
  }
}
