import type { ErrorCode } from '../core/errors.ts';

/** Why a message is not taken: the code that its sender gets, and the rule it broke in a few words for logs. */
export interface MessageFault {
  readonly code: ErrorCode;
  readonly reason: string;
}

function fault(code: ErrorCode, reason: string): MessageFault {
  return Object.freeze({ code, reason });
}

function invalid(reason: string): MessageFault {
  return fault('SLUICE_REQUEST_INVALID', reason);
}

/** Everything that can be wrong with a message. Each is one object, so that refusing costs nothing. */
export const FAULT = {
  requestLine: invalid('malformed request line'),
  version: fault('SLUICE_REQUEST_VERSION_UNSUPPORTED', 'unsupported HTTP version'),
  bareLineEnd: invalid('line feed without carriage return'),
  firstByte: invalid('does not begin like a request'),
  fields: invalid('malformed header field'),
  headTooLarge: fault('SLUICE_REQUEST_HEAD_TOO_LARGE', 'head too large'),
  targetTooLong: fault('SLUICE_REQUEST_TARGET_TOO_LONG', 'target too long'),
  tooManyFields: fault('SLUICE_REQUEST_HEAD_TOO_LARGE', 'too many header fields'),
  method: fault('SLUICE_REQUEST_UNSUPPORTED', 'unsupported method'),
  target: invalid('malformed target'),
  hostMissing: invalid('no Host'),
  hostRepeated: invalid('more than one Host'),
  host: invalid('malformed Host'),
  hostMismatch: invalid('Host and absolute target differ'),
  contentLength: invalid('malformed Content-Length'),
  contentLengthRepeated: invalid('more than one Content-Length'),
  bothFramings: invalid('Content-Length together with Transfer-Encoding'),
  codingVersion: invalid('Transfer-Encoding in HTTP/1.0'),
  coding: invalid('malformed Transfer-Encoding'),
  codingOrder: invalid('Transfer-Encoding that does not end in one chunked'),
  codingUnsupported: fault('SLUICE_REQUEST_UNSUPPORTED', 'unsupported transfer coding'),
  chunkSize: invalid('malformed chunk size'),
  chunkExtension: invalid('malformed or too long chunk extensions'),
  chunkEnd: invalid('chunk not ended by CRLF'),
  trailers: invalid('malformed trailers'),
  trailersTooLarge: fault('SLUICE_REQUEST_HEAD_TOO_LARGE', 'trailers too large'),
  statusLine: invalid('malformed status line'),
  closedInMessage: invalid('closed in the middle of a message'),
} as const;
