import type { BodySource } from '../exchange/body.ts';
import type { UpstreamSocket } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import type { Endpoint } from './endpoint.ts';

/** One attempt's request, as it goes on the wire. */
export interface UpstreamRequest {
  readonly method: string;
  /** Origin form: begins with '/'. */
  readonly target: string;
  /**
   * With `host` set and hop-by-hop fields removed. Framing (`content-length`, `transfer-encoding`) is the client's: it
   * follows `body` alone. Read before `send` returns, never kept.
   */
  readonly headers: HeaderList;
  /**
   * Read only once a connection stands, so an attempt that found none leaves it untouched for the next one. The client
   * stops it when the attempt ends before the body does; one that was never read stays the caller's to stop.
   */
  readonly body: BodySource | null;
  /** Protocols to switch to, as `Upgrade` names them; absent or '' = none. */
  readonly upgrade?: string;
}

/** An attempt under way. It is the writer of the sink it was given. */
export interface UpstreamCall extends SinkWriter {
  /** A connection stood and the request was handed to it; from now on the endpoint may have seen it. */
  readonly connected: boolean;
  /** What it goes or went over; null before there was one, and for clients that do not tell. */
  readonly connection?: UpstreamSocket | null;
  /** The request body was read from; it cannot be sent a second time. */
  readonly bodyStarted: boolean;
  /** Gives the attempt up: the connection is closed, and no further call of the sink comes. */
  abort(): void;
}

/** Turns a request and an endpoint into a response. */
export interface UpstreamClient {
  /**
   * Sends the request over one of the endpoint's connections. The response, or its failure as `reset(code)`, goes to
   * the sink, never before this call has returned; response headers are as received, hop-by-hop fields included.
   * Codes: SLUICE_UPSTREAM_OVERLOADED, _CONNECT_FAILED, _CONNECT_TIMEOUT, _RESET, _PROTOCOL, _STALLED,
   * SLUICE_GATEWAY_INTERNAL (the request cannot be put on the wire), or the code with which the request body failed.
   */
  send(endpoint: Endpoint, request: UpstreamRequest, sink: ResponseSink): UpstreamCall;
}
