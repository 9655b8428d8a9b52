import { BodyBudgets } from '../core/body-budget.ts';
import { describeError, type ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { type ChainHost, FilterChain, type WaitingBody } from '../filters/chain.ts';
import { CONTINUE, type Destination, type FilterFactory, NOWHERE } from '../filters/filter.ts';
import {
  bodyChunks,
  fakeExchange,
  fieldsOf,
  headerList,
  type TestBody,
  type TestHeaders,
  type TestRequest,
} from './fake-exchange.ts';

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

export interface SeenResponse {
  readonly status: number;
  /** With the `content-length` that the gateway sets, of its own answers and after filters that may change the body. */
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

function recordTrailers(list: HeaderList | null): Record<string, string> | undefined {
  return list === null ? undefined : fieldsOf(list);
}

/** Drives a chain of filters over one exchange in memory, with an upstream that answers when it has the request. */
class Driver implements ChainHost, BodyReader {
  responseStarted = false;
  /** A test may name the service; there is no other. */
  readonly destination: Destination;
  readonly #filters: readonly FilterFactory[];
  readonly #exchange: Exchange;
  readonly #upstream: TestUpstream;
  readonly #chain: FilterChain;
  readonly #settle: (outcome: Outcome) => void;
  readonly #requestBody: Buffer[] = [];
  readonly #responseBody: Buffer[] = [];
  #head: Pick<SeenRequest, 'method' | 'path' | 'authority' | 'headers'> | null = null;
  #seen: SeenRequest | null = null;
  #sent: Pick<SeenResponse, 'status' | 'headers'> | null = null;
  /** What the upstream has still to send, and then its trailers. */
  #coming: readonly Buffer[] = [];
  #trailers: HeaderList | null = null;
  /** The head of a response runs through the filters. */
  #starting = false;
  #settled = false;

  constructor(
    exchange: Exchange,
    filters: readonly FilterFactory[],
    upstream: TestUpstream,
    settle: (outcome: Outcome) => void,
  ) {
    const { service } = exchange;
    this.destination = { ...NOWHERE, clusterName: service === '' ? '' : `outbound|80||${service}.static` };
    this.#filters = filters;
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#settle = settle;
    this.#chain = new FilterChain(filters, exchange, this, new BodyBudgets(() => Number.POSITIVE_INFINITY));
  }

  start(): void {
    if (this.#chain.startRequest(this.#exchange.body === null) === CONTINUE) this.onRequestReady();
  }

  // --- the request

  onRequestReady(): void {
    if (!this.#chain.filterRequestBody()) this.onRequestBody(this.#exchange.body, null);
  }

  onRequestBody(body: BodySource | null, whole: Buffer | null): void {
    const { method, target, authority, requestHeaders } = this.#exchange;
    this.#head = { method, path: target, authority, headers: fieldsOf(requestHeaders) };
    if (whole !== null) this.#requestBody.push(whole);
    if (body === null || whole !== null) this.onBodyEnd(null);
    else body.read(this);
  }

  onBodyData(chunk: Buffer): void {
    this.#requestBody.push(Buffer.from(chunk));
  }

  onBodyEnd(trailers: HeaderList | null): void {
    const body = Buffer.concat(this.#requestBody).toString('utf8');
    this.#seen = { ...this.#head!, body, trailers: recordTrailers(trailers) };
    const { status = 200, headers, body: answer, trailers: trailing } = this.#upstream;
    this.#exchange.upstreamAddress = '198.51.100.7:8080';
    const list = trailing === undefined ? null : headerList(trailing);
    this.#respond(status, headerList(headers), answer === undefined ? [] : bodyChunks(answer), list);
  }

  onBodyError(): void {
    this.#finish(null);
  }

  onRequestBodyFailed(): void {
    this.#finish(null);
  }

  // --- the response

  #respond(status: number, headers: HeaderList, body: readonly Buffer[], trailers: HeaderList | null): void {
    this.#exchange.status = status;
    this.#exchange.responseHeaders = headers;
    this.#coming = body;
    this.#trailers = trailers;
    this.#starting = true;
    const passed = this.#chain.startResponse(body.length === 0 && trailers === null) === CONTINUE;
    if (this.#coming !== body) return;
    this.#starting = false;
    if (passed) this.onResponseReady(null);
    else if (this.#chain.filtersResponse) this.resumeResponse();
  }

  /** There is one route. */
  reroute(): readonly FilterFactory[] {
    return this.#filters;
  }

  get mayGrow(): boolean {
    const { method, status } = this.#exchange;
    return method !== 'HEAD' && status !== 204 && status !== 304;
  }

  onResponseGrows(): WaitingBody {
    // What is being started is pushed when its head has come through.
    if (this.#starting) return { bytes: null, ended: false, trailers: null };
    const bytes = this.#coming.length === 0 ? null : Buffer.concat(this.#coming);
    this.#coming = [];
    return { bytes, ended: true, trailers: this.#trailers };
  }

  onResponseReady(bodyLength: number | null): void {
    this.responseStarted = true;
    const { status } = this.#exchange;
    const headers = this.#exchange.responseHeaders ?? new PairHeaders();
    if (bodyLength !== null) headers.remove('content-length');
    if (bodyLength !== null && bodyLength >= 0) headers.append('content-length', String(bodyLength));
    this.#sent = { status, headers: fieldsOf(headers) };
    if (this.#chain.filtersResponse) return;
    this.#responseBody.push(...this.#coming);
    this.onResponseEnd(this.#trailers);
  }

  /** Lets the upstream send on. */
  resumeResponse(): void {
    while (this.#coming.length > 0) {
      const [chunk, ...rest] = this.#coming;
      this.#coming = rest;
      if (!this.#chain.pushResponse(chunk!) || this.#settled) return;
    }
    this.#chain.endResponse(this.#trailers);
  }

  onResponseData(chunk: Buffer): boolean {
    this.#responseBody.push(Buffer.from(chunk));
    return true;
  }

  onResponseEnd(trailers: HeaderList | null): void {
    const body = Buffer.concat(this.#responseBody).toString('utf8');
    this.#finish({ ...this.#sent!, body, trailers: recordTrailers(trailers) });
  }

  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    this.#exchange.details = details;
    headers.remove('content-length');
    headers.append('content-length', String(body?.length ?? 0));
    this.#respond(status, headers, body === null ? [] : [body], null);
  }

  replaceWithError(code: ErrorCode, details: string): void {
    const { status, message } = describeError(code);
    const headers = new PairHeaders(['content-type', 'application/json']);
    this.#exchange.error = code;
    this.replaceResponse(status, headers, Buffer.from(JSON.stringify({ error: { code, message } })), details);
  }

  onReset(): void {
    this.#finish(null);
  }

  crash(error: unknown): void {
    throw error;
  }

  #finish(response: SeenResponse | null): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chain.finish();
    this.#exchange.body?.stop();
    this.#settle({ response, request: this.#seen, error: this.#exchange.error, exchange: this.#exchange });
  }
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
  const exchange = fakeExchange(request);
  prepare?.(exchange);
  return new Promise((resolve) => new Driver(exchange, filters, upstream, resolve).start());
}
