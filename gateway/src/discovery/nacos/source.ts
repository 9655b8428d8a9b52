import type { NacosRegistryConfig } from '../../config/schema-gateway.ts';
import type { ServiceRef } from '../../core/endpoint.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../clock.ts';
import { SubscriptionHub } from '../hub.ts';
import type { EndpointListener, EndpointSource, ServiceStatus, SourceStatus, Subscription } from '../source.ts';
import { NacosLogin } from './login.ts';
import { NacosNaming } from './naming.ts';
import { type NacosServer, parseServers } from './servers.ts';

export interface NacosSourceOptions {
  /** Name of the registry in gateway.yaml. */
  readonly registry: string;
  readonly config: NacosRegistryConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Endpoints from Nacos 2 and 3 over gRPC. One connection for each namespace that has subscribers (pushes do not name
 * theirs), one login for all. Connects with the first subscription.
 */
export class NacosSource implements EndpointSource {
  readonly #options: NacosSourceOptions;
  readonly #servers: readonly NacosServer[];
  readonly #login: NacosLogin | null;
  readonly #hub: SubscriptionHub;
  readonly #namespaces = new Map<string, NacosNaming>();
  readonly #created: number;

  /** @throws GatewayError when a port of a server is impossible. */
  constructor(options: NacosSourceOptions) {
    const { config, clock, log } = options;
    const { username = '', password = '' } = config;
    this.#options = options;
    this.#servers = parseServers(config);
    this.#login = username === '' ? null : new NacosLogin({ servers: this.#servers, username, password, clock, log });
    this.#created = clock.now();
    this.#hub = new SubscriptionHub({
      log,
      clock,
      opened: (ref) => this.#naming(ref.namespace).add(ref),
      closed: (ref) => this.#remove(ref),
    });
  }

  /** An empty namespace is `public`, an empty group `DEFAULT_GROUP`. */
  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    const { registry, namespace, group, name } = ref;
    return this.#hub.subscribe(
      { registry, namespace: namespace || 'public', group: group || 'DEFAULT_GROUP', name },
      listener,
    );
  }

  status(): SourceStatus {
    const sessions = Array.from(this.#namespaces.values(), (naming) => naming.session);
    const errors = [...sessions.map((session) => session.lastError), this.#login?.lastError ?? ''];
    return {
      registry: this.#options.registry,
      type: 'nacos',
      connected: sessions.length > 0 && sessions.every((session) => session.connection !== null),
      server: [...new Set(sessions.map((session) => session.server))].filter((server) => server !== '').join(', '),
      since: Math.max(this.#created, ...sessions.map((session) => session.since)),
      lastError: errors.find((error) => error !== '') ?? '',
      services: this.#hub.statuses().map((status) => this.#withDetail(status)),
    };
  }

  async close(): Promise<void> {
    this.#hub.close();
    for (const naming of this.#namespaces.values()) naming.close();
    this.#namespaces.clear();
    await this.#login?.close();
  }

  #withDetail(status: ServiceStatus): ServiceStatus {
    const detail = this.#namespaces.get(status.ref.namespace)?.detail(status.ref);
    return { ...status, protectThreshold: detail?.protectThreshold ?? false, lastError: detail?.lastError ?? '' };
  }

  #naming(namespace: string): NacosNaming {
    let naming = this.#namespaces.get(namespace);
    if (naming === undefined) {
      const { clock, log } = this.#options;
      const publish = this.#hub.publish.bind(this.#hub);
      naming = new NacosNaming({ servers: this.#servers, namespace, login: this.#login, clock, log, publish });
      this.#namespaces.set(namespace, naming);
    }
    return naming;
  }

  #remove(ref: ServiceRef): void {
    const naming = this.#namespaces.get(ref.namespace);
    naming?.remove(ref);
    if (naming?.size !== 0) return;
    naming.close();
    this.#namespaces.delete(ref.namespace);
  }
}
