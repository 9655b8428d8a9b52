import type { EndpointRecord, EndpointsState, ServiceRef } from '../../core/endpoint.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Cancel, Clock } from '../clock.ts';
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
 * - An empty list is held back for `LIMITS.emptyListHoldMs` when it is suspicious: two or more endpoints gone in one
 *   step, or the first answer of a connection (a registry that was restarted knows nobody yet). The last endpoint
 *   leaving by itself is an orderly end and applies at once.
 * - Without connection the last list stays, as long as it takes.
 */
export class NacosService {
  readonly ref: ServiceRef;
  readonly #options: ServiceOptions;
  #endpoints: readonly EndpointRecord[] | null = null;
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

  /** There is no connection: what is known stays, an empty list that is held is forgotten. */
  disconnected(): void {
    this.close();
    if (this.#endpoints !== null) this.#options.publish(this.ref, this.#endpoints, 'stale');
  }

  /** Takes an answer or push of the serving connection. */
  accept(info: ServiceInfo): void {
    if (info.lastRefTime < this.#lastRefTime) return;
    this.#lastRefTime = info.lastRefTime;
    this.lastError = info.refused === 0 ? '' : `${info.refused} instances without usable address, port or weight`;
    this.#noteThreshold(info.protectThreshold);
    const suspicious = info.endpoints.length === 0 && this.#isSuspicious();
    this.#answered = true;
    if (suspicious) this.#hold();
    else this.#apply(info.endpoints);
  }

  /** Stops the timer. */
  close(): void {
    this.#cancelHold?.();
    this.#cancelHold = null;
  }

  #isSuspicious(): boolean {
    const known = this.#endpoints?.length ?? 0;
    return known > 0 && (known > 1 || !this.#answered || this.#cancelHold !== null);
  }

  #hold(): void {
    if (this.#cancelHold !== null) return;
    const { clock, log, publish } = this.#options;
    const fields = { service: this.ref.name, namespace: this.ref.namespace, holdMs: LIMITS.emptyListHoldMs };
    log.warn(fields, 'nacos: a service became empty at once; its endpoints are held back for a while');
    this.#cancelHold = clock.after(LIMITS.emptyListHoldMs, () => {
      log.warn(fields, 'nacos: a service is still empty; its endpoints are dropped');
      this.#apply([]);
    });
    publish(this.ref, this.#endpoints ?? [], 'held');
  }

  #apply(endpoints: readonly EndpointRecord[]): void {
    this.close();
    this.#endpoints = endpoints;
    this.#options.publish(this.ref, endpoints, 'fresh');
  }

  #noteThreshold(reached: boolean): void {
    if (reached && !this.#protectThreshold) {
      const fields = { service: this.ref.name, namespace: this.ref.namespace };
      this.#options.log.warn(fields, 'nacos: protect threshold reached; unhealthy instances are reported as healthy');
    }
    this.#protectThreshold = reached;
  }
}
