import type { EndpointList, EndpointsState, ServiceRef } from '../core/endpoint.ts';

/** Receives the whole list of a service: once as soon as the first answer is in (also an empty one), then per real change. */
export type EndpointListener = (list: EndpointList) => void;

/** One listener's interest in one service. */
export interface Subscription {
  /** The listener is not called again. Twice is harmless. */
  close(): void;
}

/** One subscribed service as admin and readiness see it. */
export interface ServiceStatus {
  readonly ref: ServiceRef;
  /** `pending` until the first answer is in. */
  readonly state: 'pending' | EndpointsState;
  readonly endpoints: number;
  readonly healthy: number;
  /** Epoch milliseconds of the last change of list or state. */
  readonly since: number;
  /** The registry found too few healthy instances and reports all of them as healthy. */
  readonly protectThreshold: boolean;
  /** Why the last request for this service failed; '' when it did not. */
  readonly lastError: string;
}

/** One registry as admin and readiness see it. */
export interface SourceStatus {
  readonly registry: string;
  readonly type: 'static' | 'dns' | 'file' | 'nacos';
  /** Every connection or file that the subscribed services need is there now. */
  readonly connected: boolean;
  /** Server or file in use, several with comma; '' for none. */
  readonly server: string;
  /** Epoch milliseconds since when `connected` holds its value. */
  readonly since: number;
  /** Why it is not connected, or what it complains about; '' when all is well. Free of secrets. */
  readonly lastError: string;
  readonly services: readonly ServiceStatus[];
}

/**
 * Where endpoints come from. All sources promise:
 * - Listeners are never called from inside `subscribe`. One that comes late gets the current list in a microtask.
 * - Subscribers of one service share one subscription at the registry; the last that closes ends it.
 * - A list equal to the one before (whatever its order) is not news and is dropped.
 * - A source that is out of reach keeps what it knows as `stale`; one that was never in reach leaves its services
 *   `pending` and keeps trying.
 */
export interface EndpointSource {
  /** Never fails: a service that the registry does not know is an empty list. */
  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription;
  status(): SourceStatus;
  /** Ends all subscriptions, releases sockets, files and timers, and answers no later ones. Twice is harmless. */
  close(): Promise<void>;
}
