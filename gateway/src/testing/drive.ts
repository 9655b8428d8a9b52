import { describeError, type ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { type ChainHost, FilterChain } from '../filters/chain.ts';
import { CONTINUE, type FilterFactory } from '../filters/filter.ts';
import { fakeExchange, headerList, type TestHeaders, type TestRequest } from './fake-exchange.ts';

/** What the upstream answers in a test. */
export interface TestUpstream {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: TestHeaders;
  readonly body?: string;
}

/** A request as the upstream would get it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Lower-case names; repeated fields are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface SeenResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
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

function record(list: HeaderList): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < list.size; i++) {
    const name = list.nameAt(i).toLowerCase();
    headers[name] = headers[name] === undefined ? list.valueAt(i) : `${headers[name]}, ${list.valueAt(i)}`;
  }
  return headers;
}

/** Drives a chain of filters over one exchange in memory, with an upstream that answers at once. */
class Driver implements ChainHost {
  responseStarted = false;
  readonly #exchange: Exchange;
  readonly #upstream: TestUpstream;
  readonly #chain: FilterChain;
  readonly #settle: (outcome: Outcome) => void;
  #seen: SeenRequest | null = null;
  #body = '';
  #settled = false;

  constructor(
    exchange: Exchange,
    filters: readonly FilterFactory[],
    upstream: TestUpstream,
    settle: (outcome: Outcome) => void,
  ) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#settle = settle;
    this.#chain = new FilterChain(filters, exchange, this);
  }

  start(): void {
    if (this.#chain.startRequest(this.#exchange.body === null) === CONTINUE) this.onRequestReady();
  }

  onRequestReady(): void {
    const { method, target, authority, requestHeaders } = this.#exchange;
    this.#seen = { method, path: target, authority, headers: record(requestHeaders) };
    this.#body = this.#upstream.body ?? '';
    this.#exchange.status = this.#upstream.status ?? 200;
    this.#exchange.responseHeaders = headerList(this.#upstream.headers);
    this.#exchange.upstreamAddress = '198.51.100.7:8080';
    if (this.#chain.startResponse(this.#body === '') === CONTINUE) this.onResponseReady();
  }

  onResponseReady(): void {
    this.responseStarted = true;
    const { status, responseHeaders } = this.#exchange;
    this.#finish({ status, headers: record(responseHeaders ?? new PairHeaders()), body: this.#body });
  }

  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    this.#exchange.status = status;
    this.#exchange.responseHeaders = headers;
    this.#exchange.details = details;
    this.#body = body?.toString('utf8') ?? '';
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
