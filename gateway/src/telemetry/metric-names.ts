/** A metric family as the exposition describes it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly labels: readonly string[];
}

const ROUTE_LABELS = ['tenant', 'route', 'lane'] as const;
const PLUGIN_LABELS = ['tenant', 'plugin'] as const;

/**
 * Every metric of the gateway, in one place. Names follow the rules of Prometheus: base units in the name, `_total` on
 * counters. `docs/metrics.md` lists the same; a test compares both.
 */
export const METRICS = {
  requests: {
    name: 'sluice_requests_total',
    type: 'counter',
    help: 'Finished requests by class of the status sent, or aborted.',
    labels: [...ROUTE_LABELS, 'code'],
  },
  requestDuration: {
    name: 'sluice_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the first byte of a request to the end of its response.',
    labels: ROUTE_LABELS,
  },
  requestBytes: {
    name: 'sluice_request_bytes_total',
    type: 'counter',
    help: 'Bytes of request bodies received.',
    labels: ROUTE_LABELS,
  },
  responseBytes: {
    name: 'sluice_response_bytes_total',
    type: 'counter',
    help: 'Bytes of response bodies sent.',
    labels: ROUTE_LABELS,
  },
  seriesOverflowed: {
    name: 'sluice_metric_series_overflowed_total',
    type: 'counter',
    help: 'Series of routes that found no room and are counted as route _other.',
    labels: [],
  },
  buildInfo: {
    name: 'sluice_build_info',
    type: 'gauge',
    help: 'Always 1; versions of the gateway and of Node.js as labels.',
    labels: ['version', 'node'],
  },
  snapshotVersion: {
    name: 'sluice_snapshot_version',
    type: 'gauge',
    help: 'Version of the newest snapshot.',
    labels: [],
  },
  workerSnapshotVersion: {
    name: 'sluice_worker_snapshot_version',
    type: 'gauge',
    help: 'Version of the snapshot that a worker serves.',
    labels: ['worker'],
  },
  configReloads: {
    name: 'sluice_config_reloads_total',
    type: 'counter',
    help: 'Configuration files loaded, by result: success or failure.',
    labels: ['result'],
  },
  gatewayFileState: {
    name: 'sluice_config_gateway_state',
    type: 'gauge',
    help: '1 for the state gateway.yaml is in (active, stale, pending), 0 for the others.',
    labels: ['state'],
  },
  stateUnsaved: {
    name: 'sluice_state_unsaved_tenants',
    type: 'gauge',
    help: 'Tenants whose newest accepted configuration could not be written to the state directory.',
    labels: [],
  },
  tenantState: {
    name: 'sluice_config_tenant_state',
    type: 'gauge',
    help: '1 for the state a tenant is in (active, stale, failed), 0 for the others.',
    labels: ['tenant', 'state'],
  },
  discoveryConnected: {
    name: 'sluice_discovery_connected',
    type: 'gauge',
    help: '1 while a registry answers, else 0.',
    labels: ['registry'],
  },
  discoveryEndpoints: {
    name: 'sluice_discovery_endpoints',
    type: 'gauge',
    help: 'Endpoints of a service, whatever their health.',
    labels: ['tenant', 'service', 'lane'],
  },
  discoveryHealthyEndpoints: {
    name: 'sluice_discovery_healthy_endpoints',
    type: 'gauge',
    help: 'Endpoints of a service that are healthy.',
    labels: ['tenant', 'service', 'lane'],
  },
  accessLogDropped: {
    name: 'sluice_accesslog_dropped_total',
    type: 'counter',
    help: 'Access log lines that were dropped because the log could not be written fast enough.',
    labels: [],
  },
  pluginCalls: {
    name: 'sluice_plugin_calls_total',
    type: 'counter',
    help: 'Callbacks of a plugin that were called.',
    labels: PLUGIN_LABELS,
  },
  pluginSeconds: {
    name: 'sluice_plugin_seconds_total',
    type: 'counter',
    help: 'Time spent inside a plugin.',
    labels: PLUGIN_LABELS,
  },
  pluginFuel: {
    name: 'sluice_plugin_fuel_total',
    type: 'counter',
    help: 'Instructions that a plugin used.',
    labels: PLUGIN_LABELS,
  },
  pluginTraps: {
    name: 'sluice_plugin_traps_total',
    type: 'counter',
    help: 'Callbacks of a plugin that ended in a trap, by cause.',
    labels: [...PLUGIN_LABELS, 'cause'],
  },
  pluginInstances: {
    name: 'sluice_plugin_instances',
    type: 'gauge',
    help: 'Running instances of a plugin in all workers.',
    labels: PLUGIN_LABELS,
  },
  pluginMemory: {
    name: 'sluice_plugin_memory_bytes',
    type: 'gauge',
    help: 'Linear memory of all instances of a plugin.',
    labels: PLUGIN_LABELS,
  },
  pluginCallouts: {
    name: 'sluice_plugin_callouts_total',
    type: 'counter',
    help: 'Requests of a plugin to services, by result: success, or why it failed.',
    labels: [...PLUGIN_LABELS, 'result'],
  },
  pluginQueueMessages: {
    name: 'sluice_plugin_queue_messages_total',
    type: 'counter',
    help: 'Messages that a plugin put into queues (enqueued), and those that were lost because there was no room (dropped).',
    labels: [...PLUGIN_LABELS, 'result'],
  },
  pluginQueueDepth: {
    name: 'sluice_plugin_queue_depth',
    type: 'gauge',
    help: 'Messages that wait in the queues of a plugin.',
    labels: PLUGIN_LABELS,
  },
  pluginEvictions: {
    name: 'sluice_plugin_evictions_total',
    type: 'counter',
    help: 'Instances of a plugin that were ended because nobody used them or others needed the room.',
    labels: PLUGIN_LABELS,
  },
  pluginRecycles: {
    name: 'sluice_plugin_recycles_total',
    type: 'counter',
    help: 'Instances of a plugin that were replaced because they had grown, or asked for it.',
    labels: PLUGIN_LABELS,
  },
  pluginRefusals: {
    name: 'sluice_plugin_refusals_total',
    type: 'counter',
    help: 'Exchanges that got no instance of a plugin, by reason: unavailable (down after failures), no-room or cpu (the tenant has no more of it).',
    labels: ['tenant', 'plugin', 'reason'],
  },
  pluginLogDropped: {
    name: 'sluice_plugin_log_dropped_total',
    type: 'counter',
    help: 'Lines of a plugin that were dropped because it logs too much.',
    labels: PLUGIN_LABELS,
  },
  pluginModuleLoads: {
    name: 'sluice_plugin_module_loads_total',
    type: 'counter',
    help: 'Modules of a plugin of the catalogue that were looked at, by result: success (in force) or failure (refused).',
    labels: ['plugin', 'result'],
  },
  pluginModuleState: {
    name: 'sluice_plugin_module_state',
    type: 'gauge',
    help: '1 for the state the module of a plugin is in (active, stale, pending, failed), 0 for the others.',
    labels: ['plugin', 'state'],
  },
  pluginModulePulls: {
    name: 'sluice_plugin_module_pulls_total',
    type: 'counter',
    help: 'Attempts to fetch the module of a plugin, by result: success, failure, or cache (a kept copy was used).',
    labels: ['plugin', 'result'],
  },
  pluginBreakerOpen: {
    name: 'sluice_plugin_breaker_open',
    type: 'gauge',
    help: '1 while a plugin is not run because it failed repeatedly, else 0.',
    labels: PLUGIN_LABELS,
  },
  pluginCustomCounter: {
    name: 'sluice_plugin_custom_total',
    type: 'counter',
    help: 'Counters that plugins define themselves.',
    labels: [...PLUGIN_LABELS, 'metric'],
  },
  pluginCustomGauge: {
    name: 'sluice_plugin_custom',
    type: 'gauge',
    help: 'Gauges that plugins define themselves.',
    labels: [...PLUGIN_LABELS, 'metric'],
  },
  pluginCustomSummary: {
    name: 'sluice_plugin_custom_observations',
    type: 'summary',
    help: 'Sum and count of the histograms that plugins define themselves.',
    labels: [...PLUGIN_LABELS, 'metric'],
  },
  certificateExpiry: {
    name: 'sluice_certificate_expiry_seconds',
    type: 'gauge',
    help: 'When a served certificate expires, seconds since the epoch.',
    labels: ['listener', 'name', 'file'],
  },
  certificateReloads: {
    name: 'sluice_certificate_reloads_total',
    type: 'counter',
    help: 'Changed certificates by result: success, or failure where the former one is served still.',
    labels: ['result'],
  },
  tlsHandshakes: {
    name: 'sluice_tls_handshakes_total',
    type: 'counter',
    help: 'TLS handshakes by result: full, resumed, rate_limited, timeout, plain_http, aborted, failed.',
    labels: ['result'],
  },
  listenerConnections: {
    name: 'sluice_listener_connections',
    type: 'gauge',
    help: 'Open connections of clients.',
    labels: ['listener'],
  },
  workerState: {
    name: 'sluice_worker_state',
    type: 'gauge',
    help: '1 for the state a worker is in (starting, serving, restarting, draining), 0 for the others.',
    labels: ['worker', 'state'],
  },
  workerRestarts: {
    name: 'sluice_worker_restarts_total',
    type: 'counter',
    help: 'Workers that died or were ended and replaced, by reason.',
    labels: ['worker', 'reason'],
  },
  workerActiveExchanges: {
    name: 'sluice_worker_active_exchanges',
    type: 'gauge',
    help: 'Exchanges under way in a worker.',
    labels: ['worker'],
  },
  overloadLevel: {
    name: 'sluice_overload_level',
    type: 'gauge',
    help: 'What a worker does against overload: 1 closes idle connections sooner, 2 refuses requests, 3 connections.',
    labels: ['worker'],
  },
  overloadPressure: {
    name: 'sluice_overload_pressure',
    type: 'gauge',
    help: 'Share of the bound of a resource that a worker uses; 1 = at the bound.',
    labels: ['worker', 'resource'],
  },
  overloadRefused: {
    name: 'sluice_overload_refused_total',
    type: 'counter',
    help: 'Exchanges answered 503 and connections closed because there was no room for them.',
    labels: ['what'],
  },
  quotaRefused: {
    name: 'sluice_tenant_quota_refused_total',
    type: 'counter',
    help: 'Exchanges refused because their tenant had used up a quota: rate or concurrency.',
    labels: ['tenant', 'quota'],
  },
  quotaActive: {
    name: 'sluice_tenant_active_exchanges',
    type: 'gauge',
    help: 'Exchanges under way of tenants whose concurrency is bounded.',
    labels: ['tenant'],
  },
  sharedDataBytes: {
    name: 'sluice_plugin_shared_data_bytes',
    type: 'gauge',
    help: 'Memory that the shared data of all plugins takes.',
    labels: [],
  },
  sharedDataRefused: {
    name: 'sluice_plugin_shared_data_refused_total',
    type: 'counter',
    help: 'Writes of shared data that found no room, or whose lock was not to be had in time.',
    labels: [],
  },
  workerEventLoopDelay: {
    name: 'sluice_worker_event_loop_delay_seconds',
    type: 'gauge',
    help: "99th percentile of the delay of a worker's event loop since its last report.",
    labels: ['worker'],
  },
} as const satisfies Record<string, MetricFamily>;

/** Prefix of the process and Node.js metrics that prom-client collects by itself. */
export const PROCESS_METRICS_PREFIX = 'sluice_';
