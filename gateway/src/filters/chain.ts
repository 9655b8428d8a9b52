import type { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { BodySource } from '../exchange/body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import {
  CONTINUE,
  type Direction,
  type FilterFactory,
  type FilterStatus,
  HOLD_HEAD,
  PAUSE,
  REPLIED,
  REQUEST,
  RESPONSE,
} from './filter.ts';
import { FilteredRequestBody, type RequestBodyOwner } from './request-body.ts';
import { FilteredResponseBody, type ResponseBodyOwner } from './response-body.ts';
import { FilterSlot, type SlotOwner } from './slot.ts';

/** What a chain asks of the exchange's owner. Calls may come from within any call of the chain. */
export interface ChainHost {
  /** A paused request head has passed the last filter. */
  onRequestReady(): void;
  /**
   * After `filterRequestBody`: the first bytes of the body have passed the filters, and it may go upstream. All of it has
   * when `whole` is there, which may then be sent more than once in place of `body`.
   */
  onRequestBody(body: BodySource, whole: Buffer | null): void;
  /** The body will never be complete, and `onRequestBody` never comes. */
  onRequestBodyFailed(code: ErrorCode): void;
  /**
   * A response head that did not pass at once may leave.
   * @param bodyLength of the filtered body; -1 = not known; null = as it was announced
   */
  onResponseReady(bodyLength: number | null): void;
  /** Bytes that passed the filters, valid until the call returns. False: no more before `drainResponse`. */
  onResponseData(chunk: Buffer): boolean;
  onResponseEnd(trailers: HeaderList | null): void;
  /** After `pushResponse` answered false: more may come. */
  resumeResponse(): void;
  /** True once the response head has left: it cannot be replaced any more. */
  readonly responseStarted: boolean;
  /** Puts a filter's answer in place of the upstream's, and passes it on through `startResponse`. */
  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void;
  /** The same with the gateway's own error answer. */
  replaceWithError(code: ErrorCode, details: string): void;
  onReset(code: ErrorCode): void;
  /** A filter threw while it was called from elsewhere than `startRequest` and `startResponse`. */
  crash(error: unknown): void;
}

/**
 * The filters of one exchange. Requests run through them in order, responses in reverse, and only through those whose
 * request phase was reached. Everything is synchronous unless a filter pauses; then the host hears `on…Ready` later.
 * Bodies run through the filters that want them; where none does they are no matter of the chain's.
 */
export class FilterChain implements SlotOwner, RequestBodyOwner, ResponseBodyOwner {
  readonly #exchange: Exchange;
  readonly #host: ChainHost;
  readonly #factories: readonly FilterFactory[];
  readonly #budgets: BodyBudgets;
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
  /** A filter of the exchange has a part in bodies. */
  #meetsBodies = false;
  #requestBody: FilteredRequestBody | null = null;
  #responseBody: FilteredResponseBody | null = null;
  #replied = false;
  #finished = false;

  constructor(factories: readonly FilterFactory[], exchange: Exchange, host: ChainHost, budgets: BodyBudgets) {
    this.#factories = factories;
    this.#exchange = exchange;
    this.#host = host;
    this.#budgets = budgets;
  }

  /** Runs the request head. CONTINUE: the caller goes on; otherwise the host is called (or was, in REPLIED). */
  startRequest(endOfStream: boolean): FilterStatus {
    this.#endOfRequest = endOfStream;
    return this.#runRequest();
  }

  /**
   * The request is to be sent: lets its body run through the filters. False: none of them wants it; else the host's
   * `onRequestBody` comes when there is something to send, so that no upstream sees a request that is refused over it.
   */
  filterRequestBody(): boolean {
    const body = this.#requestBody ?? this.#openRequestBody();
    if (body === null) return false;
    body.begin();
    return true;
  }

  /**
   * Runs the response head, whoever it comes from. CONTINUE: it may leave; otherwise the host is called (or was). While
   * `filtersResponse`, its body is to be pushed here, and the head leaves with the first bytes that have passed.
   */
  startResponse(endOfStream: boolean): FilterStatus {
    this.#endOfResponse = endOfStream;
    if (!this.#responding) {
      this.#responding = true;
      this.#responseAt = this.#slots.length - 1;
    }
    this.#responseBody?.flow.close();
    this.#responseBody = endOfStream ? null : this.#openResponseBody();
    const status = this.#runResponse();
    return status === CONTINUE && this.#responseBody !== null ? PAUSE : status;
  }

  /** The body of the response that was started last passes filters. */
  get filtersResponse(): boolean {
    return this.#responseBody !== null;
  }

  /** A filter of the exchange may change the length of response bodies. */
  get editsResponse(): boolean {
    return this.#slots.some(({ filter }) => filter?.bodies?.wantsBody(RESPONSE) === true && filter.bodies.editsBodies);
  }

  /** A chunk, valid until the call returns; false: no more until `resumeResponse`. */
  pushResponse(chunk: Buffer): boolean {
    return this.#responseBody!.push(chunk);
  }

  endResponse(trailers: HeaderList | null): void {
    this.#responseBody!.flow.push(null, true, trailers);
  }

  /** The receiver of the response takes bytes again. */
  drainResponse(): void {
    this.#responseBody!.flow.resumeOutput();
  }

  /** A local reply of a filter or of the gateway itself; only the first of an exchange counts. */
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    if (this.#mayReply('SLUICE_PLUGIN_CLOSED')) this.#host.replaceResponse(status, headers, body, details);
  }

  fail(code: ErrorCode, details: string): void {
    if (this.#mayReply(code)) this.#host.replaceWithError(code, details);
  }

  reset(): void {
    if (!this.#finished) this.#host.onReset('SLUICE_PLUGIN_CLOSED');
  }

  crash(error: unknown): void {
    if (!this.#finished) this.#host.crash(error);
  }

  resume(direction: Direction, slot: FilterSlot): void {
    if (this.#finished) return;
    if (direction === REQUEST) {
      this.passRequestHead(slot);
      this.#requestBody?.flow.resume(slot);
    } else {
      this.passResponseHead(slot);
      this.#responseBody?.flow.resume(slot);
    }
  }

  trailers(direction: Direction, slot: FilterSlot): HeaderList | null {
    const body = direction === REQUEST ? this.#requestBody : this.#responseBody;
    return body?.flow.trailersFor(slot) ?? null;
  }

  /** Ends every filter of the exchange; nothing is called afterwards. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#requestBody?.close();
    this.#responseBody?.flow.close();
    for (const slot of this.#slots) slot.filter?.onDone();
  }

  // --- what bodies ask for

  passRequestHead(slot: FilterSlot): void {
    if (this.#pausedRequest !== slot || this.#replied || this.#finished) return;
    this.#pausedRequest = null;
    if (this.#runRequest() === CONTINUE) this.#host.onRequestReady();
    this.#requestBody?.flow.run();
  }

  passResponseHead(slot: FilterSlot): void {
    if (this.#pausedResponse !== slot || this.#finished) return;
    this.#pausedResponse = null;
    const status = this.#runResponse();
    if (this.#responseBody !== null) this.#responseBody.flow.run();
    else if (status === CONTINUE) this.#host.onResponseReady(null);
  }

  onRequestBody(body: BodySource, whole: Buffer | null): void {
    this.#host.onRequestBody(body, whole);
  }

  onRequestBodyFailed(code: ErrorCode): void {
    if (!this.#finished) this.#host.onRequestBodyFailed(code);
  }

  onResponseReady(bodyLength: number | null): void {
    this.#host.onResponseReady(bodyLength);
  }

  onResponseData(chunk: Buffer): boolean {
    return this.#host.onResponseData(chunk);
  }

  onResponseEnd(trailers: HeaderList | null): void {
    this.#host.onResponseEnd(trailers);
  }

  resumeResponse(): void {
    this.#host.resumeResponse();
  }

  // --- heads

  #runRequest(): FilterStatus {
    while (this.#requestAt < this.#factories.length) {
      const slot = this.#enter(this.#factories[this.#requestAt++]!);
      if (this.#replied || this.#finished) return REPLIED;
      if (slot.filter === null || !slot.factory.wantsRequestHeaders) continue;
      slot.resumedRequest = false;
      const status = slot.filter.onRequestHeaders(this.#endOfRequest);
      if (this.#replied || this.#finished) return REPLIED;
      if (status === CONTINUE || slot.resumedRequest) continue;
      this.#pausedRequest = slot;
      this.#stopRequest(slot, status);
      return PAUSE;
    }
    this.#requestBody?.flow.passTo(Number.POSITIVE_INFINITY);
    return CONTINUE;
  }

  /** The head waits at a filter; the body comes up to there, if that filter wants to look at it first. */
  #stopRequest(slot: FilterSlot, status: FilterStatus): void {
    const looks = status === HOLD_HEAD && wants(slot, REQUEST);
    if (looks) (this.#requestBody ?? this.#openRequestBody())?.begin();
    this.#requestBody?.flow.passTo(looks ? slot.index + 1 : slot.index);
  }

  #enter(factory: FilterFactory): FilterSlot {
    const slot = new FilterSlot(factory, this.#slots.length, this);
    this.#slots.push(slot);
    slot.filter = factory.create(this.#exchange, slot);
    if (slot.filter === null || slot.filter.bodies === null) return slot;
    this.#meetsBodies = true;
    if (this.#requestBody !== null && wants(slot, REQUEST)) this.#requestBody.flow.add(slot, slot.index);
    return slot;
  }

  #runResponse(): FilterStatus {
    while (this.#responseAt >= 0) {
      const slot = this.#slots[this.#responseAt--]!;
      if (slot.filter === null || !slot.wantsResponseHeaders) continue;
      const repliedBefore = this.#replied;
      slot.resumedResponse = false;
      const status = slot.filter.onResponseHeaders(this.#endOfResponse);
      // A reply made just now has run the rest of this phase already. One that was refused leaves the head as it is.
      if (this.#finished || (this.#replied && !repliedBefore)) return REPLIED;
      if (status === CONTINUE || status === REPLIED || slot.resumedResponse) continue;
      this.#pausedResponse = slot;
      const looks = status === HOLD_HEAD && wants(slot, RESPONSE);
      this.#responseBody?.flow.passTo(looks ? 1 - slot.index : -slot.index);
      return PAUSE;
    }
    this.#responseBody?.flow.passTo(Number.POSITIVE_INFINITY);
    return CONTINUE;
  }

  // --- bodies

  #openRequestBody(): FilteredRequestBody | null {
    const source = this.#exchange.body;
    if (source === null || !this.#meetsBodies || !this.#slots.some((slot) => wants(slot, REQUEST))) return null;
    const body = new FilteredRequestBody(source, this, this.#budgets.of(this.#exchange.tenant));
    this.#requestBody = body;
    for (const slot of this.#slots) if (wants(slot, REQUEST)) body.flow.add(slot, slot.index);
    if (this.#pausedRequest === null) body.flow.passTo(Number.POSITIVE_INFINITY);
    return body;
  }

  /** Runs through the filters that the head has still before it. */
  #openResponseBody(): FilteredResponseBody | null {
    if (!this.#meetsBodies) return null;
    const slots = this.#slots.slice(0, this.#responseAt + 1).filter((slot) => wants(slot, RESPONSE));
    if (slots.length === 0) return null;
    const announced = announcedLength(this.#exchange.responseHeaders!);
    const body = new FilteredResponseBody(announced, this, this.#budgets.of(this.#exchange.tenant));
    for (const slot of slots.reverse()) body.flow.add(slot, -slot.index);
    body.flow.passTo(Number.NEGATIVE_INFINITY);
    return body;
  }

  #mayReply(code: ErrorCode): boolean {
    if (this.#finished || this.#replied) return false;
    if (this.#host.responseStarted) {
      this.#host.onReset(code);
      return false;
    }
    this.#replied = true;
    this.#pausedRequest = null;
    this.#pausedResponse = null;
    this.#requestBody?.close();
    return true;
  }
}

/** The filter in a slot has a part in bodies or trailers of this direction. */
function wants({ filter }: FilterSlot, direction: Direction): boolean {
  const bodies = filter?.bodies ?? null;
  return bodies !== null && (bodies.wantsBody(direction) || bodies.wantsTrailers(direction));
}

/** What `content-length` says, or -1. */
function announcedLength(headers: HeaderList): number {
  const value = headers.get('content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
