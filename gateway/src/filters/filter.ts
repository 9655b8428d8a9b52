import type { ErrorCode } from '../core/errors.ts';
import type { Exchange, UpstreamSocket } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { BodyBuffer } from './body-buffer.ts';

/** What a filter's callback answers. Numbers, because they are compared on the hot path. */
export const CONTINUE = 0;
/**
 * Hold the exchange here until the filter calls `resumeRequest`/`resumeResponse` on its control. From a header callback:
 * nothing of this direction follows, and its source waits. From a body callback: what the filter was shown is kept, and
 * it is called again with all of that when more has come, up to its `bodyLimit`.
 */
export const PAUSE = 1;
/** The filter called `reply` or `fail`: nothing further of this direction runs. */
export const REPLIED = 2;
/** From a header callback: the head waits, and the body comes up to this filter; the head goes on before the body does. */
export const HOLD_HEAD = 3;
/** From a body callback: as PAUSE, but at the filter's `bodyLimit` the source waits until the filter resumes. */
export const PAUSE_FULL = 4;
/** From a body callback: as PAUSE, but what the filter was shown is dropped. */
export const PAUSE_DROP = 5;
export type FilterStatus =
  | typeof CONTINUE
  | typeof PAUSE
  | typeof REPLIED
  | typeof HOLD_HEAD
  | typeof PAUSE_FULL
  | typeof PAUSE_DROP;

/** Which way something goes. */
export const REQUEST = 0;
export const RESPONSE = 1;
export type Direction = typeof REQUEST | typeof RESPONSE;

/**
 * Why a filter cannot hold a body: it outgrew the filter's `bodyLimit`; the filter edited it beyond that; the filters of
 * the tenant hold too much altogether.
 */
export type Overflow = 'limit' | 'edit' | 'budget';

/** A filter in a route's chain: long-lived, shared by all exchanges of a worker that use it. */
export interface FilterFactory {
  readonly name: string;
  /**
   * What it runs. Two factories with the same one are one filter on two routes, which an exchange that changes its route
   * meets once. Default: itself.
   */
  readonly subject?: object;
  /** It belongs to the gateway's own chain, which may send an exchange to another tenant. Default: false. */
  readonly mayLeaveTenant?: boolean;
  /** False: the request-header phase costs nothing for this filter; it is not called. */
  readonly wantsRequestHeaders: boolean;
  readonly wantsResponseHeaders: boolean;
  /**
   * A filter for one exchange, or null to stay out of it (a failed plugin whose policy is open). May call `fail` on the
   * control instead, and then returns null too.
   */
  create(exchange: Exchange, control: FilterControl): Filter | null;
}

/** A filter's part in one exchange. Request callbacks come in chain order, response callbacks in reverse order. */
export interface Filter {
  /** Its part in bodies and trailers; null: they pass it by, and where no filter has one they cost nothing. */
  readonly bodies: BodyFilter | null;
  onRequestHeaders(endOfStream: boolean): FilterStatus;
  /** `exchange.status` and `exchange.responseHeaders` hold the head; both may be changed. */
  onResponseHeaders(endOfStream: boolean): FilterStatus;
  /** Once, after the last byte or the failure of the exchange; whatever happened before. */
  onDone(): void;
}

/** What a filter does with bodies and trailers. An exchange without a body has none of these calls. */
export interface BodyFilter {
  /** False: promises to leave bodies as they are, so that an announced length stays true. */
  readonly editsBodies: boolean;
  /** Bytes it may hold of the body. */
  bodyLimit(direction: Direction): number;
  /** Asked once for each direction, when its body begins. */
  wantsBody(direction: Direction): boolean;
  wantsTrailers(direction: Direction): boolean;
  /**
   * `body` holds what has come since the filter last continued; CONTINUE passes it on, edits included. It may be read
   * and edited until then, also after the callback.
   *
   * @param endOfStream the last call. Trailers may still follow for a filter that does not want them.
   */
  onBody(direction: Direction, body: BodyBuffer, endOfStream: boolean): FilterStatus;
  /** After the body; CONTINUE passes on what is held of it first. The list may be edited. */
  onTrailers(direction: Direction, trailers: HeaderList): FilterStatus;
  /** It holds too much: it calls `fail`, or what it holds and all that follows goes on without it. */
  onOverflow(direction: Direction, cause: Overflow): void;
}

/** Where an exchange goes: what filters may know of it, and how they may steer it. */
export interface Destination {
  /** The service as Envoy's meshes name it, such as `outbound|80||orders.static`; '' = the route has none. */
  readonly clusterName: string;
  /** Metadata of the endpoint that was tried last; null: there is none yet. */
  readonly endpointMetadata: Readonly<Record<string, string>> | null;
  /** The connection to it; null: there is none. Asking costs. */
  readonly connection: UpstreamSocket | null;
  /** Endpoints that the exchange may go to, as flat `[address, JSON, …]`; null: no service, or too late. */
  hosts(): string[] | null;
  /** Chooses the endpoint; false: the exchange may not go there, or too late. */
  override(address: string): boolean;
}

/** Of an exchange that goes to no service. */
export const NOWHERE: Destination = {
  clusterName: '',
  endpointMetadata: null,
  connection: null,
  hosts: () => null,
  override: () => false,
};

/** What a filter may do to its exchange, at any time between `create` and `onDone`. */
export interface FilterControl {
  resumeRequest(): void;
  resumeResponse(): void;
  /** Trailers that follow the body this filter has seen the end of; none yet: an empty list. null: not now. */
  trailers(direction: Direction): HeaderList | null;
  /**
   * Answers in place of the upstream, or replaces the upstream's answer while its head is still held. After the head
   * has been sent the exchange is reset. False: a filter has answered before, and that answer stays; whoever holds it lets
   * it go. The answer passes through the response phases of the
   * filters that were created and have not seen a response head. Headers pass to the gateway, which sets content-length
   * and drops hop-by-hop names.
   */
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): boolean;
  /**
   * The gateway's own error answer (JSON body, or gRPC trailers) with the status of the code. False: a filter has answered
   * before, and that answer stays; whoever holds it lets it go.
   */
  fail(code: ErrorCode, details: string): boolean;
  /** Tears the exchange down without an answer. */
  reset(): void;
  /** From a header callback: the message ends with its head; what the sender has still to say is dropped. */
  endMessage(direction: Direction): void;
  /** Whether so many bytes may be injected now. */
  mayInject(bytes: number): boolean;
  /**
   * Passes bytes to the filters that the response reaches after this one, as if they had come from it; a head that it
   * holds goes first. The bytes pass to the chain. `mayInject` was asked before.
   * @param end nothing follows, whatever still comes from elsewhere
   */
  inject(bytes: Buffer, end: boolean): void;
  readonly destination: Destination;
}
