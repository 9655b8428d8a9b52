/**
 * What telemetry and the admin API show of the running gateway: plain data, secrets left out by whoever fills it.
 * Times are milliseconds, sizes bytes, unless the name says otherwise.
 */

export interface TenantStatus {
  readonly tenant: string;
  /** `active`: the newest file is in force. `stale`: it is broken, the last good one serves. `failed`: nothing serves. */
  readonly state: 'active' | 'stale' | 'failed';
  readonly domains: readonly string[];
  readonly routes: number;
  readonly lanes: readonly string[];
  readonly file: string;
  /** When the configuration in force was loaded, ms since the epoch; 0 = never. */
  readonly loadedAt: number;
  /** Problems of the newest file, as `sluice check` words them; empty when it is in force. */
  readonly errors: readonly string[];
}

export interface RegistryStatus {
  readonly registry: string;
  readonly type: string;
  readonly connected: boolean;
  /** Last failure in words, or ''. */
  readonly lastError: string;
}

export interface EndpointStatus {
  /** `ip:port`. */
  readonly address: string;
  /** `baseline` or the lane's name. */
  readonly lane: string;
  readonly weight: number;
  /** The registry's word and the gateway's own checks together. */
  readonly healthy: boolean;
  readonly cluster: string;
}

export interface ServiceStatus {
  readonly tenant: string;
  readonly service: string;
  readonly registry: string;
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
  /** `pending`: the registry has not answered yet. The others as in `EndpointsState`. */
  readonly state: 'pending' | 'fresh' | 'stale' | 'held';
  readonly endpoints: readonly EndpointStatus[];
}

/** One use of a plugin by one tenant, summed over the workers. `tenant` is '' for the gateway's own chain. */
export interface PluginStatus {
  readonly plugin: string;
  readonly tenant: string;
  /** `loading`: not started in every worker yet. `open`: breaker open, not running. `failed`: module or configuration refused. */
  readonly state: 'loading' | 'running' | 'open' | 'failed';
  /** SHA-256 of the module, hex, or '' when it could not be read. */
  readonly digest: string;
  readonly abi: string;
  readonly calls: number;
  readonly seconds: number;
  readonly fuel: number;
  /** Count by cause, such as `fuel`, `memory`, `unreachable`. */
  readonly traps: Readonly<Record<string, number>>;
  readonly instances: number;
  readonly memoryBytes: number;
  readonly lastError: string;
}

/** A metric that a plugin defined itself. `name` is the plugin's own. */
export interface PluginMetric {
  readonly plugin: string;
  readonly tenant: string;
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Sum of observations for a histogram. */
  readonly value: number;
  /** Observations of a histogram, else 0. */
  readonly count: number;
}

export interface ListenerStatus {
  readonly listener: string;
  /** Open downstream connections of all workers. */
  readonly connections: number;
}

export interface WorkerStatus {
  readonly worker: number;
  readonly state: 'starting' | 'serving' | 'draining';
  readonly snapshotVersion: number;
  /** Exchanges under way. */
  readonly activeExchanges: number;
  /** 99th percentile of the event loop's delay since the last report. */
  readonly eventLoopDelaySeconds: number;
}

/** Read at each scrape; every call answers at once from memory. */
export interface GatewayStats {
  /** Version of the gateway itself. */
  readonly version: string;
  snapshotVersion(): number;
  /** Configuration loads since the start, of gateway.yaml and tenant files, by result. */
  configReloads(): { readonly success: number; readonly failure: number };
  tenants(): readonly TenantStatus[];
  registries(): readonly RegistryStatus[];
  services(): readonly ServiceStatus[];
  plugins(): readonly PluginStatus[];
  pluginMetrics(): readonly PluginMetric[];
  listeners(): readonly ListenerStatus[];
  workers(): readonly WorkerStatus[];
  /** Access log lines lost since the start, in workers and in the writer. */
  accessLogDropped(): number;
}
