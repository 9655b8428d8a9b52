import { Resolver } from 'node:dns/promises';
import { type ServiceRef, serviceRefKey } from '../core/endpoint.ts';
import type { Log } from '../core/log.ts';
import type { Clock } from './clock.ts';
import {
  DnsQuestions,
  type Families,
  type HostLookup,
  machineFamilies,
  machineLookup,
  QuestionGate,
} from './dns-answers.ts';
import { DnsService } from './dns-service.ts';
import { SubscriptionHub } from './hub.ts';
import type { EndpointListener, EndpointSource, SourceStatus, Subscription } from './source.ts';

/** Name of the registry of services that tenant files find by DNS; see `dnsServiceRef`. */
export const DNS_REGISTRY = 'dns';

/** A server that is alive answers within this time; a packet may be lost. */
const TIMEOUT_MS = 2_000;
const TRIES = 2;
/** Questions under way. With thousands at once, packets are lost in the buffers of sockets and waited for in vain. */
const CONCURRENCY = 128;

export interface DnsSourceOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Default: one that asks the servers of the machine. The source cancels its questions when it closes. */
  readonly resolver?: Resolver;
  /** Default: that of the operating system. */
  readonly lookup?: HostLookup;
  /** Default: those of the machine's interfaces. */
  readonly families?: Families;
}

/**
 * A service found by DNS: the A and AAAA records of `name` with this port, or without port its SRV records. Tenants that
 * name the same share it; `group` of the ref is the port, or ''.
 */
export function dnsServiceRef(name: string, port: number | undefined): ServiceRef {
  return {
    registry: DNS_REGISTRY,
    namespace: '',
    group: port === undefined ? '' : String(port),
    name: name.toLowerCase(),
  };
}

/** Names of DNS, asked for again as their answers run out. */
export class DnsSource implements EndpointSource {
  readonly #options: DnsSourceOptions;
  readonly #resolver: Resolver;
  readonly #gate = new QuestionGate(CONCURRENCY);
  readonly #lookup: HostLookup;
  readonly #hub: SubscriptionHub;
  readonly #services = new Map<string, DnsService>();
  #connected = true;
  #since: number;

  constructor(options: DnsSourceOptions) {
    const { log, clock } = options;
    this.#options = options;
    this.#resolver = options.resolver ?? new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    this.#lookup = options.lookup ?? machineLookup();
    this.#since = clock.now();
    this.#hub = new SubscriptionHub({
      log,
      clock,
      opened: (ref) => this.#open(ref),
      closed: (ref) => this.#close(ref),
    });
  }

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    return this.#hub.subscribe(ref, listener);
  }

  status(): SourceStatus {
    const failing = this.#failing();
    const services = this.#hub.statuses().map((status) => {
      const lastError = this.#services.get(serviceRefKey(status.ref))?.lastError ?? '';
      return { ...status, lastError };
    });
    return {
      registry: DNS_REGISTRY,
      type: 'dns',
      connected: failing === undefined,
      server: this.#resolver.getServers().join(', '),
      since: this.#since,
      lastError: failing?.lastError ?? '',
      services,
    };
  }

  close(): Promise<void> {
    this.#hub.close();
    for (const service of this.#services.values()) service.close();
    this.#services.clear();
    this.#gate.close();
    this.#resolver.cancel();
    return Promise.resolve();
  }

  #open(ref: ServiceRef): void {
    const { clock, log, families = machineFamilies } = this.#options;
    const target = { name: ref.name, port: ref.group === '' ? null : Number(ref.group) };
    const asking = { resolver: this.#resolver, gate: this.#gate, lookup: this.#lookup, families };
    const questions = new DnsQuestions(target, asking);
    const service = new DnsService({
      ref,
      questions,
      clock,
      log,
      publish: (...news) => this.#hub.publish(...news),
      changed: () => this.#noteConnected(),
    });
    this.#services.set(serviceRefKey(ref), service);
    service.start();
  }

  #close(ref: ServiceRef): void {
    const key = serviceRefKey(ref);
    this.#services.get(key)?.close();
    this.#services.delete(key);
    this.#noteConnected();
  }

  #failing(): DnsService | undefined {
    return this.#services.values().find((service) => service.failing);
  }

  #noteConnected(): void {
    const connected = this.#failing() === undefined;
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#since = this.#options.clock.now();
  }
}
