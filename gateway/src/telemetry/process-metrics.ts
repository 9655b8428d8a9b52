import { collectDefaultMetrics, Registry } from 'prom-client';
import { Families, type Sample } from './families.ts';
import type { GatewayStats, PluginStatus, ServiceStatus, WorkerStatus } from './gateway-stats.ts';
import { METRICS, PROCESS_METRICS_PREFIX } from './metric-names.ts';

const TENANT_STATES = ['active', 'stale', 'failed'] as const;
const MODULE_STATES = ['active', 'stale', 'pending', 'failed'] as const;
const FILE_STATES = ['active', 'stale', 'pending'] as const;
const WORKER_STATES = ['starting', 'serving', 'restarting', 'draining'] as const;

/** The series of a Node.js process. */
export function processRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PROCESS_METRICS_PREFIX });
  return registry;
}

/**
 * The series of the gateway as a whole, which read `stats` at each scrape: nothing is counted twice, and what is gone from
 * the statistics is gone from the page.
 */
export function gatewayFamilies(stats: GatewayStats): Families {
  const families = new Families();
  registerConfig(families, stats);
  registerDiscovery(families, stats);
  registerPlugins(families, stats);
  registerTraffic(families, stats);
  registerModules(families, stats);
  registerWorkers(families, stats);
  registerOverload(families, stats);
  registerSharedData(families, stats);
  return families;
}

function registerConfig(families: Families, stats: GatewayStats): void {
  families.gauge(METRICS.buildInfo, (sample) => sample({ version: stats.version, node: process.version }, 1));
  families.gauge(METRICS.snapshotVersion, (sample) => sample({}, stats.snapshotVersion()));
  families.counter(METRICS.configReloads, (sample) => {
    const reloads = stats.configReloads();
    sample({ result: 'success' }, reloads.success);
    sample({ result: 'failure' }, reloads.failure);
  });
  families.gauge(METRICS.gatewayFileState, (sample) => {
    const { state: current } = stats.gatewayFile();
    for (const state of FILE_STATES) sample({ state }, state === current ? 1 : 0);
  });
  families.gauge(METRICS.stateUnsaved, (sample) => sample({}, stats.unsavedTenants()));
  families.gauge(METRICS.tenantState, (sample) => {
    for (const { tenant, state: current } of stats.tenants()) {
      for (const state of TENANT_STATES) sample({ tenant, state }, state === current ? 1 : 0);
    }
  });
}

function registerDiscovery(families: Families, stats: GatewayStats): void {
  families.gauge(METRICS.discoveryConnected, (sample) => {
    for (const { registry, connected } of stats.registries()) sample({ registry }, connected ? 1 : 0);
  });
  const services = families.once(() => stats.services());
  families.gauge(METRICS.discoveryEndpoints, (sample) => sampleEndpoints(services(), sample, false));
  families.gauge(METRICS.discoveryHealthyEndpoints, (sample) => sampleEndpoints(services(), sample, true));
}

/** A service without endpoints shows as 0 in baseline, so that an alert can see it. */
function sampleEndpoints(services: readonly ServiceStatus[], sample: Sample, healthyOnly: boolean): void {
  for (const { tenant, service, endpoints } of services) {
    const counts = new Map<string, number>([['baseline', 0]]);
    for (const { lane, healthy } of endpoints) {
      counts.set(lane, (counts.get(lane) ?? 0) + (healthy || !healthyOnly ? 1 : 0));
    }
    for (const [lane, count] of counts) sample({ tenant, service, lane }, count);
  }
}

function registerPlugins(families: Families, stats: GatewayStats): void {
  const plugins = families.once(() => stats.plugins());
  const perPlugin = (read: (plugin: PluginStatus) => number) => (sample: Sample) => {
    for (const status of plugins()) sample({ tenant: status.tenant, plugin: status.plugin }, read(status));
  };
  families.counter(
    METRICS.pluginCalls,
    perPlugin((plugin) => plugin.calls),
  );
  families.counter(
    METRICS.pluginSeconds,
    perPlugin((plugin) => plugin.seconds),
  );
  families.counter(
    METRICS.pluginFuel,
    perPlugin((plugin) => plugin.fuel),
  );
  families.gauge(
    METRICS.pluginInstances,
    perPlugin((plugin) => plugin.instances),
  );
  families.gauge(
    METRICS.pluginMemory,
    perPlugin((plugin) => plugin.memoryBytes),
  );
  families.counter(
    METRICS.pluginEvictions,
    perPlugin((plugin) => plugin.evictions),
  );
  families.counter(
    METRICS.pluginRecycles,
    perPlugin((plugin) => plugin.recycles),
  );
  families.counter(
    METRICS.pluginLogDropped,
    perPlugin((plugin) => plugin.logLinesDropped),
  );
  families.counter(METRICS.pluginRefusals, (sample) => {
    for (const { tenant, plugin, refusals } of plugins()) {
      for (const [reason, count] of Object.entries(refusals)) sample({ tenant, plugin, reason }, count);
    }
  });
  families.counter(METRICS.pluginCallouts, (sample) => {
    for (const { tenant, plugin, callouts } of plugins()) {
      for (const [result, count] of Object.entries(callouts)) sample({ tenant, plugin, result }, count);
    }
  });
  families.counter(METRICS.pluginQueueMessages, (sample) => {
    for (const { tenant, plugin, queues } of plugins()) {
      for (const [result, count] of Object.entries(queues)) if (count > 0) sample({ tenant, plugin, result }, count);
    }
  });
  families.gauge(METRICS.pluginQueueDepth, (sample) => {
    for (const { tenant, plugin, messages } of stats.queueDepths()) sample({ tenant, plugin }, messages);
  });
  families.gauge(
    METRICS.pluginBreakerOpen,
    perPlugin((plugin) => (plugin.state === 'open' ? 1 : 0)),
  );
  families.counter(METRICS.pluginTraps, (sample) => {
    for (const { tenant, plugin, traps } of plugins()) {
      for (const [cause, count] of Object.entries(traps)) sample({ tenant, plugin, cause }, count);
    }
  });
}

function registerTraffic(families: Families, stats: GatewayStats): void {
  families.counter(METRICS.accessLogDropped, (sample) => sample({}, stats.accessLogDropped()));
  families.gauge(METRICS.listenerConnections, (sample) => {
    for (const { listener, connections } of stats.listeners()) sample({ listener }, connections);
  });
  families.gauge(METRICS.certificateExpiry, (sample) => {
    for (const { listener, certificates } of stats.listeners()) {
      for (const { names, file, expiresAt } of certificates) {
        sample({ listener, name: names[0] ?? '', file }, expiresAt / 1000);
      }
    }
  });
  families.counter(METRICS.certificateReloads, (sample) => {
    const { success, failure } = stats.certificateReloads();
    sample({ result: 'success' }, success);
    sample({ result: 'failure' }, failure);
  });
  families.counter(METRICS.tlsHandshakes, (sample) => {
    for (const [result, count] of Object.entries(stats.tlsHandshakes())) sample({ result }, count);
  });
}

function registerSharedData(families: Families, stats: GatewayStats): void {
  families.gauge(METRICS.sharedDataBytes, (sample) => sample({}, stats.sharedData().usedBytes));
  families.counter(METRICS.sharedDataRefused, (sample) => sample({}, stats.sharedData().refused));
}

function registerOverload(families: Families, stats: GatewayStats): void {
  families.gauge(METRICS.overloadLevel, (sample) => {
    for (const { worker, overloadLevel } of stats.workers()) sample({ worker }, overloadLevel);
  });
  families.gauge(METRICS.overloadPressure, (sample) => {
    for (const { worker, pressures } of stats.workers()) {
      for (const [resource, pressure] of Object.entries(pressures)) sample({ worker, resource }, pressure);
    }
  });
  families.counter(METRICS.overloadRefused, (sample) => {
    const { exchanges, connections } = stats.refused();
    sample({ what: 'exchange' }, exchanges);
    sample({ what: 'connection' }, connections);
  });
}

function registerModules(families: Families, stats: GatewayStats): void {
  families.counter(METRICS.pluginModuleLoads, (sample) => {
    for (const { plugin, loads } of stats.modules()) {
      for (const [result, count] of Object.entries(loads)) sample({ plugin, result }, count);
    }
  });
  families.gauge(METRICS.pluginModuleState, (sample) => {
    for (const { plugin, state: current } of stats.modules()) {
      for (const state of MODULE_STATES) sample({ plugin, state }, state === current ? 1 : 0);
    }
  });
  families.counter(METRICS.pluginModulePulls, (sample) => {
    for (const { plugin, pulls } of stats.modules()) {
      for (const [result, count] of Object.entries(pulls ?? {})) sample({ plugin, result }, count);
    }
  });
}

function registerWorkers(families: Families, stats: GatewayStats): void {
  const perWorker = (read: (worker: WorkerStatus) => number) => (sample: Sample) => {
    for (const status of stats.workers()) sample({ worker: status.worker }, read(status));
  };
  families.gauge(
    METRICS.workerSnapshotVersion,
    perWorker((worker) => worker.snapshotVersion),
  );
  families.gauge(
    METRICS.workerActiveExchanges,
    perWorker((worker) => worker.activeExchanges),
  );
  families.gauge(
    METRICS.workerEventLoopDelay,
    perWorker((worker) => worker.eventLoopDelaySeconds),
  );
  families.gauge(METRICS.workerState, (sample) => {
    for (const { worker, state: current } of stats.workers()) {
      for (const state of WORKER_STATES) sample({ worker, state }, state === current ? 1 : 0);
    }
  });
  families.counter(METRICS.workerRestarts, (sample) => {
    for (const { worker, restarts } of stats.workers()) {
      for (const [reason, count] of Object.entries(restarts)) sample({ worker, reason }, count);
    }
  });
}
