import { type EndpointRecord, type EndpointsState, formatAddress, type ServiceRef } from '../../core/endpoint.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Cancel, Clock } from '../clock.ts';
import { canonical } from '../records.ts';
import type { ServiceInfo } from './messages.ts';

export interface ServiceOptions {
  readonly ref: ServiceRef;
  readonly clock: Clock;
  readonly log: Log;
  readonly publish: (ref: ServiceRef, endpoints: readonly EndpointRecord[], state: EndpointsState) => void;
}

/**
 * What is believed of one Nacos service, and how news become belief:
 *
 * - A list older than the one held is dropped. Clocks of servers differ, so the guard starts anew with each connection.
 * - Endpoints that disappear suspiciously are kept beside those that are listed, for `LIMITS.emptyListHoldMs` at most:
 *   those that a new connection does not list (a restarted registry knows nobody yet, and its providers come back one by
 *   one) until each is listed again, and those of a list of two or more that is empty in one step until it is not.
 *   What leaves a list otherwise, the last endpoint included, leaves in order and at once.
 * - Without connection the last list stays, as long as it takes.
 */
export class NacosService {
  readonly ref: ServiceRef;
  readonly #options: ServiceOptions;
  /** What the registry listed last; null before its first answer. */
  #listed: readonly EndpointRecord[] | null = null;
  /** Believed although the registry does not list them. */
  #kept: readonly EndpointRecord[] = [];
  /** What is kept waits for providers to come back, so that a list of others is no reason to let it go. */
  #returning = false;
  #lastRefTime = 0;
  #answered = false;
  #cancelHold: Cancel | null = null;
  #protectThreshold = false;
  /** Why the last request for the service failed; '' when it did not. */
  lastError = '';

  constructor(options: ServiceOptions) {
    this.ref = options.ref;
    this.#options = options;
  }

  get protectThreshold(): boolean {
    return this.#protectThreshold;
  }

  /** A new connection serves; its first answer may be anything. */
  connected(): void {
    this.#lastRefTime = 0;
    this.#answered = false;
  }

  /** There is no connection: what is known stays. */
  disconnected(): void {
    this.close();
    if (this.#listed !== null) this.#options.publish(this.ref, this.#believed(), 'stale');
  }

  /** Takes an answer or push of the serving connection. */
  accept(info: ServiceInfo): void {
    if (info.lastRefTime < this.#lastRefTime) return;
    this.#lastRefTime = info.lastRefTime;
    this.lastError = info.refused === 0 ? '' : `${info.refused} instances without usable address, port or weight`;
    this.#noteThreshold(info.protectThreshold);
    this.#kept = without(this.#suspects(info.endpoints), info.endpoints);
    this.#listed = info.endpoints;
    this.#answered = true;
    if (this.#kept.length > 0) this.#hold();
    else this.#apply();
  }

  /** Stops the timer. */
  close(): void {
    this.#cancelHold?.();
    this.#cancelHold = null;
  }

  /** Endpoints whose absence from the list would be suspicious. */
  #suspects(list: readonly EndpointRecord[]): readonly EndpointRecord[] {
    if (!this.#answered) {
      this.#returning = true;
      return this.#believed();
    }
    if (list.length === 0) return (this.#listed?.length ?? 0) > 1 ? this.#believed() : this.#kept;
    return this.#returning ? this.#kept : [];
  }

  #believed(): readonly EndpointRecord[] {
    return this.#kept.length === 0 ? (this.#listed ?? []) : canonical([...(this.#listed ?? []), ...this.#kept]);
  }

  #hold(): void {
    const { clock, log, publish } = this.#options;
    if (this.#cancelHold === null) {
      const { name: service, namespace } = this.ref;
      const counts = { listed: this.#listed?.length ?? 0, kept: this.#kept.length, holdMs: LIMITS.emptyListHoldMs };
      log.warn(
        { service, namespace, ...counts },
        'nacos: endpoints disappeared at once; they are held back for a while',
      );
      this.#cancelHold = clock.after(LIMITS.emptyListHoldMs, () => {
        const dropped = this.#kept.length;
        log.warn({ service, namespace, dropped }, 'nacos: endpoints did not come back; they are dropped');
        this.#kept = [];
        this.#apply();
      });
    }
    publish(this.ref, this.#believed(), 'held');
  }

  #apply(): void {
    this.close();
    this.#returning = false;
    this.#options.publish(this.ref, this.#listed ?? [], 'fresh');
  }

  #noteThreshold(reached: boolean): void {
    if (reached && !this.#protectThreshold) {
      const fields = { service: this.ref.name, namespace: this.ref.namespace };
      this.#options.log.warn(fields, 'nacos: protect threshold reached; unhealthy instances are reported as healthy');
    }
    this.#protectThreshold = reached;
  }
}

/** Those of `endpoints` whose address is not among `others`. */
function without(endpoints: readonly EndpointRecord[], others: readonly EndpointRecord[]): readonly EndpointRecord[] {
  if (endpoints.length === 0) return endpoints;
  const addresses = new Set(others.map(addressOf));
  return endpoints.filter((endpoint) => !addresses.has(addressOf(endpoint)));
}

function addressOf({ address, port }: EndpointRecord): string {
  return formatAddress(address, port);
}
