import { BufferType, MapType } from './abi.ts';
import type { CalloutResponse, GuestBuffer, HeaderMap } from './host.ts';

/** Fields that a guest may only read. */
class ReadOnlyMap implements HeaderMap {
  readonly writable = false;
  readonly #pairs: readonly string[];

  /** @param pairs flat, names in lower case */
  constructor(pairs: readonly string[]) {
    this.#pairs = pairs;
  }

  get size(): number {
    return this.#pairs.length >> 1;
  }

  toPairs(): string[] {
    return [...this.#pairs];
  }

  get(name: string): string | undefined {
    for (let i = 0; i < this.#pairs.length; i += 2) if (this.#pairs[i] === name) return this.#pairs[i + 1];
    return undefined;
  }

  add(): boolean {
    return false;
  }

  replace(): boolean {
    return false;
  }

  remove(): boolean {
    return false;
  }

  assign(): boolean {
    return false;
  }
}

/** Bytes that a guest may only read. */
export class ReadOnlyBuffer implements GuestBuffer {
  readonly writable = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  read(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start, start + length);
  }

  splice(): boolean {
    return false;
  }
}

/** The response of a callout, as guests see it while they are told of it. */
export class CalloutView {
  readonly headers: HeaderMap;
  readonly trailers: HeaderMap;
  readonly body: GuestBuffer;
  readonly failed: boolean;

  /** @param response null: the callout failed, and there is nothing to read */
  constructor(response: CalloutResponse | null) {
    this.failed = response === null;
    this.headers = new ReadOnlyMap(response?.headers ?? []);
    this.trailers = new ReadOnlyMap(response?.trailers ?? []);
    this.body = new ReadOnlyBuffer(response?.body ?? new Uint8Array(0));
  }

  /** null: the map is none of a callout's. */
  map(type: number): HeaderMap | null {
    if (type === MapType.calloutHeaders) return this.headers;
    return type === MapType.calloutTrailers ? this.trailers : null;
  }

  /** null: the buffer is none of a callout's. */
  buffer(type: number): GuestBuffer | null {
    return type === BufferType.calloutBody ? this.body : null;
  }
}
