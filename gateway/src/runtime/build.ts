import type { TenantConfig } from '../config/schema-tenant.ts';
import type { EndpointList } from '../core/endpoint.ts';
import type { SeriesHandle } from '../core/metrics.ts';
import type { Steps } from '../core/steps.ts';
import type { TenantQuota } from '../core/tenant-quota.ts';
import type { FilterFactory } from '../filters/filter.ts';
import { compileTenantSteps, type TenantRoutes } from '../routing/compile.ts';
import { routeInputs } from '../routing/inputs.ts';
import { compileLanesSteps } from '../routing/lanes.ts';
import { Cluster, type ClusterOptions } from '../upstream/cluster.ts';
import type { PluginClaims } from './plugin-pool.ts';
import { ServiceNames } from './service-names.ts';
import { RouteRuntime, type TenantRuntime, type UnavailableTenant } from './snapshot.ts';

/** Id of the series of exchanges that reach a tenant and none of its routes. */
export const UNMATCHED_ROUTE = '_none';

/** Names of a tenant's services: those that it lists, which plugins may call, and those that routes send to. */
export function servicesOf(config: TenantConfig): string[] {
  const names = new Set(Object.keys(config.services));
  for (const { upstream } of config.routes) {
    if (upstream?.service !== undefined) names.add(upstream.service);
    for (const { service } of upstream?.services ?? []) names.add(service);
  }
  return [...names];
}

/** What a tenant's new configuration is built from. */
export interface TenantInputs {
  readonly config: TenantConfig;
  /** Of each route in file order: one handle per lane. */
  readonly series: readonly (readonly SeriesHandle[])[];
  readonly unmatched: SeriesHandle;
  readonly quota: TenantQuota | null;
  readonly gatewayChain: readonly FilterFactory[];
  readonly plugins: PluginClaims;
  /** What is in force now; its clusters are carried over by service name. */
  readonly previous: TenantRuntime | UnavailableTenant | undefined;
  /** Lists of services that come with this configuration, as far as they are here already. */
  readonly ahead: ReadonlyMap<string, EndpointList>;
}

/** A tenant that is ready to be put into force. */
export interface BuiltTenant {
  readonly tenant: TenantRuntime;
  /** Gives the clusters that are carried over the options of the new configuration. */
  readonly install: () => void;
}

/**
 * Builds a tenant in steps of one route or endpoint. What is in force does not change until `install` is called; no list
 * of endpoints may come in between.
 * @throws GatewayError SLUICE_CONFIG_INVALID when routes or lanes cannot be compiled.
 */
export function* buildTenant(inputs: TenantInputs): Steps<BuiltTenant> {
  const { config, unmatched, quota, previous, ahead } = inputs;
  const routes = yield* compileTenantSteps(config);
  const lanes = yield* compileLanesSteps(config);
  const runtimes = yield* buildRuntimes(routes, inputs);
  const { clusters, install } = yield* buildClusters(
    config,
    previous?.available === true ? previous.clusters : new Map(),
    ahead,
  );
  const tenant: TenantRuntime = {
    name: config.tenant,
    domains: config.domains,
    available: true,
    routes,
    runtimes,
    lanes,
    laneIndex: new Map(['', ...config.lanes.map((lane) => lane.name)].map((lane, index) => [lane, index])),
    clusters,
    serviceNames: new ServiceNames(config, [...clusters.keys()]),
    routeInputs: routeInputs(config),
    unmatchedSeries: unmatched,
    quota,
  };
  return { tenant, install };
}

function* buildRuntimes({ routes }: TenantRoutes, inputs: TenantInputs): Steps<RouteRuntime[]> {
  const { config, series, gatewayChain, plugins } = inputs;
  const own = [...gatewayChain, ...plugins.filters(config.plugins)];
  const runtimes: RouteRuntime[] = [];
  for (const route of routes) {
    const chain = route.config.plugins.length === 0 ? own : [...own, ...plugins.filters(route.config.plugins)];
    runtimes.push(new RouteRuntime(route, chain, series[route.index] ?? []));
    yield;
  }
  return runtimes;
}

function* buildClusters(
  config: TenantConfig,
  previous: ReadonlyMap<string, Cluster>,
  ahead: ReadonlyMap<string, EndpointList>,
): Steps<{ readonly clusters: ReadonlyMap<string, Cluster>; readonly install: () => void }> {
  const lanes = config.lanes.map(({ tag, endpoints }) => ({ tag, metadata: endpoints?.metadata ?? null }));
  const clusters = new Map<string, Cluster>();
  const changes: (() => void)[] = [];
  for (const service of servicesOf(config)) {
    const { scheme = 'http', loadBalancer = 'round-robin' } = config.services[service] ?? {};
    const options: ClusterOptions = { key: `${config.tenant}/${service}`, service, scheme, loadBalancer, lanes };
    const known = previous.get(service);
    const list = ahead.get(service);
    const cluster = known ?? new Cluster(options);
    if (known !== undefined) changes.push(yield* known.configureSteps(options));
    else if (list !== undefined) yield* cluster.updateSteps(list);
    clusters.set(service, cluster);
    yield;
  }
  return { clusters, install: () => changes.forEach((change) => change()) };
}
