import { type ErrorCode, ERRORS } from '../core/errors.ts';

/**
 * The JSON body of every error answer that the gateway itself gives. Code and message come from the table and the
 * trace id is hexadecimal, so nothing that a client sent is echoed.
 */
export function errorBody(code: ErrorCode, traceId: string): string {
  return JSON.stringify({ error: { code, message: ERRORS[code].message, traceId } });
}
