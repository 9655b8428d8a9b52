import type { RetryOn } from '../config/schema-tenant.ts';
import type { ErrorCode } from '../core/errors.ts';

/** A route's `retries`. */
export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly attempts: number;
  readonly on: readonly RetryOn[];
}

/** Methods that may be repeated after the endpoint may have seen them (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'PUT':
    case 'DELETE':
    case 'TRACE':
      return true;
    default:
      return false;
  }
}

const CONDITIONS: ReadonlyMap<ErrorCode, RetryOn> = new Map<ErrorCode, RetryOn>([
  ['SLUICE_UPSTREAM_CONNECT_FAILED', 'connect-failure'],
  ['SLUICE_UPSTREAM_CONNECT_TIMEOUT', 'connect-failure'],
  ['SLUICE_UPSTREAM_OVERLOADED', 'connect-failure'],
  ['SLUICE_UPSTREAM_RESET', 'reset-before-response'],
  ['SLUICE_UPSTREAM_TRY_TIMEOUT', 'try-timeout'],
]);

/**
 * Whether a failed attempt may be followed by another. To be asked only before a byte of the response has gone to the
 * client. A connect failure sent nothing, so any request may be repeated; everything else only when the method is
 * idempotent. A request whose body was read from is gone.
 *
 * @param failure code with which the attempt ended, or the status that the endpoint answered
 * @param attempts attempts made so far, the failed one included: 1 after the first
 */
export function mayRetry(
  policy: RetryPolicy,
  failure: ErrorCode | number,
  attempts: number,
  method: string,
  bodyConsumed: boolean,
): boolean {
  if (bodyConsumed || attempts > policy.attempts) return false;
  const condition = typeof failure === 'number' ? failure : CONDITIONS.get(failure);
  if (condition === undefined || !policy.on.includes(condition)) return false;
  return condition === 'connect-failure' || isIdempotent(method);
}
