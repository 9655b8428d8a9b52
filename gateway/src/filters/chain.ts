import type { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { BodySource } from '../exchange/body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { PASSIVE } from './body-stage.ts';
import {
  CONTINUE,
  type Destination,
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

const NOTHING = Buffer.alloc(0);

/** What has come of a response body while its head was held. */
export interface WaitingBody {
  /** null: nothing. */
  readonly bytes: Buffer | null;
  readonly ended: boolean;
  readonly trailers: HeaderList | null;
}

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
  /**
   * What the route was chosen by has changed, and it is to be chosen anew.
   * @param mayLeaveTenant the filter that changed it may send the exchange to another tenant
   * @returns the filters of the route, or why the exchange cannot go on
   */
  reroute(mayLeaveTenant: boolean): readonly FilterFactory[] | ErrorCode;
  /** A body may stand behind the head of the response. */
  readonly mayGrow: boolean;
  /** From now on what stands behind the head passes filters: hands over what has come of it already. */
  onResponseGrows(): WaitingBody;
  readonly destination: Destination;
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
  /** Filters that the request meets, as far as it is known; those behind `#requestAt` are still to come. */
  #factories: readonly FilterFactory[];
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
  /** The request is to be sent; until then a filter that holds the head may be shown its body. */
  #sending = false;
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
    this.#sending = true;
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
    if (!this.#sending) this.#requestBody?.close();
    if (!this.#responding) {
      this.#responding = true;
      this.#responseAt = this.#slots.length - 1;
    }
    this.#responseBody?.flow.close();
    this.#responseBody = endOfStream ? null : this.#openResponseBody();
    const status = this.#runResponse();
    if (status !== CONTINUE || this.#responseBody === null) return status;
    // A filter may have injected all that there is.
    this.#responseBody.flow.run();
    return PAUSE;
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
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): boolean {
    const answered = this.#replied;
    if (this.#mayReply('SLUICE_PLUGIN_CLOSED')) this.#host.replaceResponse(status, headers, body, details);
    return !answered;
  }

  fail(code: ErrorCode, details: string): boolean {
    const answered = this.#replied;
    if (this.#mayReply(code)) this.#host.replaceWithError(code, details);
    return !answered;
  }

  reset(): void {
    if (!this.#finished) this.#host.onReset('SLUICE_PLUGIN_CLOSED');
  }

  crash(error: unknown): void {
    if (!this.#finished) this.#host.crash(error);
  }

  get destination(): Destination {
    return this.#host.destination;
  }

  endMessage(direction: Direction, slot: FilterSlot): void {
    if (direction === RESPONSE) this.inject(NOTHING, true, slot);
    else if (this.#requestBody === null) this.#endRequest();
    else {
      const { flow } = this.#requestBody;
      if (!flow.has(slot)) flow.insert(slot, slot.index);
      flow.inject(slot, NOTHING, true);
    }
  }

  #endRequest(): void {
    this.#exchange.body?.stop();
    this.#exchange.body = null;
    this.#endOfRequest = true;
  }

  mayInject(bytes: number, slot: FilterSlot): boolean {
    // The response has not reached the filter yet, or is another one by now.
    if (!this.#responding || this.#finished || this.#responseAt >= slot.index) return false;
    const headLeft = this.#host.responseStarted;
    if (this.#responseBody !== null) return this.#responseBody.mayInject(slot, bytes, headLeft);
    if (headLeft || !this.#host.mayGrow) return false;
    return bytes <= (slot.filter!.bodies?.bodyLimit(RESPONSE) ?? LIMITS.pluginBodyBytes);
  }

  inject(bytes: Buffer, end: boolean, slot: FilterSlot): void {
    if (!this.mayInject(bytes.length, slot)) return;
    // Also when it comes from within the callback that is about to hold the head: what waits behind would make it stay.
    slot.resumedResponse = true;
    if (this.#responseBody === null) this.#growResponse(slot);
    else if (!this.#responseBody.flow.has(slot)) this.#responseBody.flow.insert(slot, -slot.index);
    this.#responseBody!.flow.inject(slot, bytes, end);
  }

  /** A body for a response that has none, or whose body passes all filters by. */
  #growResponse(slot: FilterSlot): void {
    const { bytes, ended, trailers } = this.#host.onResponseGrows();
    this.#endOfResponse = false;
    const body = new FilteredResponseBody(-1, this, this.#budgets.of(this.#exchange.tenant));
    body.flow.add(slot, -slot.index, PASSIVE);
    const behind = this.#slots.slice(0, slot.index).filter((other) => wants(other, RESPONSE));
    for (const other of behind.reverse()) body.flow.add(other, -other.index);
    // The head is at the filter or, held by one of those behind it, further on.
    body.flow.passTo(this.#pausedResponse === null ? -slot.index : -this.#pausedResponse.index);
    this.#responseBody = body;
    if (bytes !== null) body.flow.push(bytes, false, null);
    if (ended) body.flow.push(null, true, trailers);
    else if (bytes !== null && !body.flow.sourcePaused) this.#host.resumeResponse();
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
    for (;;) {
      if (this.#exchange.routeStale && !this.#reroute()) return REPLIED;
      const factory = this.#factories[this.#requestAt++];
      if (factory === undefined) break;
      const slot = this.#enter(factory);
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

  /** Goes on with those filters of the new route that the request has not met. False: the exchange is answered. */
  #reroute(): boolean {
    this.#exchange.routeStale = false;
    const mayLeaveTenant = this.#slots.at(-1)?.factory.mayLeaveTenant === true;
    const chain = this.#host.reroute(mayLeaveTenant);
    if (typeof chain === 'string') {
      this.fail(chain, '');
      return false;
    }
    const met = new Set<object>(this.#slots.map(({ factory }) => factory.subject ?? factory));
    this.#factories = chain.filter((factory) => !met.has(factory.subject ?? factory));
    this.#requestAt = 0;
    return true;
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
