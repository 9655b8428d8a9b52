import type { ServiceConfig } from '../config/schema-tenant.ts';
import type { EndpointRecord, ServiceRef } from '../core/endpoint.ts';
import type { Log } from '../core/log.ts';
import { requireAddress } from './address.ts';
import type { Clock } from './clock.ts';
import { SubscriptionHub } from './hub.ts';
import { canonical } from './records.ts';
import type { EndpointListener, EndpointSource, SourceStatus, Subscription } from './source.ts';

/** Name of the registry of services that are listed in tenant files; `namespace` of their refs is the tenant. */
export const STATIC_REGISTRY = 'static';

/** Endpoints of a `static` list of a tenant file. @throws GatewayError when an address has no valid port. */
export function staticEndpoints(list: NonNullable<ServiceConfig['static']>): EndpointRecord[] {
  const records = list.map(({ address, weight, metadata }) => ({
    ...requireAddress(address),
    weight,
    healthy: true,
    cluster: '',
    metadata,
  }));
  return canonical(records);
}

/** Lists of configuration. They change only when a tenant file does. */
export class StaticSource implements EndpointSource {
  readonly #hub: SubscriptionHub;
  readonly #tenants = new Map<string, ReadonlyMap<string, readonly EndpointRecord[]>>();
  readonly #since: number;

  constructor(options: { readonly log: Log; readonly clock: Clock }) {
    this.#since = options.clock.now();
    this.#hub = new SubscriptionHub({ ...options, opened: (ref) => this.#publish(ref), closed: () => {} });
  }

  /**
   * Replaces all lists of a tenant; a service that is no longer among them becomes empty. Call it before the services are
   * subscribed: one that is not known yet answers with an empty list.
   */
  replace(tenant: string, services: ReadonlyMap<string, readonly EndpointRecord[]>): void {
    if (services.size === 0) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, services);
    for (const ref of this.#hub.refs()) if (ref.namespace === tenant) this.#publish(ref);
  }

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    return this.#hub.subscribe(ref, listener);
  }

  status(): SourceStatus {
    return {
      registry: STATIC_REGISTRY,
      type: 'static',
      connected: true,
      server: '',
      since: this.#since,
      lastError: '',
      services: this.#hub.statuses(),
    };
  }

  close(): Promise<void> {
    this.#hub.close();
    return Promise.resolve();
  }

  #publish(ref: ServiceRef): void {
    this.#hub.publish(ref, this.#tenants.get(ref.namespace)?.get(ref.name) ?? [], 'fresh');
  }
}
