import { type EndpointRecord, formatAddress } from '../core/endpoint.ts';

/** Connections to one endpoint, owned by the upstream client that made them. */
export interface ConnectionPool {
  /** Closes idle connections now and each busy one when its request is over. Takes no new request. */
  close(): void;
}

/** What a registry writes into the metadata of an instance that speaks https. */
const SECURE_KEY = 'secure';

/** https when the service says so or the instance does (`secure=true`, as Spring Cloud Alibaba registers it). */
export function endpointScheme(serviceScheme: 'http' | 'https', record: EndpointRecord): 'http' | 'https' {
  return record.metadata[SECURE_KEY] === 'true' ? 'https' : serviceScheme;
}

/**
 * One instance of a service as the data plane sees it: long-lived, carried over from one endpoint list to the next, so
 * that connections and counters survive a push. Owned by one cluster.
 */
export class Endpoint {
  /** `ip:port` as logs and metrics show it. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** The registry's latest word; replaced whole by a push. */
  record: EndpointRecord;
  /** Tags of the lanes it belongs to. */
  lanes: readonly string[] = [];
  /** Serves traffic without a tag. */
  baseline = true;
  /** Attempts under way, counted by whoever sends them; P2C goes by it. */
  inFlight = 0;
  /** Gone from the list: it finishes what it has and gets nothing new. */
  draining = false;
  /** Made by the client of HTTP/1.1 on the first attempt. */
  pool: ConnectionPool | null = null;
  /** Made by the client of gRPC on the first call. */
  http2: ConnectionPool | null = null;

  constructor(record: EndpointRecord, scheme: 'http' | 'https') {
    this.record = record;
    this.scheme = scheme;
    this.address = formatAddress(record.address, record.port);
  }

  /** May be picked: the registry calls it healthy and gives it weight. */
  get usable(): boolean {
    return this.record.healthy && this.record.weight > 0 && !this.draining;
  }

  /** Takes it out of service for good. What is in flight goes on; idle connections close. */
  drain(): void {
    this.draining = true;
    this.pool?.close();
    this.http2?.close();
  }
}
