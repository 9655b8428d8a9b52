import type { PluginUse } from '../config/schema-common.ts';
import type { OverloadConfig } from '../config/schema-overload.ts';
import type { RouteConfig, TenantConfig } from '../config/schema-tenant.ts';
import type { TenantsSection } from '../config/schema-tenants-section.ts';
import type { EndpointsState } from '../core/endpoint.ts';
import type { SeriesHandle } from '../core/metrics.ts';
import type { QuotaHandle } from '../core/quota-memory.ts';
import type { PluginVersion } from '../wasm/generation.ts';
import type { PreparedModule } from '../wasm/module.ts';
import type { MetricSample } from '../wasm/metrics.ts';
import type { PluginStats } from '../wasm/plugin-stats.ts';
import type { ListenersApplied, ListenersMessage } from './listener-feed.ts';
import type { SharedSeat } from './shared-state.ts';

/** What a worker is born with; never changes while it lives. */
export interface WorkerInit {
  /** Position, from 0. */
  readonly worker: number;
  readonly trustedProxies: readonly string[];
  /** Plugins of the gateway's own chain. */
  readonly chain: readonly PluginUse[];
  /** Plugin VMs that it may have at once. */
  readonly vms: number;
  /** Metric slots of this worker. */
  readonly slots: SharedArrayBuffer;
  /** Its seat in the memory that all workers share. */
  readonly shared: SharedSeat;
  readonly accessLog: boolean;
  readonly logLevel: string;
  /** What tenants may take. */
  readonly tenants: TenantsSection;
  readonly overload: OverloadConfig;
}

/** A plugin of the catalogue as workers get it: compiled code, shared by reference, and what the operator grants it. */
export interface CatalogueModule extends Omit<PluginVersion, 'module' | 'configuration'> {
  readonly name: string;
  /** null: it could not be loaded; its uses apply their failure policy. */
  readonly module: PreparedModule | null;
}

/** What the state of the feed is kept and sent by. */
export type FeedKey =
  | { readonly kind: 'plugin'; readonly plugin: string }
  | { readonly kind: 'tenant'; readonly tenant: string }
  | { readonly kind: 'endpoints'; readonly tenant: string; readonly service: string };

/** One part of a long state. The parts of a state follow each other, with the same version. */
export interface Part {
  /** From 0. */
  readonly part: number;
  /** With this one the state is whole. */
  readonly last: boolean;
}

/** One plugin of the catalogue. */
export interface PluginState {
  readonly kind: 'plugin';
  readonly version: number;
  readonly module: CatalogueModule;
  /** Keys (`useKey`) of its uses in the gateway's own chain that want ticks. */
  readonly ticking: readonly string[];
}

/** A plugin that the catalogue does not have any more, and that nobody uses. */
export interface PluginRemoved {
  readonly kind: 'plugin-removed';
  readonly version: number;
  readonly plugin: string;
}

/** A tenant's configuration. As JSON, which is made once for all workers and read faster than a structured clone. */
export interface TenantPart extends Part {
  readonly kind: 'tenant';
  readonly version: number;
  readonly tenant: string;
  /** JSON of a `TenantHead`; '' in all parts but the first. */
  readonly head: string;
  /** JSON of an array of `RouteEntry`: the next routes in file order. */
  readonly routes: string;
}

/** A tenant's configuration; routes and static endpoints are left out, for they travel by themselves. */
export interface TenantHead {
  readonly config: TenantConfig;
  /** Series of exchanges that match no route. */
  readonly unmatched: SeriesHandle;
  /** Keys (`useKey`) of its plugin uses that want ticks, and therefore a VM before anybody asks. */
  readonly ticking: readonly string[];
  /** Absent: nothing bounds the tenant. */
  readonly quota?: QuotaHandle | undefined;
}

/** A route, and its metric series, one per lane: baseline, then the lanes in file order. */
export type RouteEntry = readonly [route: RouteConfig, series: readonly SeriesHandle[]];

/** All endpoints of one service of one tenant. */
export interface EndpointsPart extends Part {
  readonly kind: 'endpoints';
  readonly version: number;
  readonly tenant: string;
  readonly service: string;
  readonly state: EndpointsState;
  /** JSON of an array of `EndpointRecord`. */
  readonly endpoints: string;
}

/**
 * The current state of one key. Versions grow by one per change over all keys; a worker ignores a state that is not
 * newer than the one it has of that key.
 */
export type Delta =
  | PluginState
  | PluginRemoved
  | TenantPart
  /** A tenant whose only file is broken: its domains answer 503. */
  | {
      readonly kind: 'tenant-unavailable';
      readonly version: number;
      readonly tenant: string;
      readonly domains: readonly string[];
    }
  | { readonly kind: 'tenant-removed'; readonly version: number; readonly tenant: string }
  | EndpointsPart;

/** One step of the feed; the worker answers it by its id when it has carried it out. */
export interface FeedMessage {
  readonly kind: 'feed';
  /** Given by the `Outbox`, unique within it. */
  readonly id: number;
  readonly delta: Delta;
}

/** Main thread → worker. */
export type ToWorker =
  | FeedMessage
  | ListenersMessage
  | { readonly kind: 'collect'; readonly id: number }
  | { readonly kind: 'drain'; readonly id: number; readonly deadlineMs: number };

/** One plugin use of one tenant on one worker. */
export interface PluginReport {
  readonly plugin: string;
  readonly tenant: string;
  readonly digest: string;
  readonly abi: string;
  readonly stats: PluginStats;
  readonly metrics: readonly MetricSample[];
}

/** How short of its resources a worker is. */
export interface OverloadReport {
  /** 0 = not at all, 1 idle connections are closed sooner, 2 new exchanges are refused, 3 new connections are closed. */
  readonly level: number;
  /** By resource: the share of its configured bound that is in use; 0 = not watched. */
  readonly pressures: Readonly<Record<string, number>>;
}

/** What a worker says of itself when asked. */
export interface WorkerReport {
  readonly snapshotVersion: number;
  readonly connections: ReadonlyMap<string, number>;
  readonly activeExchanges: number;
  readonly loopDelayP99Ms: number;
  readonly overload: OverloadReport;
  readonly plugins: readonly PluginReport[];
}

/** Worker → main thread. */
export type FromWorker =
  | ListenersApplied
  /** The feed message is carried out, or was refused: for `Outbox.acknowledge`. */
  | { readonly kind: 'applied'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number; readonly tenant: string; readonly reason: string }
  | { readonly kind: 'log'; readonly batch: Uint8Array; readonly lines: number }
  | { readonly kind: 'report'; readonly id: number; readonly report: WorkerReport }
  | { readonly kind: 'drained'; readonly id: number; readonly cut: number };
