import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import { fieldsOf } from './fake-exchange.ts';

export interface SeenResponse {
  readonly status: number;
  /** With the `content-length` that the gateway sets; a body without one went in chunks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** undefined: there were none. */
  readonly trailers: Readonly<Record<string, string>> | undefined;
}

/** Takes a response for a client, as a connection of HTTP/1.1 would send it. */
export class TestSink implements ResponseSink {
  writer: SinkWriter | null = null;
  readonly #method: string;
  readonly #body: Buffer[] = [];
  #head: Pick<SeenResponse, 'status' | 'headers'> | null = null;
  #trailers: Readonly<Record<string, string>> | undefined;
  /** Nothing but the head is sent, whatever is written. */
  #bodyless = false;
  /** Announced length; null: the body goes in chunks. */
  #length: number | null = null;
  #whole = false;

  /** @param method of the request as the client sent it */
  constructor(method: string) {
    this.#method = method;
  }

  /** What the client got; null: no whole response. */
  get response(): SeenResponse | null {
    const body = Buffer.concat(this.#body);
    const torn = !this.#whole || (!this.#bodyless && this.#length !== null && this.#length !== body.length);
    if (this.#head === null || torn) return null;
    return { ...this.#head, body: body.toString('utf8'), trailers: this.#trailers };
  }

  informational(_status: number, _headers: HeaderList): void {}

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    this.#bodyless = status === 204 || status === 304 || this.#method === 'HEAD';
    if (status === 204) headers.remove('content-length');
    const announced = headers.get('content-length');
    if (endOfStream && !this.#bodyless && announced !== '0') headers.remove('content-length');
    const length = endOfStream ? '0' : (announced ?? null);
    this.#length = length === null ? null : Number(length);
    this.#head = { status, headers: fieldsOf(headers) };
  }

  data(chunk: Buffer): boolean {
    if (!this.#bodyless) this.#body.push(Buffer.from(chunk));
    return true;
  }

  trailers(headers: HeaderList): void {
    // Behind a body of announced length there is no place for them.
    if (!this.#bodyless && this.#length === null) this.#trailers = fieldsOf(headers);
  }

  end(): void {
    this.#whole = true;
  }

  upgrade(_headers: HeaderList, _duplex: Duplex): void {}

  reset(_code: ErrorCode): void {}
}
