import type { ServiceConfig, TenantConfig } from '../config/schema-tenant.ts';

/** Parts of a host that say where a service was found, not how it is called. */
const SUFFIXES = ['.svc.cluster.local', '.static', '.dns', '.nacos', '.consul'];

/** Names under which plugins written for Envoy and Higress know the services of a tenant. */
export class ServiceNames {
  readonly #clusters: ReadonlyMap<string, string>;
  readonly #hosts = new Map<string, string>();
  readonly #config: TenantConfig;

  /** @param services names of the tenant's services */
  constructor(config: TenantConfig, services: readonly string[]) {
    this.#config = config;
    const clusters = new Map<string, string>();
    for (const service of services) {
      const { host, port } = meshAddress(config, service);
      clusters.set(service, `outbound|${port}||${host}`);
      this.#hosts.set(host, service);
    }
    for (const service of services) this.#hosts.set(service, service);
    this.#clusters = clusters;
  }

  /** Such as `outbound|80||orders.static`; '' for a service that the tenant does not have. */
  clusterOf(service: string): string {
    return this.#clusters.get(service) ?? '';
  }

  /** Name under which a service is found in DNS, and which its certificate has; '' = it is found elsewhere. */
  dnsNameOf(service: string): string {
    return this.#config.services[service]?.dns ?? '';
  }

  /** The service that a name means: its own, `outbound|<port>|<subset>|<host>`, or `<host>:<port>`; null: none. */
  find(name: string): string | null {
    const own = this.#hosts.get(name);
    if (own !== undefined) return own;
    const parts = name.split('|');
    if (parts.length === 4 && parts[0] === 'outbound') return this.#findHost(parts[3]!);
    const colon = name.lastIndexOf(':');
    return colon > 0 && /^\d{1,5}$/.test(name.slice(colon + 1)) ? this.#findHost(name.slice(0, colon)) : null;
  }

  /** The host as it is, without what says where it was found, or its first label. */
  #findHost(host: string): string | null {
    const suffix = SUFFIXES.find((end) => host.endsWith(end));
    const short = suffix === undefined ? host : host.slice(0, -suffix.length);
    const label = suffix === undefined || !short.includes('.') ? short : short.slice(0, short.indexOf('.'));
    return this.#hosts.get(host) ?? this.#hosts.get(short) ?? this.#hosts.get(label) ?? null;
  }
}

/** Host and port as Higress names services: by where they are found. */
function meshAddress(config: TenantConfig, service: string): { readonly host: string; readonly port: number } {
  const settings: Partial<ServiceConfig> = config.services[service] ?? {};
  const usual = settings.scheme === 'https' ? 443 : 80;
  if (settings.static !== undefined) return { host: `${service}.static`, port: usual };
  if (settings.dns !== undefined) return { host: `${service}.dns`, port: settings.port ?? usual };
  const { namespace = config.discovery?.namespace, group = config.discovery?.group, name = service } = settings;
  if (namespace === undefined || group === undefined) return { host: `${service}.static`, port: usual };
  return { host: `${name}.${group.replaceAll('_', '-')}.${namespace}.nacos`, port: usual };
}
