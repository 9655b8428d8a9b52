import { describeError, type ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';

/** Envoy's short flags for what the gateway reports, where Envoy has a word for it. */
const FLAGS: Partial<Record<ErrorCode, string>> = {
  SLUICE_REQUEST_TIMEOUT: 'RT',
  SLUICE_CLIENT_ABORTED: 'DC',
  SLUICE_ROUTE_DOMAIN_UNKNOWN: 'NR',
  SLUICE_ROUTE_NOT_FOUND: 'NR',
  SLUICE_TENANT_UNAVAILABLE: 'NC',
  SLUICE_LANE_NO_ENDPOINT: 'UH',
  SLUICE_UPSTREAM_NO_ENDPOINT: 'UH',
  SLUICE_GATEWAY_OVERLOADED: 'OM',
  SLUICE_QUOTA_RATE: 'RL',
  SLUICE_QUOTA_CONCURRENCY: 'RL',
  SLUICE_UPSTREAM_OVERLOADED: 'UO',
  SLUICE_UPSTREAM_CONNECT_FAILED: 'UF',
  SLUICE_UPSTREAM_CONNECT_TIMEOUT: 'UF',
  SLUICE_UPSTREAM_RESET: 'UC',
  SLUICE_UPSTREAM_PROTOCOL: 'UPE',
  SLUICE_UPSTREAM_TIMEOUT: 'UT',
  SLUICE_UPSTREAM_TRY_TIMEOUT: 'UT',
};

/** `response_flags` of an access log line: Envoy's flag, by the source of the error where there is none, '-' for none. */
export function responseFlags(error: ErrorCode | null): string {
  if (error === null) return '-';
  const flag = FLAGS[error];
  if (flag !== undefined) return flag;
  const source = describeError(error).source;
  if (source === 'client') return 'DPE';
  return source === 'upstream' ? 'UF' : 'LR';
}

/** Bit of each flag in Envoy's `response.flags`; `RT` is counted as a stream that was idle. */
const FLAG_BITS: Readonly<Record<string, number>> = {
  UH: 0x2,
  UT: 0x4,
  LR: 0x8,
  UF: 0x20,
  UC: 0x40,
  UO: 0x80,
  NR: 0x100,
  RL: 0x800,
  DC: 0x4000,
  RT: 0x10000,
  DPE: 0x40000,
  UPE: 0x800000,
  NC: 0x1000000,
  OM: 0x2000000,
};

/** The same as Envoy's set of bits; 0 for none. */
export function responseFlagBits(error: ErrorCode | null): number {
  return FLAG_BITS[responseFlags(error)] ?? 0;
}

/** The error's code with the words of whoever raised it; Envoy's words where nothing failed. */
export function responseCodeDetails({ error, details, upstreamMs }: Exchange): string {
  if (error !== null) return details === '' ? error : `${error}: ${details}`;
  if (details !== '') return details;
  return upstreamMs < 0 ? 'direct_response' : 'via_upstream';
}

const TRANSPORT_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SLUICE_UPSTREAM_CONNECT_FAILED',
  'SLUICE_UPSTREAM_CONNECT_TIMEOUT',
  'SLUICE_UPSTREAM_RESET',
  'SLUICE_UPSTREAM_PROTOCOL',
]);

/** True for failures of the connection to an endpoint, as opposed to answers that are late or missing. */
export function isTransportError(error: ErrorCode): boolean {
  return TRANSPORT_ERRORS.has(error);
}
