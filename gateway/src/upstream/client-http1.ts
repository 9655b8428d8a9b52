import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { TimerWheel } from '../core/wheel.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { Http1Call } from './call.ts';
import type { UpstreamCall, UpstreamClient, UpstreamRequest } from './client.ts';
import type { Endpoint } from './endpoint.ts';
import { OwnConnection } from './own-connection.ts';
import { EndpointPool, type PoolLimits } from './pool.ts';
import { requestWire } from './request-wire.ts';
import { hostOf } from './tls-options.ts';

export interface Http1ClientOptions {
  readonly wheel: TimerWheel;
  /** Certificates that upstream servers are checked against; default: those of Node. */
  readonly ca?: string;
  /** What differs from the limits table. */
  readonly limits?: Partial<PoolLimits>;
}

const DEFAULTS: PoolLimits = {
  connections: LIMITS.connectionsPerEndpoint,
  pending: LIMITS.pendingPerEndpoint,
  pendingMs: LIMITS.upstreamPendingMs,
  connectMs: LIMITS.connectTimeoutMs,
  stallMs: LIMITS.upstreamIdleMs,
  keepAliveMs: LIMITS.upstreamKeepAliveMs,
  checkAfterMs: LIMITS.upstreamIdleCheckMs,
};

/** The upstream client: HTTP/1.1 over connections of its own, one pool for each endpoint, no pipelining. */
export class Http1Client implements UpstreamClient {
  readonly #wheel: TimerWheel;
  readonly #ca: string | undefined;
  readonly #limits: PoolLimits;

  constructor({ wheel, ca, limits }: Http1ClientOptions) {
    this.#wheel = wheel;
    this.#ca = ca;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  send(endpoint: Endpoint, request: UpstreamRequest, sink: ResponseSink): UpstreamCall {
    const head = requestWire(request);
    if (head === null) return new RefusedCall('SLUICE_GATEWAY_INTERNAL', sink);
    const pool = this.#poolOf(endpoint);
    if (pool === null) return new RefusedCall('SLUICE_UPSTREAM_CONNECT_FAILED', sink);
    const serverName = endpoint.scheme === 'https' ? hostOf(request.headers.get('host') ?? '') : '';
    const upgrades = request.upgrade !== undefined && request.upgrade !== '';
    const source = upgrades ? new OwnConnection(pool, endpoint, this.#limits, this.#wheel) : pool;
    const call = new Http1Call(source, head, request, serverName, sink);
    return source.acquire(call) ? call : new RefusedCall('SLUICE_UPSTREAM_OVERLOADED', sink);
  }

  #poolOf(endpoint: Endpoint): EndpointPool | null {
    if (endpoint.draining) return null;
    if (endpoint.pool !== null) return endpoint.pool as EndpointPool;
    if (!EndpointPool.reachable(endpoint)) return null;
    const pool = new EndpointPool(endpoint, this.#limits, this.#wheel, this.#ca);
    endpoint.pool = pool;
    return pool;
  }
}

/** An attempt that failed before it began; its sink hears of it when the caller has the call. */
class RefusedCall implements UpstreamCall {
  readonly connected = false;
  readonly bodyStarted = false;
  #live = true;

  constructor(code: ErrorCode, sink: ResponseSink) {
    sink.writer = this;
    queueMicrotask(() => {
      if (this.#live) sink.reset(code);
      this.#live = false;
    });
  }

  abort(): void {
    this.#live = false;
  }

  onDrain(): void {}

  onSinkClosed(): void {
    this.abort();
  }

  /** A tunnel is its sink's, and no matter of the call's any more. */
  onTunnelClosed(): void {}
}
