import { LIMITS } from '../core/limits.ts';
import type { TimerWheel } from '../core/wheel.ts';
import type { Endpoint } from './endpoint.ts';
import { GrpcCall } from './grpc-call.ts';
import type { GrpcCallHandler, GrpcCallRequest, GrpcMessageLimits } from './grpc.ts';
import { type Http2Limits, Http2Pool } from './http2-pool.ts';
import { EndpointPool } from './pool.ts';
import { hostOf } from './tls-options.ts';

export interface GrpcClientOptions {
  readonly wheel: TimerWheel;
  /** Certificates that upstream servers are checked against; default: those of Node. */
  readonly ca?: string;
  /** What differs from the limits table. */
  readonly limits?: Partial<Http2Limits & GrpcMessageLimits>;
}

const DEFAULTS: Http2Limits & GrpcMessageLimits = {
  connections: LIMITS.http2ConnectionsPerEndpoint,
  streams: LIMITS.http2StreamsPerConnection,
  pending: LIMITS.pendingPerEndpoint,
  pendingMs: LIMITS.upstreamPendingMs,
  connectMs: LIMITS.connectTimeoutMs,
  keepAliveMs: LIMITS.http2KeepAliveMs,
  pingMs: LIMITS.http2PingMs,
  pingTimeoutMs: LIMITS.http2PingTimeoutMs,
  message: LIMITS.pluginGrpcMessageBytes,
  sending: LIMITS.pluginGrpcSendBytes,
};

/** gRPC over HTTP/2 connections of its own, a few for each endpoint: with prior knowledge over `http`, in TLS over `https`. */
export class GrpcClient {
  readonly #wheel: TimerWheel;
  readonly #ca: string | undefined;
  readonly #limits: Http2Limits & GrpcMessageLimits;

  constructor({ wheel, ca, limits }: GrpcClientOptions) {
    this.#wheel = wheel;
    this.#ca = ca;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /**
   * Opens a call. Its messages, and its end, go to the handler, never before this call has returned.
   * `connect-failed`: the endpoint takes nothing new; `overloaded`: too many calls wait for it.
   */
  open(
    endpoint: Endpoint,
    request: GrpcCallRequest,
    handler: GrpcCallHandler,
  ): GrpcCall | 'connect-failed' | 'overloaded' {
    const pool = this.#poolOf(endpoint);
    if (pool === null) return 'connect-failed';
    const { scheme } = endpoint;
    const serverName = scheme === 'https' ? hostOf(request.authority) : '';
    const call = new GrpcCall(pool, request, scheme, serverName, handler, this.#limits);
    return pool.acquire(call) ? call : 'overloaded';
  }

  #poolOf(endpoint: Endpoint): Http2Pool | null {
    if (endpoint.draining) return null;
    if (endpoint.http2 !== null) return endpoint.http2 as Http2Pool;
    if (!EndpointPool.reachable(endpoint)) return null;
    const pool = new Http2Pool(endpoint, this.#limits, this.#wheel, this.#ca);
    endpoint.http2 = pool;
    return pool;
  }
}
