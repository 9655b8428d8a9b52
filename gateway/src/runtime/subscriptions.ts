import type { TenantConfig } from '../config/schema-tenant.ts';
import { type EndpointList, type ServiceRef, serviceRefKey } from '../core/endpoint.ts';
import { dnsServiceRef } from '../discovery/dns.ts';
import type { Registries } from '../discovery/registries.ts';
import type { Subscription } from '../discovery/source.ts';
import { STATIC_REGISTRY, staticEndpoints } from '../discovery/static.ts';
import { servicesOf } from './build.ts';

/** One service as one tenant uses it. */
export interface SubscribedService {
  readonly tenant: string;
  readonly service: string;
  readonly ref: ServiceRef;
  /** null until the registry has answered. */
  readonly list: EndpointList | null;
}

/** Receives each new list of a tenant's service. */
export type EndpointsListener = (tenant: string, service: string, list: EndpointList) => void;

interface Entry {
  readonly ref: ServiceRef;
  subscription: Subscription;
  list: EndpointList | null;
  /** Nobody waits for the first list any longer. */
  late: boolean;
}

/** Where a service of a tenant is looked up: its own words first, then the tenant's `discovery`. */
export function serviceRefOf(config: TenantConfig, service: string): ServiceRef {
  const own = config.services[service];
  if (own?.static !== undefined) {
    return { registry: STATIC_REGISTRY, namespace: config.tenant, group: '', name: service };
  }
  if (own?.dns !== undefined) return dnsServiceRef(own.dns, own.port);
  return {
    registry: own?.registry ?? config.discovery?.registry ?? '',
    namespace: own?.namespace ?? config.discovery?.namespace ?? '',
    group: own?.group ?? config.discovery?.group ?? '',
    name: own?.name ?? service,
  };
}

/** The services of all tenants, subscribed at their registries. */
export class Subscriptions {
  readonly #registries: Registries;
  readonly #listener: EndpointsListener;
  readonly #tenants = new Map<string, Map<string, Entry>>();

  constructor(registries: Registries, listener: EndpointsListener) {
    this.#registries = registries;
    this.#listener = listener;
  }

  /** Follows a tenant's new configuration. Services that stay keep their subscription and list. */
  replace(config: TenantConfig): void {
    const { tenant } = config;
    const refs = new Map(servicesOf(config).map((service) => [service, serviceRefOf(config, service)]));
    const before = this.#tenants.get(tenant) ?? new Map<string, Entry>();
    // First, so that nobody hears that what is dropped is empty: the old configuration may be in force for a while.
    for (const [service, { ref, subscription }] of before) {
      const next = refs.get(service);
      if (next !== undefined && serviceRefKey(ref) === serviceRefKey(next)) continue;
      subscription.close();
      before.delete(service);
    }
    this.#registries.static.replace(tenant, staticServices(config));
    const after = new Map<string, Entry>();
    this.#tenants.set(tenant, after);
    for (const [service, ref] of refs) after.set(service, before.get(service) ?? this.#open(tenant, service, ref));
  }

  remove(tenant: string): void {
    for (const entry of this.#tenants.get(tenant)?.values() ?? []) entry.subscription.close();
    this.#tenants.delete(tenant);
    this.#registries.static.replace(tenant, new Map());
  }

  /** Whether the first list of a service of this tenant is worth waiting for. */
  awaits(tenant: string): boolean {
    return [...(this.#tenants.get(tenant)?.values() ?? [])].some(({ list, late }) => list === null && !late);
  }

  /** From now on nobody waits for the first lists of the services that this tenant has now. */
  giveUp(tenant: string): void {
    for (const entry of this.#tenants.get(tenant)?.values() ?? []) entry.late = true;
  }

  /** The current list of a tenant's service; null when there is none yet. */
  list(tenant: string, service: string): EndpointList | null {
    return this.#tenants.get(tenant)?.get(service)?.list ?? null;
  }

  services(): SubscribedService[] {
    return [...this.#tenants].flatMap(([tenant, entries]) =>
      [...entries].map(([service, { ref, list }]) => ({ tenant, service, ref, list })),
    );
  }

  #open(tenant: string, service: string, ref: ServiceRef): Entry {
    const subscription = this.#registries.subscribe(ref, (list) => {
      entry.list = list;
      this.#listener(tenant, service, list);
    });
    // Listeners are never called from inside `subscribe`.
    const entry: Entry = { ref, subscription, list: null, late: false };
    return entry;
  }
}

function staticServices(config: TenantConfig) {
  const services = new Map<string, ReturnType<typeof staticEndpoints>>();
  for (const [name, service] of Object.entries(config.services)) {
    if (service.static !== undefined) services.set(name, staticEndpoints(service.static));
  }
  return services;
}
