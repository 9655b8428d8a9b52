import type { Socket } from 'node:net';
import { describeError, type ErrorCode } from '../core/errors.ts';
import { errorBody } from '../exchange/error-body.ts';

/** The answer to a request that never became an exchange. */
export interface Refusal {
  readonly status: number;
  readonly headers: string[];
  readonly body: string;
}

/** Always closes the connection: what follows on it cannot be trusted, or is not wanted. */
export function refusalOf(code: ErrorCode, traceId: string): Refusal {
  const body = errorBody(code, traceId);
  const headers = ['content-type', 'application/json', 'content-length', String(body.length), 'connection', 'close'];
  return { status: describeError(code).status, headers, body };
}

/** The same as bytes, for a socket whose request no parser understood. */
export function refusalBytes(code: ErrorCode, traceId: string): string {
  const { status, headers, body } = refusalOf(code, traceId);
  let head = `HTTP/1.1 ${status} Refused\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n${body}`;
}

/**
 * Ends a socket and goes on reading what the client sends for a while: closed at once, unread bytes would turn into a
 * reset that takes the answer with it.
 */
export function closeGently(socket: Socket, lingerMs: number): void {
  if (socket.destroyed) return;
  socket.end();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}
