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
  #requestOpen = false;
  #responseOpen = false;
  #reroutes = true;

  constructor(exchange: Exchange, control: FilterControl) {
    this.#exchange = exchange;
    this.#control = control;
  }

  headerMap(type: number): HeaderMap | null {
    switch (type) {
      case MapType.requestHeaders:
        return this.requestHead;
      case MapType.responseHeaders:
        return this.#exchange.responseHeaders === null ? null : this.#shownResponse();
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

  /** The request head has come to the plugin and has not gone on. */
  get requestOpen(): boolean {
    return this.#requestOpen;
  }

  get requestHead(): RequestHead {
    const head = (this.#requestHead ??= new RequestHead(this.#exchange));
    head.writable = this.#requestOpen;
    head.reroutes = this.#reroutes;
    return head;
  }

  /** Whether what the plugin writes may lead to another route. */
  set reroutes(reroutes: boolean) {
    this.#reroutes = reroutes;
  }

  /** A head comes to the plugin. A response that a local reply put in place is another one than the view showed before. */
  openHead(direction: Direction): HeaderMap {
    if (direction === REQUEST) {
      this.#requestOpen = true;
      return this.requestHead;
    }
    this.#responseOpen = true;
    this.#responseHead = null;
    return this.#shownResponse();
  }

  #shownResponse(): ResponseHead {
    const head = (this.#responseHead ??= new ResponseHead(this.#exchange));
    head.writable = this.#responseOpen;
    return head;
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
    if (direction === REQUEST) this.#requestOpen = false;
    else this.#responseOpen = false;
  }

  #trailers(direction: Direction, known: TrailerMap | null): TrailerMap | null {
    const list = this.#control.trailers(direction);
    if (list === null) {
      // They have gone on, or will never come.
      if (known !== null) known.writable = false;
      return known;
    }
    return known?.trailers === list ? known : new TrailerMap(this.#exchange, list);
  }
}
