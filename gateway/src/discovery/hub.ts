import {
  type EndpointList,
  type EndpointRecord,
  type EndpointsState,
  type ServiceRef,
  serviceRefKey,
} from '../core/endpoint.ts';
import type { Log } from '../core/log.ts';
import type { Clock } from './clock.ts';
import { sameLists } from './records.ts';
import type { EndpointListener, ServiceStatus, Subscription } from './source.ts';

interface Subscriber {
  readonly listener: EndpointListener;
  /** The list it was called with last. */
  seen: EndpointList | null;
}

interface Entry {
  readonly ref: ServiceRef;
  readonly subscribers: Set<Subscriber>;
  list: EndpointList | null;
  since: number;
}

export interface HubOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** A service has its first subscriber. May publish at once. */
  readonly opened: (ref: ServiceRef) => void;
  /** A service lost its last subscriber; its list is forgotten. */
  readonly closed: (ref: ServiceRef) => void;
}

/** The half that all sources share: who listens to what, what each has seen, and what is news. */
export class SubscriptionHub {
  readonly #options: HubOptions;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    if (this.#closed) return { close: () => {} };
    const key = serviceRefKey(ref);
    let entry = this.#entries.get(key);
    const first = entry === undefined;
    entry ??= { ref, subscribers: new Set(), list: null, since: this.#options.clock.now() };
    this.#entries.set(key, entry);
    const subscriber: Subscriber = { listener, seen: null };
    if (first) this.#options.opened(ref);
    // Joined only now: what `opened` published reaches it as it reaches a late subscriber.
    entry.subscribers.add(subscriber);
    queueMicrotask(() => this.#deliver(entry, subscriber));
    return { close: () => this.#leave(key, entry, subscriber) };
  }

  /** Hands a list to everyone who subscribed to the service, unless it is the one they have. */
  publish(ref: ServiceRef, endpoints: readonly EndpointRecord[], state: EndpointsState): void {
    const entry = this.#entries.get(serviceRefKey(ref));
    if (entry === undefined) return;
    const list: EndpointList = { endpoints, state };
    if (entry.list !== null && sameLists(entry.list, list)) return;
    entry.list = list;
    entry.since = this.#options.clock.now();
    for (const subscriber of entry.subscribers) this.#deliver(entry, subscriber);
  }

  /** Services with at least one subscriber. */
  refs(): ServiceRef[] {
    return Array.from(this.#entries.values(), (entry) => entry.ref);
  }

  /** State of every subscribed service, as far as all sources know it alike. */
  statuses(): ServiceStatus[] {
    return Array.from(this.#entries.values(), ({ ref, list, since }) => ({
      ref,
      state: list?.state ?? ('pending' as const),
      endpoints: list?.endpoints.length ?? 0,
      healthy: list?.endpoints.reduce((count, endpoint) => count + (endpoint.healthy ? 1 : 0), 0) ?? 0,
      since,
      protectThreshold: false,
      lastError: '',
    }));
  }

  /** Forgets all subscribers without telling `closed`, and takes no new ones. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.subscribers.clear();
    this.#entries.clear();
  }

  #deliver(entry: Entry, subscriber: Subscriber): void {
    const list = entry.list;
    if (list === null || subscriber.seen === list || !entry.subscribers.has(subscriber)) return;
    subscriber.seen = list;
    try {
      subscriber.listener(list);
    } catch (error) {
      this.#options.log.error({ service: entry.ref.name, err: error }, 'a listener of endpoints failed');
    }
  }

  #leave(key: string, entry: Entry, subscriber: Subscriber): void {
    if (!entry.subscribers.delete(subscriber) || entry.subscribers.size > 0) return;
    this.#entries.delete(key);
    this.#options.closed(entry.ref);
  }
}
