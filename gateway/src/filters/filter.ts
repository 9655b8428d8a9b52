import type { ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';

/** What a filter's callback answers. Numbers, because they are compared on the hot path. */
export const CONTINUE = 0;
/** Hold the exchange here until the filter calls `resumeRequest`/`resumeResponse` on its control. */
export const PAUSE = 1;
/** The filter called `reply` or `fail`: nothing further of this direction runs. */
export const REPLIED = 2;
export type FilterStatus = typeof CONTINUE | typeof PAUSE | typeof REPLIED;

/** A filter in a route's chain: long-lived, shared by all exchanges of a worker that use it. */
export interface FilterFactory {
  readonly name: string;
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
  onRequestHeaders(endOfStream: boolean): FilterStatus;
  /** `exchange.status` and `exchange.responseHeaders` hold the head; both may be changed. */
  onResponseHeaders(endOfStream: boolean): FilterStatus;
  /** Once, after the last byte or the failure of the exchange; whatever happened before. */
  onDone(): void;
}

/** What a filter may do to its exchange, at any time between `create` and `onDone`. */
export interface FilterControl {
  resumeRequest(): void;
  resumeResponse(): void;
  /**
   * Answers in place of the upstream, or replaces the upstream's answer while its head is still held. After the head
   * has been sent the exchange is reset. A second call is ignored. The head passes through the response phase of the
   * filters that were created. Headers pass to the gateway, which sets content-length and drops hop-by-hop names.
   */
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): void;
  /** The gateway's own error answer (JSON body, or gRPC trailers) with the status of the code. */
  fail(code: ErrorCode, details: string): void;
  /** Tears the exchange down without an answer. */
  reset(): void;
}
