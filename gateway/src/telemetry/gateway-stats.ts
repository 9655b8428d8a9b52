import type { QuotaUsage } from '../core/quota-table.ts';

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
  /**
   * `idle`: no instance; the next exchange starts one. `waiting`: it failed and is started anew soon. `open`: breaker
   * open, not running. `failed`: there is no module.
   */
  readonly state: 'idle' | 'running' | 'waiting' | 'open' | 'failed';
  /** SHA-256 of the module, hex, or '' when it could not be read. */
  readonly digest: string;
  readonly abi: string;
  readonly calls: number;
  readonly seconds: number;
  readonly fuel: number;
  /** Count by cause, such as `fuel`, `memory`, `unreachable`. */
  readonly traps: Readonly<Record<string, number>>;
  /** Callouts by result, such as `success` and `timeout`. */
  readonly callouts: Readonly<Record<string, number>>;
  /** Messages for queues: `enqueued`, and `dropped` because there was no room. */
  readonly queues: Readonly<Record<'enqueued' | 'dropped', number>>;
  /** Exchanges that got no instance, by the reason: `unavailable`, `no-room`, `cpu`. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Failures in a row, of the worker that has most. */
  readonly failures: number;
  /** Instances ended because nobody used them, and those that were replaced for their size. */
  readonly evictions: number;
  readonly recycles: number;
  /** Lines that it logged beyond what it may. */
  readonly logLinesDropped: number;
  readonly instances: number;
  readonly memoryBytes: number;
  readonly lastError: string;
}

/** What a module says of itself in its manifest, beside what the catalogue allows it. */
export interface ManifestStatus {
  readonly name: string;
  readonly version: string;
  /** Why there is no manifest though the module has one, or ''; the other fields are empty then. */
  readonly error: string;
  /** Permissions that its author asks for, by key of `allow`; those that are not asked for are left out. */
  readonly wanted: Readonly<Record<string, unknown>>;
  /** What of it is not allowed, as it would stand below `allow`. */
  readonly missing: readonly string[];
}

/** One module of the catalogue and where it comes from. */
export interface ModuleStatus {
  readonly plugin: string;
  /** Absolute path, URL without query, or reference. */
  readonly source: string;
  /**
   * `active`: what the catalogue asks for is in force. `stale`: it is refused or not there, an older one is in force.
   * `pending`: it is being fetched for the first time. `failed`: there is none.
   */
  readonly state: 'active' | 'stale' | 'pending' | 'failed';
  /** SHA-256 of the module in force, hex, or ''. */
  readonly digest: string;
  /** When it came into force, ms since the epoch; 0 = never. */
  readonly loadedAt: number;
  /** Why what the catalogue asks for is not in force, or ''. */
  readonly error: string;
  /** Modules taken over and refused since the start. */
  readonly loads: { readonly success: number; readonly failure: number };
  /** Attempts to fetch it, and uses of a kept copy (`cache`); null: it is a file. */
  readonly pulls: { readonly success: number; readonly failure: number; readonly cache: number } | null;
  /** null: the module in force has none. */
  readonly manifest: ManifestStatus | null;
  /** `allow` of the catalogue, with defaults; of the environment the names. */
  readonly allowed: Readonly<Record<string, unknown>>;
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
  /** Where it really listens. */
  readonly address: string;
  readonly port: number;
  /** Open downstream connections of all workers. */
  readonly connections: number;
  /** None: plain HTTP. */
  readonly certificates: readonly CertificateStatus[];
}

/** A certificate that is served. */
export interface CertificateStatus {
  /** Where it was read. */
  readonly file: string;
  readonly names: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Why newer files are not in use, or ''. */
  readonly error: string;
}

export interface WorkerStatus {
  readonly worker: number;
  /** `starting`: its snapshot is not complete. `restarting`: it died, and the next one is not started yet. */
  readonly state: 'starting' | 'serving' | 'restarting' | 'draining';
  /** Deaths since the start, by reason. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Why the last one died, in words; '' = none has. */
  readonly lastEnd: string;
  readonly snapshotVersion: number;
  /** Changes of the configuration and of endpoints that it has not taken over yet. */
  readonly lag: number;
  /** Exchanges under way. */
  readonly activeExchanges: number;
  /** 99th percentile of the event loop's delay since the last report. */
  readonly eventLoopDelaySeconds: number;
  /** 0 = none, 1 idle connections are closed sooner, 2 new requests are refused, 3 new connections are closed. */
  readonly overloadLevel: number;
  /** By resource: share of its configured bound that is in use. */
  readonly pressures: Readonly<Record<string, number>>;
}

/** `gateway.yaml`, which is read anew while the gateway runs. */
export interface GatewayFileStatus {
  readonly file: string;
  /** `active`: in force as it stands. `stale`: broken, what was there before runs on. `pending`: parts wait for a restart. */
  readonly state: 'active' | 'stale' | 'pending';
  /** Keys that have changed and take effect with the next start. */
  readonly pending: readonly string[];
  /** Problems of the newest file, as `sluice check` words them. */
  readonly errors: readonly string[];
}

/** Read at each scrape; every call answers at once from memory. */
export interface GatewayStats {
  /** Version of the gateway itself. */
  readonly version: string;
  snapshotVersion(): number;
  /** Configuration loads since the start, of gateway.yaml and tenant files, by result. */
  configReloads(): { readonly success: number; readonly failure: number };
  gatewayFile(): GatewayFileStatus;
  tenants(): readonly TenantStatus[];
  /** Tenants whose newest accepted configuration could not be written to the state directory. */
  unsavedTenants(): number;
  registries(): readonly RegistryStatus[];
  services(): readonly ServiceStatus[];
  plugins(): readonly PluginStatus[];
  pluginMetrics(): readonly PluginMetric[];
  modules(): readonly ModuleStatus[];
  listeners(): readonly ListenerStatus[];
  workers(): readonly WorkerStatus[];
  /** Certificates exchanged and refused since the start. */
  certificateReloads(): { readonly success: number; readonly failure: number };
  /** TLS handshakes since the start, by result. */
  tlsHandshakes(): Readonly<Record<string, number>>;
  /** Access log lines lost since the start, in workers and in the writer. */
  accessLogDropped(): number;
  /** What workers refused since the start because there was no room. */
  refused(): { readonly exchanges: number; readonly connections: number };
  /** Tenants with quotas. */
  quotas(): readonly QuotaUsage[];
  /** Shared data of all plugins; writes refused since the start. */
  sharedData(): { readonly usedBytes: number; readonly refused: number };
  /** Messages that wait, for each plugin and tenant that has queues. */
  queueDepths(): readonly { readonly tenant: string; readonly plugin: string; readonly messages: number }[];
}
