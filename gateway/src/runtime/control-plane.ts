import type { PluginUse } from '../config/schema-common.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import type { EndpointList } from '../core/endpoint.ts';
import type { Log } from '../core/log.ts';
import type { SeriesTable } from '../core/series-table.ts';
import type { Registries } from '../discovery/registries.ts';
import { compileTenant } from '../routing/compile.ts';
import { compileLanes } from '../routing/lanes.ts';
import { Plugin, type PluginServices } from '../wasm/plugin.ts';
import { UNMATCHED_ROUTE } from './build.ts';
import type { CatalogueModule, Delta } from './feed.ts';
import { type SubscribedService, Subscriptions } from './subscriptions.ts';
import type { TenantListener, TenantMeta } from './tenant-listener.ts';

/** A tenant in force. */
export interface ActiveTenant {
  readonly config: TenantConfig;
  readonly file: string;
  /** Epoch milliseconds since when this configuration is in force. */
  readonly loadedAt: number;
}

/** A delta before it has its version. */
type Change = Delta extends infer D ? (D extends Delta ? Omit<D, 'version'> : never) : never;

export interface ControlPlaneOptions {
  readonly registries: Registries;
  readonly series: SeriesTable;
  readonly modules: readonly CatalogueModule[];
  /** For the throw-away VMs on which new plugin configurations are tried. */
  readonly pluginServices: PluginServices;
  readonly log: Log;
  /** Sends a delta to every worker. */
  readonly publish: (delta: Delta) => void;
}

const encoder = new TextEncoder();

/**
 * The main thread's side of the feed: hears of tenants and endpoints, tries what is new, and publishes it as versioned
 * deltas. Carries no traffic.
 */
export class ControlPlane implements TenantListener {
  readonly #options: ControlPlaneOptions;
  readonly #modules: ReadonlyMap<string, CatalogueModule>;
  readonly #subscriptions: Subscriptions;
  readonly #tenants = new Map<string, ActiveTenant>();
  readonly #unavailable = new Map<string, readonly string[]>();
  #version = 0;
  #changedAt = 0;
  #loads = { success: 0, failure: 0 };
  #lastError = { text: '', at: 0 };

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#modules = new Map(options.modules.map((module) => [module.name, module]));
    this.#subscriptions = new Subscriptions(options.registries, (tenant, service, list) =>
      this.#onEndpoints(tenant, service, list),
    );
  }

  get version(): number {
    return this.#version;
  }

  /** Epoch milliseconds of the last delta; 0 = there was none. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** Configurations taken over and refused since the start. */
  get loads(): { readonly success: number; readonly failure: number } {
    return this.#loads;
  }

  /** The last refused configuration; '' when none was. */
  get lastError(): { readonly text: string; readonly at: number } {
    return this.#lastError;
  }

  get tenants(): ReadonlyMap<string, ActiveTenant> {
    return this.#tenants;
  }

  /** Domains of broken tenants without a good version, by what the tenant is called. */
  get unavailable(): ReadonlyMap<string, readonly string[]> {
    return this.#unavailable;
  }

  services(): SubscribedService[] {
    return this.#subscriptions.services();
  }

  /** Tries the plugins of the gateway's own chain. @throws GatewayError SLUICE_PLUGIN_START_FAILED */
  checkChain(chain: readonly PluginUse[]): void {
    this.#tryPlugins('', chain);
  }

  onTenant(name: string, config: TenantConfig, meta: TenantMeta): void {
    try {
      compileTenant(config);
      compileLanes(config);
      this.#tryPlugins(name, [...config.plugins, ...config.routes.flatMap((route) => route.plugins)]);
    } catch (error) {
      this.#noteFailure(`${meta.file}: ${(error as Error).message}`);
      throw error;
    }
    const lanes = ['', ...config.lanes.map((lane) => lane.name)];
    const routes = config.routes.map(({ id }) => ({ route: id, lanes }));
    const series = this.#options.series.assign(name, [...routes, { route: UNMATCHED_ROUTE, lanes: [''] }]);
    this.#unavailable.delete(name);
    this.#tenants.set(name, { config, file: meta.file, loadedAt: Date.now() });
    this.#loads.success++;
    this.#publish({ kind: 'tenant', config, series });
    // After the tenant, because endpoints are for the clusters that it brings.
    this.#subscriptions.replace(config);
  }

  onTenantRemoved(name: string): void {
    this.#tenants.delete(name);
    this.#unavailable.delete(name);
    this.#publish({ kind: 'tenant-removed', tenant: name });
    this.#subscriptions.remove(name);
    this.#options.series.remove(name);
  }

  onTenantBroken(
    name: string,
    domains: readonly string[],
    problems: readonly { readonly message: string }[],
    { file, lastGood }: TenantMeta & { readonly lastGood: boolean },
  ): void {
    this.#noteFailure(`${file}: ${problems[0]?.message ?? 'invalid'}`);
    if (lastGood) return;
    this.#tenants.delete(name);
    this.#subscriptions.remove(name);
    this.#unavailable.set(name, domains);
    this.#publish({ kind: 'tenant-unavailable', tenant: name, domains });
  }

  #noteFailure(text: string): void {
    this.#loads.failure++;
    this.#lastError = { text, at: Date.now() };
  }

  #onEndpoints(tenant: string, service: string, list: EndpointList): void {
    this.#publish({ kind: 'endpoints', tenant, service, list });
  }

  #publish(change: Change): void {
    this.#version++;
    this.#changedAt = Date.now();
    this.#options.publish({ ...change, version: this.#version });
  }

  /** Starts each plugin configuration on a throw-away VM, so that a refused one never gets to a worker. */
  #tryPlugins(tenant: string, uses: readonly PluginUse[]): void {
    const tried = new Set<string>();
    for (const use of uses) {
      const catalogue = this.#modules.get(use.use);
      const configuration = JSON.stringify(use.config);
      const key = `${use.use}\n${configuration}`;
      // A module that is missing is reported by readiness; the use applies its failure policy.
      if (catalogue === undefined || catalogue.module === null || tried.has(key)) continue;
      tried.add(key);
      const { module, fuel } = catalogue;
      const options = { name: use.use, tenant, module, fuel, configuration: encoder.encode(configuration) };
      const plugin = new Plugin(options, this.#options.pluginServices);
      try {
        plugin.start();
      } finally {
        plugin.close();
      }
    }
  }
}
