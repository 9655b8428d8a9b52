import type { EndpointRecord, EndpointsState, ServiceRef } from '../core/endpoint.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { type Cancel, type Clock, jitter } from './clock.ts';
import type { DnsAnswer, DnsQuestions } from './dns-answers.ts';

export interface DnsServiceOptions {
  readonly ref: ServiceRef;
  readonly questions: DnsQuestions;
  readonly clock: Clock;
  readonly log: Log;
  readonly publish: (ref: ServiceRef, endpoints: readonly EndpointRecord[], state: EndpointsState) => void;
  /** `failing` has a new value. */
  readonly changed: () => void;
}

/** Wait after the first failure; doubles with each in a row. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Late by up to a tenth, never early: a cache on the way would answer once more with what is about to end. */
const SPREAD = 0.05;

/**
 * What is believed of one name, and when it is asked for again:
 *
 * - An answer holds for its TTL, between `LIMITS.dnsTtlMinMs` and `LIMITS.dnsTtlMaxMs`.
 * - A name that had endpoints and now has none keeps them as `held`, for `LIMITS.emptyListHoldMs` at most.
 * - Without an answer the last list stays, as long as it takes.
 */
export class DnsService {
  readonly ref: ServiceRef;
  readonly #options: DnsServiceOptions;
  #list: readonly EndpointRecord[] | null = null;
  /** Since when DNS has said that nothing is left of the list. */
  #emptySince: number | null = null;
  #failures = 0;
  #cancel: Cancel = () => {};
  #closed = false;
  #failing = false;
  #lastError = '';

  constructor(options: DnsServiceOptions) {
    this.ref = options.ref;
    this.#options = options;
  }

  /** The last round left the list, or a part of it, without an answer. */
  get failing(): boolean {
    return this.#failing;
  }

  /** What the last round could not ask, and why; '' when it could ask all. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Asks now, and from then on whenever it is time. */
  start(): void {
    void this.#round();
  }

  /** Asks and publishes no more. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    const answer = await this.#options.questions.ask().catch((error: Error) => error);
    if (this.#closed) return;
    if (answer instanceof Error) this.#failed(answer.message);
    else this.#accept(answer);
  }

  #accept({ endpoints, ttlMs, complaint, stale }: DnsAnswer): void {
    this.#note(stale, complaint);
    if (endpoints.length === 0) {
      this.#emptied();
      return;
    }
    this.#emptySince = null;
    this.#list = endpoints;
    this.#options.publish(this.ref, endpoints, stale ? 'stale' : 'fresh');
    if (stale) this.#retry();
    else this.#again(Math.min(Math.max(ttlMs, LIMITS.dnsTtlMinMs), LIMITS.dnsTtlMaxMs));
  }

  #failed(reason: string): void {
    this.#note(true, reason);
    if (this.#list !== null) this.#options.publish(this.ref, this.#list, 'stale');
    this.#retry();
  }

  /** DNS says that there is nothing. */
  #emptied(): void {
    const { clock, log, publish } = this.#options;
    const kept = this.#list ?? [];
    const fields = { service: this.ref.name, endpoints: kept.length, holdMs: LIMITS.emptyListHoldMs };
    if (kept.length > 0 && this.#emptySince === null) {
      log.warn(fields, 'dns: a name has no records any more; its endpoints are held for a while');
      this.#emptySince = clock.now();
    }
    const left = (this.#emptySince ?? 0) + LIMITS.emptyListHoldMs - clock.now();
    if (kept.length > 0 && left > 0) {
      publish(this.ref, kept, 'held');
      this.#again(Math.min(left, LIMITS.dnsEmptyRefreshMs));
      return;
    }
    if (kept.length > 0) log.warn(fields, 'dns: a name got no records again; its endpoints are dropped');
    this.#emptySince = null;
    this.#list = [];
    publish(this.ref, [], 'fresh');
    this.#again(LIMITS.dnsEmptyRefreshMs);
  }

  #retry(): void {
    const delay = Math.min(RETRY_MS * 2 ** this.#failures, RETRY_MAX_MS);
    this.#failures += 1;
    this.#again(delay);
  }

  #again(delay: number): void {
    const { clock } = this.#options;
    this.#cancel = clock.after(jitter(clock, delay * (1 + SPREAD), SPREAD), () => void this.#round());
  }

  #note(failing: boolean, reason: string): void {
    this.#lastError = reason;
    if (!failing) this.#failures = 0;
    if (failing === this.#failing) return;
    this.#failing = failing;
    const { log, changed } = this.#options;
    const service = this.ref.name;
    if (failing) log.warn({ service, reason }, 'dns: a name cannot be asked for; what is known of it stays');
    else log.info({ service }, 'dns: a name is answered again');
    changed();
  }
}
