import { Readable } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';

/** The request body broke off; carries the source's code through a stream's error. */
export class RequestBodyError extends Error {
  readonly bodyCode: ErrorCode;

  constructor(code: ErrorCode) {
    super(code);
    this.bodyCode = code;
  }
}

/** undici takes its own listener off before a late error may come. */
function ignore(): void {}

/**
 * A body source as the stream that undici wants. The source is read from the first demand on, which undici makes when
 * the connection stands; pausing goes through both ways. Destroyed before its end, it stops the source; never read, it
 * leaves the source alone. Trailers are dropped: undici cannot send any.
 */
export class RequestBody extends Readable implements BodyReader {
  readonly #source: BodySource;
  #started = false;
  #over = false;

  constructor(source: BodySource) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.on('error', ignore);
  }

  /** The source was read from and cannot be sent again. */
  get started(): boolean {
    return this.#started;
  }

  override _read(): void {
    if (this.#started) {
      if (!this.#over) this.#source.resume();
      return;
    }
    this.#started = true;
    this.#source.read(this);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#started && !this.#over) this.#source.stop();
    this.#over = true;
    callback(error);
  }

  onBodyData(chunk: Buffer): void {
    // The chunk is the source's again when this call returns, and the stream keeps it until the socket took it.
    if (!this.push(Buffer.from(chunk))) this.#source.pause();
  }

  onBodyEnd(): void {
    this.#over = true;
    this.push(null);
  }

  onBodyError(code: ErrorCode): void {
    this.#over = true;
    this.destroy(new RequestBodyError(code));
  }
}
