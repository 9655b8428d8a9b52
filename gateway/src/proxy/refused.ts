import { describeError, type ErrorCode } from '../core/errors.ts';
import { UNMATCHED_SERIES } from '../core/metrics.ts';
import { startTrace } from '../core/trace.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemorySink } from '../exchange/memory.ts';
import { applyForwarded } from './forwarded.ts';
import type { Gateway } from './gateway.ts';

/** What could be read of a request that a listener refused; '' for what could not. */
export interface RefusedHead {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly protocol: string;
}

const NOTHING_READ: RefusedHead = { method: '', target: '', authority: '', protocol: '' };
/** Its answer has left another way. */
const NO_SINK = new MemorySink();

/**
 * Books a request that its listener answered itself: metrics, and one line of the access log.
 * @returns the trace id for the answer
 */
export function bookRefused(
  gateway: Gateway,
  code: ErrorCode,
  connection: Connection,
  head: RefusedHead | null,
): string {
  const { method, target, authority, protocol } = head ?? NOTHING_READ;
  const x = new Exchange(connection, protocol, method, target, authority, new PairHeaders([]), null, NO_SINK);
  x.trace = startTrace(undefined, undefined, undefined);
  applyForwarded(x, gateway.trusted);
  x.status = describeError(code).status;
  x.error = code;
  gateway.metrics.observeRequest(UNMATCHED_SERIES, x.status, 0, 0, 0);
  gateway.accessLog?.append(x, performance.now());
  return x.trace.traceId;
}
