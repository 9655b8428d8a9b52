import { Counter, collectDefaultMetrics, Gauge, type LabelValues, Registry } from 'prom-client';
import type { GatewayStats, PluginStatus } from './gateway-stats.ts';
import { METRICS, type MetricFamily, PROCESS_METRICS_PREFIX } from './metric-names.ts';

/** Reports one sample; samples with equal labels add up. */
type Sample = (labels: LabelValues<string>, value: number) => void;

const TENANT_STATES = ['active', 'stale', 'failed'] as const;

/**
 * The gateway's own few series and those of the process, in a registry that reads `stats` at each scrape: nothing is
 * counted twice, and what is gone from the statistics is gone from the page.
 */
export function createProcessMetrics(stats: GatewayStats): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PROCESS_METRICS_PREFIX });
  registerConfig(registry, stats);
  registerDiscovery(registry, stats);
  registerPlugins(registry, stats);
  registerWorkers(registry, stats);
  return registry;
}

function registerConfig(registry: Registry, stats: GatewayStats): void {
  gauge(registry, METRICS.buildInfo, (sample) => sample({ version: stats.version, node: process.version }, 1));
  gauge(registry, METRICS.snapshotVersion, (sample) => sample({}, stats.snapshotVersion()));
  counter(registry, METRICS.configReloads, (sample) => {
    const reloads = stats.configReloads();
    sample({ result: 'success' }, reloads.success);
    sample({ result: 'failure' }, reloads.failure);
  });
  gauge(registry, METRICS.tenantState, (sample) => {
    for (const { tenant, state: current } of stats.tenants()) {
      for (const state of TENANT_STATES) sample({ tenant, state }, state === current ? 1 : 0);
    }
  });
}

function registerDiscovery(registry: Registry, stats: GatewayStats): void {
  gauge(registry, METRICS.discoveryConnected, (sample) => {
    for (const { registry, connected } of stats.registries()) sample({ registry }, connected ? 1 : 0);
  });
  gauge(registry, METRICS.discoveryEndpoints, (sample) => sampleEndpoints(stats, sample, false));
  gauge(registry, METRICS.discoveryHealthyEndpoints, (sample) => sampleEndpoints(stats, sample, true));
}

/** A service without endpoints shows as 0 in baseline, so that an alert can see it. */
function sampleEndpoints(stats: GatewayStats, sample: Sample, healthyOnly: boolean): void {
  for (const { tenant, service, endpoints } of stats.services()) {
    const counts = new Map<string, number>([['baseline', 0]]);
    for (const { lane, healthy } of endpoints) {
      counts.set(lane, (counts.get(lane) ?? 0) + (healthy || !healthyOnly ? 1 : 0));
    }
    for (const [lane, count] of counts) sample({ tenant, service, lane }, count);
  }
}

function registerPlugins(registry: Registry, stats: GatewayStats): void {
  const perPlugin = (read: (plugin: PluginStatus) => number) => (sample: Sample) => {
    for (const status of stats.plugins()) sample({ tenant: status.tenant, plugin: status.plugin }, read(status));
  };
  counter(
    registry,
    METRICS.pluginCalls,
    perPlugin((plugin) => plugin.calls),
  );
  counter(
    registry,
    METRICS.pluginSeconds,
    perPlugin((plugin) => plugin.seconds),
  );
  counter(
    registry,
    METRICS.pluginFuel,
    perPlugin((plugin) => plugin.fuel),
  );
  gauge(
    registry,
    METRICS.pluginInstances,
    perPlugin((plugin) => plugin.instances),
  );
  gauge(
    registry,
    METRICS.pluginMemory,
    perPlugin((plugin) => plugin.memoryBytes),
  );
  gauge(
    registry,
    METRICS.pluginBreakerOpen,
    perPlugin((plugin) => (plugin.state === 'open' ? 1 : 0)),
  );
  counter(registry, METRICS.pluginTraps, (sample) => {
    for (const { tenant, plugin, traps } of stats.plugins()) {
      for (const [cause, count] of Object.entries(traps)) sample({ tenant, plugin, cause }, count);
    }
  });
}

function registerWorkers(registry: Registry, stats: GatewayStats): void {
  counter(registry, METRICS.accessLogDropped, (sample) => sample({}, stats.accessLogDropped()));
  gauge(registry, METRICS.listenerConnections, (sample) => {
    for (const { listener, connections } of stats.listeners()) sample({ listener }, connections);
  });
  gauge(registry, METRICS.workerSnapshotVersion, (sample) => {
    for (const { worker, snapshotVersion } of stats.workers()) sample({ worker }, snapshotVersion);
  });
  gauge(registry, METRICS.workerEventLoopDelay, (sample) => {
    for (const { worker, eventLoopDelaySeconds } of stats.workers()) sample({ worker }, eventLoopDelaySeconds);
  });
}

function gauge(registry: Registry, family: MetricFamily, read: (sample: Sample) => void): Gauge {
  return new Gauge({
    name: family.name,
    help: family.help,
    labelNames: [...family.labels],
    registers: [registry],
    collect() {
      this.reset();
      read((labels, value) => this.inc(labels, finite(value)));
    },
  });
}

function counter(registry: Registry, family: MetricFamily, read: (sample: Sample) => void): Counter {
  return new Counter({
    name: family.name,
    help: family.help,
    labelNames: [...family.labels],
    registers: [registry],
    collect() {
      this.reset();
      read((labels, value) => this.inc(labels, Math.max(0, finite(value))));
    },
  });
}

/** One odd number must not cost the whole page: prom-client throws on what is not finite. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
