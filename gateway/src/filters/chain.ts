import type { ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { CONTINUE, type Filter, type FilterControl, type FilterFactory, type FilterStatus, REPLIED } from './filter.ts';

/** What a chain asks of the exchange's owner. Calls may come from within `startRequest` and `startResponse`. */
export interface ChainHost {
  /** A paused request head has passed the last filter. */
  onRequestReady(): void;
  /** A paused (or replaced) response head has passed the last filter. */
  onResponseReady(): void;
  /** True once the response head has left: it cannot be replaced any more. */
  readonly responseStarted: boolean;
  /** Puts a filter's answer in place of the upstream's; the chain runs the response phase over it afterwards. */
  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void;
  /** The same with the gateway's own error answer. */
  replaceWithError(code: ErrorCode, details: string): void;
  onReset(): void;
  /** A filter threw while it was called from elsewhere than `startRequest` and `startResponse`. */
  crash(error: unknown): void;
}

/** One filter's place in the chain of one exchange. */
class FilterSlot implements FilterControl {
  readonly factory: FilterFactory;
  filter: Filter | null = null;
  /** Resume was asked for from within the callback that is about to answer PAUSE. */
  resumed = false;
  readonly #chain: FilterChain;

  constructor(factory: FilterFactory, chain: FilterChain) {
    this.factory = factory;
    this.#chain = chain;
  }

  resumeRequest(): void {
    try {
      this.#chain.resumeRequest(this);
    } catch (error) {
      this.#chain.crash(error);
    }
  }

  resumeResponse(): void {
    try {
      this.#chain.resumeResponse(this);
    } catch (error) {
      this.#chain.crash(error);
    }
  }

  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    try {
      this.#chain.reply(status, headers, body, details);
    } catch (error) {
      this.#chain.crash(error);
    }
  }

  fail(code: ErrorCode, details: string): void {
    try {
      this.#chain.fail(code, details);
    } catch (error) {
      this.#chain.crash(error);
    }
  }

  reset(): void {
    this.#chain.reset();
  }
}

/**
 * The filters of one exchange. Requests run through them in order, responses in reverse, and only through those whose
 * request phase was reached. Everything is synchronous unless a filter pauses; then the host hears `on…Ready` later.
 */
export class FilterChain {
  readonly #exchange: Exchange;
  readonly #host: ChainHost;
  readonly #factories: readonly FilterFactory[];
  readonly #slots: FilterSlot[] = [];
  #endOfRequest = false;
  #endOfResponse = false;
  /** Next filter of the request direction. */
  #requestAt = 0;
  /** Next filter of the response direction, counted down; set when that direction starts. */
  #responseAt = -1;
  #responding = false;
  #pausedRequest: FilterSlot | null = null;
  #pausedResponse: FilterSlot | null = null;
  #replied = false;
  #finished = false;

  constructor(factories: readonly FilterFactory[], exchange: Exchange, host: ChainHost) {
    this.#factories = factories;
    this.#exchange = exchange;
    this.#host = host;
  }

  /** Runs the request head. CONTINUE: the caller goes on; otherwise the host is called (or was, in REPLIED). */
  startRequest(endOfStream: boolean): FilterStatus {
    this.#endOfRequest = endOfStream;
    return this.#runRequest();
  }

  /** Runs the response head, whoever it comes from. */
  startResponse(endOfStream: boolean): FilterStatus {
    this.#endOfResponse = endOfStream;
    if (!this.#responding) {
      this.#responding = true;
      this.#responseAt = this.#slots.length - 1;
    }
    return this.#runResponse();
  }

  /** A local reply of a filter or of the gateway itself; only the first of an exchange counts. */
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    if (!this.#mayReply()) return;
    this.#host.replaceResponse(status, headers, body, details);
    this.#passReply(body === null);
  }

  fail(code: ErrorCode, details: string): void {
    if (!this.#mayReply()) return;
    this.#host.replaceWithError(code, details);
    this.#passReply(false);
  }

  reset(): void {
    if (!this.#finished) this.#host.onReset();
  }

  crash(error: unknown): void {
    if (!this.#finished) this.#host.crash(error);
  }

  resumeRequest(slot: FilterSlot): void {
    slot.resumed = true;
    if (this.#pausedRequest !== slot || this.#replied || this.#finished) return;
    this.#pausedRequest = null;
    if (this.#runRequest() === CONTINUE) this.#host.onRequestReady();
  }

  resumeResponse(slot: FilterSlot): void {
    slot.resumed = true;
    if (this.#pausedResponse !== slot || this.#finished) return;
    this.#pausedResponse = null;
    if (this.#runResponse() === CONTINUE) this.#host.onResponseReady();
  }

  /** Ends every filter of the exchange; nothing is called afterwards. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const slot of this.#slots) slot.filter?.onDone();
  }

  #runRequest(): FilterStatus {
    while (this.#requestAt < this.#factories.length) {
      const slot = this.#enter(this.#factories[this.#requestAt++]!);
      if (this.#replied || this.#finished) return REPLIED;
      if (slot.filter === null || !slot.factory.wantsRequestHeaders) continue;
      slot.resumed = false;
      const status = slot.filter.onRequestHeaders(this.#endOfRequest);
      if (this.#replied || this.#finished) return REPLIED;
      if (status === CONTINUE || slot.resumed) continue;
      this.#pausedRequest = slot;
      return status;
    }
    return CONTINUE;
  }

  #enter(factory: FilterFactory): FilterSlot {
    const slot = new FilterSlot(factory, this);
    this.#slots.push(slot);
    slot.filter = factory.create(this.#exchange, slot);
    return slot;
  }

  #runResponse(): FilterStatus {
    while (this.#responseAt >= 0) {
      const slot = this.#slots[this.#responseAt--]!;
      if (slot.filter === null || !slot.factory.wantsResponseHeaders) continue;
      const repliedBefore = this.#replied;
      slot.resumed = false;
      const status = slot.filter.onResponseHeaders(this.#endOfResponse);
      // A reply made just now has run the rest of this phase already. One that was refused leaves the head as it is.
      if (this.#finished || (this.#replied && !repliedBefore)) return REPLIED;
      if (status === CONTINUE || status === REPLIED || slot.resumed) continue;
      this.#pausedResponse = slot;
      return status;
    }
    return CONTINUE;
  }

  #mayReply(): boolean {
    if (this.#finished || this.#replied) return false;
    if (this.#host.responseStarted) {
      this.#host.onReset();
      return false;
    }
    this.#replied = true;
    this.#pausedRequest = null;
    this.#pausedResponse = null;
    return true;
  }

  #passReply(endOfStream: boolean): void {
    if (this.startResponse(endOfStream) === CONTINUE) this.#host.onResponseReady();
  }
}
