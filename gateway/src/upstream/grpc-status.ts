/** Statuses of gRPC that the gateway itself gives. */
export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** By HTTP status, of an answer that has no gRPC status. */
const BY_HTTP: ReadonlyMap<number, number> = new Map<number, number>([
  [400, GrpcStatus.internal],
  [401, GrpcStatus.unauthenticated],
  [403, GrpcStatus.permissionDenied],
  [404, GrpcStatus.unimplemented],
  [429, GrpcStatus.unavailable],
  [502, GrpcStatus.unavailable],
  [503, GrpcStatus.unavailable],
  [504, GrpcStatus.unavailable],
]);

/** By error code of HTTP/2, of a stream that was reset; those of the peer's or our own mistakes are internal. */
const BY_RESET: ReadonlyMap<number, number> = new Map<number, number>([
  // REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY
  [7, GrpcStatus.unavailable],
  [8, GrpcStatus.cancelled],
  [11, GrpcStatus.resourceExhausted],
  [12, GrpcStatus.permissionDenied],
]);

export function statusOfHttp(status: number): number {
  return BY_HTTP.get(status) ?? GrpcStatus.unknown;
}

export function statusOfReset(code: number): number {
  return BY_RESET.get(code) ?? GrpcStatus.internal;
}

/** `grpc-status` as it stands in a field; what is no status is `unknown`. */
export function readStatus(text: string): number {
  const status = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  return status >= 0 && status <= GrpcStatus.unauthenticated ? status : GrpcStatus.unknown;
}

/** `grpc-message` with its percent encoding undone: bytes as latin1. What is no encoding stays as it is. */
export function readMessage(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** First value of a lower-case name in flat pairs. */
export function valueOf(pairs: readonly string[], name: string): string | undefined {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1];
  return undefined;
}
