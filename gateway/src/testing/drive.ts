import { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import { startTrace } from '../core/trace.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { type ChainHost, FilterChain, type WaitingBody } from '../filters/chain.ts';
import { CONTINUE, type Destination, type FilterFactory, NOWHERE } from '../filters/filter.ts';
import { removeHopByHop } from '../proxy/hop-by-hop.ts';
import { Responder, type ResponderOwner } from '../proxy/respond.ts';
import { normalizePath } from '../routing/path.ts';
import { framed } from '../upstream/request-wire.ts';
import {
  announcedLength,
  bodyChunks,
  fakeExchange,
  fieldsOf,
  headerList,
  messageHeaders,
  type TestBody,
  type TestHeaders,
  type TestRequest,
} from './fake-exchange.ts';
import { type SeenResponse, TestSink } from './test-sink.ts';

export type { SeenResponse } from './test-sink.ts';

/** What the upstream answers in a test. */
export interface TestUpstream {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: TestHeaders;
  /** A list comes chunk by chunk. */
  readonly body?: TestBody;
  readonly trailers?: TestHeaders;
}

/** A request as the upstream would get it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Lower-case names; repeated fields are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** undefined: there were none. */
  readonly trailers: Readonly<Record<string, string>> | undefined;
}

export interface Outcome {
  /** null: the exchange was reset. */
  readonly response: SeenResponse | null;
  /** null: it never went upstream. */
  readonly request: SeenRequest | null;
  /** Why the gateway itself answered, or null. */
  readonly error: ErrorCode | null;
  readonly exchange: Exchange;
}

/** Writes of these have the route chosen anew, and the path brought into its normal form. */
const ROUTE_INPUTS: ReadonlySet<string> = new Set([':path', ':authority']);
/** Equal on every run, for error bodies have it. */
const TRACE_PARENT = '00-00000000000000000000000000000001-0000000000000001-01';

/** Drives a chain of filters over one exchange in memory, with an upstream that answers when it has the request. */
class Driver implements ChainHost, BodyReader, ResponderOwner {
  /** A test may name the service; there is no other. */
  readonly destination: Destination;
  readonly #filters: readonly FilterFactory[];
  readonly #exchange: Exchange;
  readonly #upstream: TestUpstream;
  readonly #sink: TestSink;
  readonly #responder: Responder;
  readonly #chain: FilterChain;
  readonly #settle: (outcome: Outcome) => void;
  readonly #requestBody: Buffer[] = [];
  #head: Pick<SeenRequest, 'method' | 'path' | 'authority' | 'headers'> | null = null;
  #hasLength = false;
  #seen: SeenRequest | null = null;
  /** What the upstream has still to send; null: it does not send. */
  #coming: Buffer[] | null = null;
  #waiting = false;
  #sending = false;
  /** Another answer took the upstream's place. */
  #aborted = false;

  constructor(parts: {
    readonly exchange: Exchange;
    readonly sink: TestSink;
    readonly filters: readonly FilterFactory[];
    readonly upstream: TestUpstream;
    readonly settle: (outcome: Outcome) => void;
  }) {
    const { exchange, sink, filters, upstream, settle } = parts;
    const { service } = exchange;
    this.destination = { ...NOWHERE, clusterName: service === '' ? '' : `outbound|80||${service}.static` };
    this.#filters = filters;
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#sink = sink;
    this.#settle = settle;
    this.#responder = new Responder(exchange, this);
    this.#chain = new FilterChain(filters, exchange, this, new BodyBudgets(() => Number.POSITIVE_INFINITY));
  }

  start(): void {
    const x = this.#exchange;
    x.trace = startTrace(x.requestHeaders.get('traceparent') ?? TRACE_PARENT, undefined, undefined);
    x.routeInputs = ROUTE_INPUTS;
    removeHopByHop(x.requestHeaders);
    const error = this.#normalize();
    if (error !== null) {
      this.#responder.prepareError(error);
      this.#responder.release();
    } else if (this.#chain.startRequest(x.body === null) === CONTINUE) this.onRequestReady();
  }

  /** Why the path cannot be taken, or null. */
  #normalize(): ErrorCode | null {
    const target = normalizePath(this.#exchange.target);
    if (target === null) return 'SLUICE_REQUEST_PATH_INVALID';
    this.#exchange.target = target;
    return null;
  }

  // --- the request

  onRequestReady(): void {
    if (!this.#chain.filterRequestBody()) this.onRequestBody(this.#exchange.body, null);
  }

  onRequestBody(body: BodySource | null, whole: Buffer | null): void {
    const x = this.#exchange;
    const { method, target, authority, requestHeaders } = x;
    const length = whole?.length ?? body?.length ?? -1;
    this.#hasLength = length !== -1;
    this.#head = { method, path: target, authority, headers: sentFields(requestHeaders, length) };
    if (whole !== null) this.#requestBody.push(whole);
    x.attempts = 1;
    x.upstreamAddress = '198.51.100.7:8080';
    x.upstreamStartedAt = performance.now();
    if (body === null || whole !== null) this.onBodyEnd(null);
    else body.read(this);
  }

  onBodyData(chunk: Buffer): void {
    this.#requestBody.push(Buffer.from(chunk));
  }

  onBodyEnd(trailers: HeaderList | null): void {
    if (this.#aborted) return;
    const body = Buffer.concat(this.#requestBody).toString('utf8');
    // Behind a body of announced length there is no place for trailers.
    const sent = trailers === null || this.#hasLength ? undefined : fieldsOf(trailers);
    this.#seen = { ...this.#head!, body, trailers: sent };
    this.#answer();
  }

  onBodyError(code: ErrorCode): void {
    this.onRequestBodyFailed(code);
  }

  onRequestBodyFailed(code: ErrorCode): void {
    if (this.#responder.started) this.#responder.reset(code);
    else {
      this.#responder.prepareError(code);
      this.#responder.filter(this.#chain);
    }
  }

  // --- the response

  /** The upstream's answer comes, or as much of it as the client of an upstream would hand on. */
  #answer(): void {
    const { status = 200, body, trailers } = this.#upstream;
    const { method } = this.#exchange;
    const bodyless = method === 'HEAD' || status === 204 || status === 304;
    const headers = bodyless && method !== 'HEAD' ? headerList(this.#upstream.headers) : messageHeaders(this.#upstream);
    removeHopByHop(headers);
    const none = bodyless || (body === undefined && trailers === undefined) || announcedLength(this.#upstream) === 0;
    this.#exchange.upstreamMs = performance.now() - this.#exchange.upstreamStartedAt;
    this.#coming = none ? [] : bodyChunks(body ?? []);
    this.#responder.prepare(status, headers, none);
    // A length without a body is that of the body which filters would have changed.
    if (none && (method === 'HEAD' || status === 304) && this.#chain.editsResponse) headers.remove('content-length');
    this.#responder.filter(this.#chain);
    this.#send();
  }

  /** Sends of the upstream's body what is taken, and then its end. */
  #send(): void {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#coming !== null && !this.#waiting) {
      const chunk = this.#coming.shift();
      if (chunk === undefined) this.#endUpstream();
      else {
        // It may be told to go on before the call returns.
        this.#waiting = true;
        if (this.#chain.filtersResponse ? this.#chain.pushResponse(chunk) : this.#responder.data(chunk))
          this.#waiting = false;
      }
    }
    this.#sending = false;
  }

  #endUpstream(): void {
    this.#coming = null;
    const { trailers, status = 200 } = this.#upstream;
    const none = trailers === undefined || this.#exchange.method === 'HEAD' || status === 204 || status === 304;
    const list = none ? null : headerList(trailers);
    if (this.#chain.filtersResponse) this.#chain.endResponse(list);
    else this.onResponseEnd(list);
  }

  get responseStarted(): boolean {
    return this.#responder.started;
  }

  /** There is one route. */
  reroute(): readonly FilterFactory[] | ErrorCode {
    return this.#normalize() ?? this.#filters;
  }

  get mayGrow(): boolean {
    const { method, status } = this.#exchange;
    return method !== 'HEAD' && status !== 204 && status !== 304;
  }

  onResponseGrows(): WaitingBody {
    return this.#responder.grow();
  }

  onResponseReady(bodyLength: number | null): void {
    this.#responder.releaseFiltered(this.#chain, bodyLength);
  }

  /** Lets the upstream send on. */
  resumeResponse(): void {
    this.#waiting = false;
    this.#send();
  }

  onResponseData(chunk: Buffer): boolean {
    return this.#responder.data(chunk);
  }

  onResponseEnd(trailers: HeaderList | null): void {
    if (trailers !== null) this.#responder.trailers(trailers);
    this.#responder.end();
  }

  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    this.#abort();
    this.#exchange.details = details;
    removeHopByHop(headers);
    this.#responder.prepareLocal(status, headers, body);
    this.#responder.filter(this.#chain);
  }

  replaceWithError(code: ErrorCode, details: string): void {
    this.#abort();
    this.#exchange.details = details;
    this.#responder.prepareError(code);
    this.#responder.filter(this.#chain);
  }

  onReset(code: ErrorCode): void {
    this.#abort();
    this.#responder.reset(code);
  }

  crash(error: unknown): void {
    throw error;
  }

  #abort(): void {
    this.#aborted = true;
    this.#coming = null;
  }

  // --- how the client fares

  onResponseDrain(): void {
    if (this.#chain.filtersResponse) this.#chain.drainResponse();
    else this.resumeResponse();
  }

  onClientGone(): void {
    this.#abort();
  }

  onResponseDone(): void {
    this.#abort();
    const x = this.#exchange;
    x.endedAt = performance.now();
    this.#chain.finish();
    x.body?.stop();
    this.#settle({ response: this.#sink.response, request: this.#seen, error: x.error, exchange: x });
  }
}

/** Fields as they are sent. @param length of the body; -1: none, or in chunks */
function sentFields(headers: HeaderList, length: number): Record<string, string> {
  const fields = fieldsOf(framed(headers, length));
  return length === -1 ? fields : { ...fields, 'content-length': String(length) };
}

/**
 * Runs one exchange through filters; settles when the answer has left or the exchange was reset.
 * @param prepare changes the exchange before the filters see it.
 */
export function driveExchange(
  filters: readonly FilterFactory[],
  request: TestRequest = {},
  upstream: TestUpstream = {},
  prepare?: (exchange: Exchange) => void,
): Promise<Outcome> {
  const sink = new TestSink(request.method ?? 'GET');
  const exchange = fakeExchange(request, sink);
  prepare?.(exchange);
  return new Promise((settle) => new Driver({ exchange, sink, filters, upstream, settle }).start());
}
