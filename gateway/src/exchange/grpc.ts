import type { HeaderList } from './headers.ts';

/** True for gRPC proper, whatever its message format; gRPC-Web callers understand HTTP statuses. */
const GRPC_TYPE = /^application\/grpc(?:[+;]|$)/i;

/** The sender of these fields speaks gRPC. */
export function isGrpc(headers: HeaderList): boolean {
  const type = headers.get('content-type');
  return type !== undefined && GRPC_TYPE.test(type);
}

/**
 * HTTP status → gRPC status: the gRPC project's http-grpc-status-mapping, but with the exact words for what was late
 * (DEADLINE_EXCEEDED) or too large (RESOURCE_EXHAUSTED).
 */
export function grpcStatusOf(status: number): number {
  switch (status) {
    case 200:
      return 0;
    case 400:
    case 431:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 413:
      return 8;
    case 429:
    case 502:
    case 503:
      return 14;
    case 504:
      return 4;
    default:
      return 2;
  }
}

/** Everything but printable ASCII, and the percent sign. */
const ESCAPED = /[^ -$&-~]/;

/** Bytes as `grpc-message` carries them: percent-encoded where they are not printable. */
export function grpcMessage(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!ESCAPED.test(text)) return text;
  let message = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    message += ESCAPED.test(char) ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : char;
  }
  return message;
}
