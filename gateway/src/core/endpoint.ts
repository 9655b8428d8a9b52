/** One instance of a service as a registry describes it. Plain data: it crosses threads by structured clone. */
export interface EndpointRecord {
  /** IP address or host name, without brackets. */
  readonly address: string;
  readonly port: number;
  /** Share of traffic relative to the others; 0 = gets none. Finite, ≥ 0. */
  readonly weight: number;
  /** The registry's word; an unhealthy endpoint stays listed but is not picked. */
  readonly healthy: boolean;
  /** Registry's cluster (zone or room); '' where there is none. */
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A service in a registry. Fields that the registry does not know are ''. */
export interface ServiceRef {
  readonly registry: string;
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
}

/** How much a list of endpoints can be trusted. */
export type EndpointsState =
  /** As the registry says it now. */
  | 'fresh'
  /** The registry is out of reach; last known list. */
  | 'stale'
  /** Endpoints that disappeared from the registry suspiciously are held back for a bounded time. */
  | 'held';

/** All endpoints of one service at one moment; always the whole list. */
export interface EndpointList {
  readonly endpoints: readonly EndpointRecord[];
  readonly state: EndpointsState;
}

/** `ip:port` as logs and metrics show it; IPv6 in brackets. */
export function formatAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The reverse of `formatAddress`; null when `text` is not `host:port` with a port from 1 to 65535. */
export function parseAddress(text: string): { readonly address: string; readonly port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  return port < 1 || port > 65_535 ? null : { address: match![1] ?? match![2]!, port };
}

/** Key under which a service is known inside the process. Separator is a byte that no part may contain. */
export function serviceRefKey(ref: ServiceRef): string {
  return `${ref.registry}\n${ref.namespace}\n${ref.group}\n${ref.name}`;
}
