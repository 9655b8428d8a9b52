import type { PluginUse } from '../config/schema-common.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import type { EndpointList } from '../core/endpoint.ts';
import type { SeriesHandle } from '../core/metrics.ts';
import type { FuelLimits } from '../wasm/generation.ts';
import type { PreparedModule } from '../wasm/module.ts';
import type { MetricSample } from '../wasm/metrics.ts';
import type { PluginStats } from '../wasm/plugin.ts';

/** What a worker is born with; never changes while it lives. */
export interface WorkerInit {
  /** Position, from 0. */
  readonly worker: number;
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  readonly trustedProxies: readonly string[];
  /** Plugins of the gateway's own chain. */
  readonly chain: readonly PluginUse[];
  readonly modules: readonly CatalogueModule[];
  /** Metric slots of this worker. */
  readonly slots: SharedArrayBuffer;
  readonly accessLog: boolean;
  readonly logLevel: string;
}

/** A plugin of the catalogue as workers get it: compiled code, shared by reference. */
export interface CatalogueModule {
  readonly name: string;
  /** null: it could not be loaded; its uses apply their failure policy. */
  readonly module: PreparedModule | null;
  readonly fuel: FuelLimits;
}

/**
 * One change of what the data plane believes. Versions grow by one per change over all kinds; a worker ignores a change
 * that is not newer than its snapshot.
 */
export type Delta =
  | {
      readonly kind: 'tenant';
      readonly version: number;
      readonly config: TenantConfig;
      /** Metric series by route id, one per lane: baseline, then the lanes in file order. */
      readonly series: ReadonlyMap<string, readonly SeriesHandle[]>;
    }
  /** A tenant whose only file is broken: its domains answer 503. */
  | {
      readonly kind: 'tenant-unavailable';
      readonly version: number;
      readonly tenant: string;
      readonly domains: readonly string[];
    }
  | { readonly kind: 'tenant-removed'; readonly version: number; readonly tenant: string }
  | {
      readonly kind: 'endpoints';
      readonly version: number;
      readonly tenant: string;
      readonly service: string;
      readonly list: EndpointList;
    };

/** Main thread → worker. */
export type ToWorker =
  | Delta
  /** The first snapshot is complete: open the listeners. */
  | { readonly kind: 'open' }
  | { readonly kind: 'collect'; readonly id: number }
  | { readonly kind: 'drain'; readonly deadlineMs: number };

/** One plugin use of one tenant on one worker. */
export interface PluginReport {
  readonly plugin: string;
  readonly tenant: string;
  readonly digest: string;
  readonly abi: string;
  readonly stats: PluginStats;
  readonly metrics: readonly MetricSample[];
}

/** What a worker says of itself when asked. */
export interface WorkerReport {
  readonly snapshotVersion: number;
  readonly connections: ReadonlyMap<string, number>;
  readonly activeExchanges: number;
  readonly loopDelayP99Ms: number;
  readonly plugins: readonly PluginReport[];
}

/** Where a listener really listens. */
export interface ListenerPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Worker → main thread. */
export type FromWorker =
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'refused'; readonly version: number; readonly tenant: string; readonly reason: string }
  | { readonly kind: 'open'; readonly listeners: readonly ListenerPlace[] }
  | { readonly kind: 'open-failed'; readonly code: string; readonly reason: string }
  | { readonly kind: 'log'; readonly batch: string; readonly lines: number }
  | { readonly kind: 'report'; readonly id: number; readonly report: WorkerReport }
  | { readonly kind: 'drained'; readonly cut: number };
