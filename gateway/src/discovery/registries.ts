import type { GatewayConfig, RegistryConfig } from '../config/schema-gateway.ts';
import type { ServiceRef } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type Clock, systemClock } from './clock.ts';
import { DNS_REGISTRY, DnsSource } from './dns.ts';
import { FileSource } from './file.ts';
import type { NacosSource } from './nacos/source.ts';
import type { EndpointListener, EndpointSource, SourceStatus, Subscription } from './source.ts';
import { STATIC_REGISTRY, StaticSource } from './static.ts';

export interface RegistryOptions {
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** From `loadNacos`; needed when a registry is of that type. */
  readonly nacos?: NacosClass | null;
}

export type NacosClass = typeof NacosSource;

/** The client of Nacos where the configuration has such a registry, else null: it brings gRPC with it, tens of MiB. */
export async function loadNacos({ registries }: Pick<GatewayConfig, 'registries'>): Promise<NacosClass | null> {
  const wanted = Object.values(registries).some(({ type }) => type === 'nacos');
  return wanted ? (await import('./nacos/source.ts')).NacosSource : null;
}

/** All endpoint sources of a gateway by the name of their registry. */
export class Registries {
  /** Lists of tenant files; its registry name is `STATIC_REGISTRY`. */
  readonly static: StaticSource;
  readonly #sources: ReadonlyMap<string, EndpointSource>;

  constructor(sources: ReadonlyMap<string, EndpointSource>, statics: StaticSource) {
    this.static = statics;
    this.#sources = new Map([...sources, [STATIC_REGISTRY, statics]]);
  }

  get(registry: string): EndpointSource | undefined {
    return this.#sources.get(registry);
  }

  /** @throws GatewayError when the registry of the service is not configured. */
  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    const source = this.#sources.get(ref.registry);
    if (source === undefined) {
      const detail = `service ${ref.name}: there is no registry named ${ref.registry}`;
      throw new GatewayError('SLUICE_CONFIG_INVALID', detail);
    }
    return source.subscribe(ref, listener);
  }

  /** In the order of the configuration, then DNS if a service is found by it, static lists last. */
  status(): SourceStatus[] {
    const all = Array.from(this.#sources.values(), (source) => source.status());
    return all.filter(({ type, services }) => type !== 'dns' || services.length > 0);
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sources.values(), (source) => source.close()));
  }
}

/**
 * Builds the sources of `registries`. Reads no file and opens no connection before it returns; nothing of a registry
 * that is away fails here.
 * @throws GatewayError when a registry has an impossible port.
 */
export function createRegistries(config: Pick<GatewayConfig, 'registries'>, options: RegistryOptions): Registries {
  const { log, clock = systemClock } = options;
  const parts = { log, clock, nacos: options.nacos ?? null };
  const entries = Object.entries(config.registries);
  // Configurations that cannot be must fail before the first source holds a watcher.
  const nacosFirst = entries.toSorted(([, a], [, b]) => Number(a.type === 'file') - Number(b.type === 'file'));
  const built = new Map(nacosFirst.map(([name, registry]) => [name, createSource(name, registry, parts)]));
  const sources = new Map(entries.map(([name]) => [name, built.get(name)!]));
  sources.set(DNS_REGISTRY, new DnsSource({ log, clock }));
  return new Registries(sources, new StaticSource({ log, clock }));
}

function createSource(
  registry: string,
  config: RegistryConfig,
  { log, clock, nacos }: Required<RegistryOptions>,
): EndpointSource {
  if (config.type === 'file') return new FileSource({ registry, path: config.path, clock, log });
  if (nacos === null) throw new Error('the client of Nacos was not loaded');
  return new nacos({ registry, config, clock, log });
}
