import type { TenantConfig } from '../config/schema-tenant.ts';
import { OTHER_SERIES, type SeriesHandle } from '../core/metrics.ts';
import type { FilterFactory } from '../filters/filter.ts';
import { compileTenant } from '../routing/compile.ts';
import { compileLanes } from '../routing/lanes.ts';
import { Cluster, type ClusterOptions } from '../upstream/cluster.ts';
import type { PluginClaims } from './plugin-pool.ts';
import { RouteRuntime, type TenantRuntime, type UnavailableTenant } from './snapshot.ts';

/** Id of the series of exchanges that reach a tenant and none of its routes. */
export const UNMATCHED_ROUTE = '_none';

/** Names of the services that the routes of a tenant send to. */
export function servicesOf(config: TenantConfig): string[] {
  const names = new Set<string>();
  for (const { upstream } of config.routes) {
    if (upstream?.service !== undefined) names.add(upstream.service);
    for (const { service } of upstream?.services ?? []) names.add(service);
  }
  return [...names];
}

/** What a tenant's new configuration is built from. */
export interface TenantInputs {
  readonly config: TenantConfig;
  readonly series: ReadonlyMap<string, readonly SeriesHandle[]>;
  readonly gatewayChain: readonly FilterFactory[];
  readonly plugins: PluginClaims;
  /** What is in force now; its clusters are carried over by service name. */
  readonly previous: TenantRuntime | UnavailableTenant | undefined;
}

/**
 * Builds a tenant. Nothing of the previous one changes before this returns.
 * @throws GatewayError SLUICE_CONFIG_INVALID when routes or lanes cannot be compiled.
 */
export function buildTenant({ config, series, gatewayChain, plugins, previous }: TenantInputs): TenantRuntime {
  const routes = compileTenant(config);
  const lanes = compileLanes(config);
  const own = [...gatewayChain, ...plugins.filters(config.plugins)];
  const runtimes = routes.routes.map((route) => {
    const chain = route.config.plugins.length === 0 ? own : [...own, ...plugins.filters(route.config.plugins)];
    return new RouteRuntime(route, chain, series.get(route.id) ?? []);
  });
  return {
    name: config.tenant,
    domains: config.domains,
    available: true,
    routes,
    runtimes,
    lanes,
    laneIndex: new Map(['', ...config.lanes.map((lane) => lane.name)].map((lane, index) => [lane, index])),
    clusters: buildClusters(config, previous?.available === true ? previous.clusters : new Map()),
    unmatchedSeries: series.get(UNMATCHED_ROUTE)?.[0] ?? OTHER_SERIES,
  };
}

function buildClusters(config: TenantConfig, previous: ReadonlyMap<string, Cluster>): ReadonlyMap<string, Cluster> {
  const lanes = config.lanes.map(({ tag, endpoints }) => ({ tag, metadata: endpoints?.metadata ?? null }));
  const clusters = new Map<string, Cluster>();
  for (const service of servicesOf(config)) {
    const { scheme = 'http', loadBalancer = 'round-robin' } = config.services[service] ?? {};
    const options: ClusterOptions = { key: `${config.tenant}/${service}`, service, scheme, loadBalancer, lanes };
    const known = previous.get(service);
    known?.configure(options);
    clusters.set(service, known ?? new Cluster(options));
  }
  return clusters;
}
