import { type Dispatcher, Pool } from 'undici';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { BodySource } from '../exchange/body.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import type { UpstreamCall, UpstreamClient, UpstreamRequest } from './client.ts';
import type { ConnectionPool, Endpoint } from './endpoint.ts';
import { failureCode } from './failure.ts';
import { RequestBody } from './request-body.ts';

/** What differs from the limits table, mostly in tests. Times in milliseconds. */
export interface UndiciClientOptions {
  /** Certificates that upstream servers are checked against; default: those of Node. */
  readonly ca?: string;
  readonly connectTimeoutMs?: number;
  readonly idleMs?: number;
  readonly connections?: number;
  readonly pending?: number;
}

/**
 * Depth of response callbacks on the stack. undici parses with one shared buffer: another connection's parser must not
 * run inside such a callback, so dispatching and resuming wait until it has returned.
 */
let parsing = 0;

const gaveUp = new Error('the attempt was given up while it waited');

/** The upstream client over undici: HTTP/1.1, one pool per endpoint, no pipelining. */
export class UndiciClient implements UpstreamClient {
  readonly #options: UndiciClientOptions;

  constructor(options: UndiciClientOptions = {}) {
    this.#options = options;
  }

  send(endpoint: Endpoint, request: UpstreamRequest, sink: ResponseSink): UpstreamCall {
    const call = new UndiciCall(request, sink);
    if (parsing === 0) this.#start(call, endpoint, request);
    else {
      // The list is the caller's again when this call returns.
      const headers = new PairHeaders([...request.headers.toPairs()]);
      queueMicrotask(() => this.#start(call, endpoint, { ...request, headers }));
    }
    return call;
  }

  #start(call: UndiciCall, endpoint: Endpoint, request: UpstreamRequest): void {
    const pool = this.#poolOf(endpoint);
    if (pool === null) call.failSoon('SLUICE_UPSTREAM_CONNECT_FAILED');
    else if (pool.full) call.failSoon('SLUICE_UPSTREAM_OVERLOADED');
    else call.start(pool, request);
  }

  #poolOf(endpoint: Endpoint): UndiciPool | null {
    if (endpoint.pool !== null) return endpoint.pool as UndiciPool;
    if (endpoint.draining) return null;
    try {
      endpoint.pool = new UndiciPool(`${endpoint.scheme}://${endpoint.address}`, this.#options);
    } catch {
      // The registry gave an address that no URL can hold.
      return null;
    }
    return endpoint.pool as UndiciPool;
  }
}

class UndiciPool implements ConnectionPool {
  readonly #pool: Pool;
  readonly #limit: number;
  #calls = 0;

  constructor(origin: string, options: UndiciClientOptions) {
    const connections = options.connections ?? LIMITS.connectionsPerEndpoint;
    this.#limit = connections + (options.pending ?? LIMITS.pendingPerEndpoint);
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: LIMITS.upstreamKeepAliveMs,
      keepAliveMaxTimeout: LIMITS.upstreamKeepAliveMs,
      keepAliveTimeoutThreshold: 1000,
      maxHeaderSize: LIMITS.responseHeadBytes,
      // The time up to the head is the route's to limit.
      headersTimeout: 0,
      bodyTimeout: options.idleMs ?? LIMITS.upstreamIdleMs,
      connect: {
        timeout: options.connectTimeoutMs ?? LIMITS.connectTimeoutMs,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    });
  }

  get full(): boolean {
    return this.#calls >= this.#limit;
  }

  dispatch(options: Dispatcher.DispatchOptions, call: UndiciCall): void {
    this.#calls++;
    this.#pool.dispatch(options, call);
  }

  /** undici is done with a call. */
  release(): void {
    this.#calls--;
  }

  close(): void {
    this.#pool.close().catch(ignore);
  }
}

function ignore(): void {}

const OPEN = 0;
const ABORTED = 1;
const DONE = 2;

/** One attempt: undici's handler on one side, the writer of a sink on the other. */
class UndiciCall implements UpstreamCall, Dispatcher.DispatchHandler {
  connected = false;
  readonly #sink: ResponseSink;
  readonly #body: RequestBody | null;
  readonly #isHead: boolean;
  #pool: UndiciPool | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #state = OPEN;
  /** `dispatch` is on the stack: the caller does not have this call yet. */
  #starting = false;
  #paused = false;
  #headReceived = false;

  constructor(request: UpstreamRequest, sink: ResponseSink) {
    this.#sink = sink;
    this.#body = request.body === null ? null : new RequestBody(request.body);
    this.#isHead = request.method === 'HEAD';
    sink.writer = this;
  }

  get bodyStarted(): boolean {
    return this.#body?.started ?? false;
  }

  start(pool: UndiciPool, request: UpstreamRequest): void {
    if (this.#state !== OPEN) return;
    this.#pool = pool;
    this.#starting = true;
    const headers = wireHeaders(request.headers, request.body);
    pool.dispatch({ path: request.target, method: request.method, headers, body: this.#body }, this);
    this.#starting = false;
  }

  failSoon(code: ErrorCode): void {
    queueMicrotask(() => this.#fail(code));
  }

  abort(): void {
    if (this.#state !== OPEN) return;
    this.#state = ABORTED;
    if (this.#controller === null) this.#body?.destroy();
    else this.#controller.abort(gaveUp);
  }

  onDrain(): void {
    if (!this.#paused) return;
    if (parsing > 0) {
      queueMicrotask(() => this.onDrain());
      return;
    }
    this.#paused = false;
    if (this.#state === OPEN) this.#controller!.resume();
  }

  onSinkClosed(): void {
    this.abort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, the connection stays whole for the next request; the controller's abort would close it.
    if (this.#state !== OPEN) throw gaveUp;
    this.#controller = controller;
    this.connected = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#state !== OPEN) return;
    const headers = receivedHeaders(controller.rawHeaders as Buffer[]);
    parsing++;
    try {
      if (status < 200) this.#sink.informational(status, headers);
      else {
        this.#headReceived = true;
        this.#sink.head(status, headers, this.#isHead || isBodyless(status, headers));
      }
    } finally {
      parsing--;
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state !== OPEN) return;
    parsing++;
    try {
      if (!this.#sink.data(chunk)) {
        this.#paused = true;
        controller.pause();
      }
    } finally {
      parsing--;
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#release();
    if (this.#state !== OPEN) return;
    this.#state = DONE;
    const trailers = controller.rawTrailers as Buffer[] | null | undefined;
    parsing++;
    try {
      if (trailers?.length) this.#sink.trailers(receivedHeaders(trailers));
      this.#sink.end();
    } finally {
      parsing--;
    }
    this.#body?.destroy();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#release();
    if (this.#state !== OPEN) {
      this.#body?.destroy();
      return;
    }
    const code = failureCode(error, this.connected, this.#headReceived);
    if (this.#starting) this.failSoon(code);
    else this.#fail(code);
  }

  #release(): void {
    this.#pool?.release();
    this.#pool = null;
  }

  #fail(code: ErrorCode): void {
    if (this.#state !== OPEN) return;
    this.#state = DONE;
    this.#body?.destroy();
    this.#sink.reset(code);
  }
}

/** Fields that undici writes or refuses itself; `content-length` follows the body. */
function isFraming(name: string): boolean {
  switch (name.length) {
    case 6:
      return name.toLowerCase() === 'expect';
    case 7:
      return name.toLowerCase() === 'upgrade';
    case 10: {
      const lower = name.toLowerCase();
      return lower === 'connection' || lower === 'keep-alive';
    }
    case 14:
      return name.toLowerCase() === 'content-length';
    case 17:
      return name.toLowerCase() === 'transfer-encoding';
    default:
      return false;
  }
}

/** A copy: a request that waits for a connection keeps it. */
function wireHeaders(headers: HeaderList, body: BodySource | null): string[] {
  const pairs = headers.toPairs();
  const wire: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    if (!isFraming(pairs[i]!)) wire.push(pairs[i]!, pairs[i + 1]!);
  }
  if (body !== null && body.length >= 0) wire.push('content-length', String(body.length));
  return wire;
}

function receivedHeaders(raw: readonly Buffer[]): HeaderList {
  const pairs: string[] = [];
  for (const bytes of raw) pairs.push(bytes.toString('latin1'));
  return new PairHeaders(pairs);
}

function isBodyless(status: number, headers: HeaderList): boolean {
  return status === 204 || status === 304 || headers.get('content-length') === '0';
}
