import type { ErrorCode } from '../core/errors.ts';
import { RequestBodyError } from './request-body.ts';

/**
 * The gateway's code for an error of undici or the socket below it. Goes by `code` and `name`, which are stable, and not
 * by classes, of which a process may hold two copies.
 *
 * @param connected a connection stood and the request was handed to it
 * @param headReceived the response head had come
 */
export function failureCode(error: unknown, connected: boolean, headReceived: boolean): ErrorCode {
  if (error instanceof RequestBodyError) return error.bodyCode;
  if (!(error instanceof Error)) return 'SLUICE_GATEWAY_INTERNAL';
  // The parser's errors carry no code.
  if (error.name === 'HTTPParserError') {
    return error.message.includes('EOF') ? 'SLUICE_UPSTREAM_RESET' : 'SLUICE_UPSTREAM_PROTOCOL';
  }
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return 'SLUICE_GATEWAY_INTERNAL';
  return connected ? sentFailure(code, error.message, headReceived) : unsentFailure(code);
}

function unsentFailure(code: string): ErrorCode {
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'SLUICE_UPSTREAM_CONNECT_TIMEOUT';
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
    case 'ERR_ASSERTION':
      return 'SLUICE_GATEWAY_INTERNAL';
    default:
      return 'SLUICE_UPSTREAM_CONNECT_FAILED';
  }
}

function sentFailure(code: string, message: string, headReceived: boolean): ErrorCode {
  switch (code) {
    case 'UND_ERR_HEADERS_OVERFLOW':
      return 'SLUICE_UPSTREAM_PROTOCOL';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'SLUICE_UPSTREAM_STALLED';
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
    case 'ERR_ASSERTION':
      return 'SLUICE_GATEWAY_INTERNAL';
    case 'UND_ERR_SOCKET':
      // 'bad response' and 'bad upgrade': a status out of turn, which undici reports as a socket error.
      return message.startsWith('bad ') ? 'SLUICE_UPSTREAM_PROTOCOL' : 'SLUICE_UPSTREAM_RESET';
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      // Also what undici calls any error of the parser in a head that names a length.
      return headReceived ? 'SLUICE_UPSTREAM_RESET' : 'SLUICE_UPSTREAM_PROTOCOL';
    default:
      return 'SLUICE_UPSTREAM_RESET';
  }
}
