import type { Exchange } from '../exchange/exchange.ts';
import { BufferType, MapType } from '../wasm/abi.ts';
import type { GuestBuffer, HeaderMap } from '../wasm/host.ts';
import type { BodyBuffer } from './body-buffer.ts';
import { type Direction, type FilterControl, REQUEST, RESPONSE } from './filter.ts';
import { RequestHead, ResponseHead, TrailerMap } from './wasm-headers.ts';

/** The heads, bodies and trailers of one exchange as far as a plugin can reach them at the moment. */
export class WasmView {
  readonly #exchange: Exchange;
  readonly #control: FilterControl;
  #requestHead: RequestHead | null = null;
  #responseHead: ResponseHead | null = null;
  #requestBody: BodyBuffer | null = null;
  #responseBody: BodyBuffer | null = null;
  #requestTrailers: TrailerMap | null = null;
  #responseTrailers: TrailerMap | null = null;

  constructor(exchange: Exchange, control: FilterControl) {
    this.#exchange = exchange;
    this.#control = control;
  }

  headerMap(type: number): HeaderMap | null {
    switch (type) {
      case MapType.requestHeaders:
        return this.requestHead;
      case MapType.responseHeaders:
        return this.#exchange.responseHeaders === null ? null : (this.#responseHead ??= this.newResponseHead());
      case MapType.requestTrailers:
        return (this.#requestTrailers = this.#trailers(REQUEST, this.#requestTrailers));
      case MapType.responseTrailers:
        return (this.#responseTrailers = this.#trailers(RESPONSE, this.#responseTrailers));
      default:
        return null;
    }
  }

  buffer(type: number): GuestBuffer | null {
    if (type === BufferType.requestBody) return this.#requestBody;
    return type === BufferType.responseBody ? this.#responseBody : null;
  }

  get requestHead(): RequestHead {
    return (this.#requestHead ??= new RequestHead(this.#exchange));
  }

  /** A head that a local reply put in place is another one than the view showed before. */
  newResponseHead(): ResponseHead {
    return (this.#responseHead = new ResponseHead(this.#exchange));
  }

  openBody(direction: Direction, body: BodyBuffer): void {
    if (direction === REQUEST) this.#requestBody = body;
    else this.#responseBody = body;
  }

  /** What the plugin has seen of a direction goes on: the head is only readable, the body is gone. */
  pass(direction: Direction): void {
    this.closeHead(direction);
    if (direction === REQUEST) this.#requestBody = null;
    else this.#responseBody = null;
  }

  closeHead(direction: Direction): void {
    const head = direction === REQUEST ? this.#requestHead : this.#responseHead;
    if (head !== null) head.writable = false;
  }

  #trailers(direction: Direction, known: TrailerMap | null): TrailerMap | null {
    const list = this.#control.trailers(direction);
    if (list === null) return null;
    return known?.trailers === list ? known : new TrailerMap(this.#exchange, list);
  }
}
