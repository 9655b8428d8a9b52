import { BufferType, MapType } from './abi.ts';
import type { CalloutResponse, GuestBuffer, HeaderMap } from './host.ts';

/** Fields that a guest may only read. */
export class ReadOnlyMap implements HeaderMap {
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

/** What can be read while a guest is told of a call that it made. */
export interface CallView {
  /** null: the map is none of this call's. @param type one of `MapType` */
  map(type: number): HeaderMap | null;
  /** null: the buffer is none of this call's. @param type one of `BufferType` */
  buffer(type: number): GuestBuffer | null;
}

/** A call of which there is nothing to read any more. */
export const NOTHING_TO_VIEW: CallView = { map: () => null, buffer: () => null };

/** The response of a callout; none at all, if there is none. */
export class CalloutView implements CallView {
  readonly headers: HeaderMap;
  readonly trailers: HeaderMap;
  readonly body: GuestBuffer;

  /** @param response null: there is nothing to read */
  constructor(response: CalloutResponse | null) {
    this.headers = new ReadOnlyMap(response?.headers ?? []);
    this.trailers = new ReadOnlyMap(response?.trailers ?? []);
    this.body = new ReadOnlyBuffer(response?.body ?? new Uint8Array(0));
  }

  map(type: number): HeaderMap | null {
    if (type === MapType.calloutHeaders) return this.headers;
    return type === MapType.calloutTrailers ? this.trailers : null;
  }

  buffer(type: number): GuestBuffer | null {
    return type === BufferType.calloutBody ? this.body : null;
  }
}

/** Metadata of a gRPC call. */
export class MetadataView implements CallView {
  readonly #type: number;
  readonly #map: HeaderMap;

  /** @param type `MapType.grpcInitialMetadata` or `grpcTrailingMetadata` @param metadata flat pairs */
  constructor(type: number, metadata: readonly string[]) {
    this.#type = type;
    this.#map = new ReadOnlyMap(metadata);
  }

  map(type: number): HeaderMap | null {
    return type === this.#type ? this.#map : null;
  }

  buffer(): null {
    return null;
  }
}

/** Bytes that a call has brought. */
export class BytesView implements CallView {
  readonly #type: number;
  readonly #bytes: GuestBuffer;

  /** @param type one of `BufferType` */
  constructor(type: number, bytes: Uint8Array) {
    this.#type = type;
    this.#bytes = new ReadOnlyBuffer(bytes);
  }

  map(): null {
    return null;
  }

  buffer(type: number): GuestBuffer | null {
    return type === this.#type ? this.#bytes : null;
  }
}
