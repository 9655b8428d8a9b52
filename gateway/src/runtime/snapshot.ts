import type { SeriesHandle } from '../core/metrics.ts';
import type { TenantQuota } from '../core/tenant-quota.ts';
import { sw8Part } from '../core/trace.ts';
import type { FilterFactory } from '../filters/filter.ts';
import type { TenantRoutes } from '../routing/compile.ts';
import { DomainIndex } from '../routing/domains.ts';
import type { LaneTable } from '../routing/lanes.ts';
import { PersistentMap } from '../routing/persistent-map.ts';
import type { Route } from '../routing/route.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { RetryPolicy } from '../upstream/retry.ts';
import type { ServiceNames } from './service-names.ts';

/** A route with all that its exchanges need, decided when the snapshot was built. Immutable. */
export class RouteRuntime {
  readonly route: Route;
  /** null: no filter runs, and none costs anything. */
  readonly chain: readonly FilterFactory[] | null;
  /** Milliseconds up to the response head; 0 = no limit. */
  readonly requestTimeout: number;
  /** Milliseconds of one attempt up to its response head; 0 = no limit. */
  readonly tryTimeout: number;
  readonly retry: RetryPolicy;
  /** Bytes of a request body; Infinity = what the listener takes. */
  readonly maxBodySize: number;
  /** Protocols that a client may switch to, lower case. */
  readonly upgrades: readonly string[];
  /** One per lane, baseline first. */
  readonly series: readonly SeriesHandle[];
  /** Route id as sw8 carries it. */
  readonly sw8Operation: string;

  constructor(route: Route, chain: readonly FilterFactory[], series: readonly SeriesHandle[]) {
    const { timeouts, retries, id, upgrades, maxBodySize = Number.POSITIVE_INFINITY } = route.config;
    this.route = route;
    this.chain = chain.length === 0 ? null : chain;
    this.requestTimeout = timeouts.request;
    this.tryTimeout = timeouts.perTry ?? 0;
    this.retry = retries;
    this.maxBodySize = maxBodySize;
    this.upgrades = upgrades;
    this.series = series;
    this.sw8Operation = sw8Part(id);
  }
}

/** A tenant in force. */
export interface TenantRuntime {
  readonly name: string;
  readonly domains: readonly string[];
  /** False: its domains are known, its configuration is not. */
  readonly available: true;
  readonly routes: TenantRoutes;
  /** By `Route.index`. */
  readonly runtimes: readonly RouteRuntime[];
  readonly lanes: LaneTable;
  /** Position of a lane in `RouteRuntime.series`; baseline is ''. */
  readonly laneIndex: ReadonlyMap<string, number>;
  /** By the name that routes use. Long-lived: a cluster outlives snapshots as long as its service is used. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** What plugins call its services. */
  readonly serviceNames: ServiceNames;
  /** What the choice of routes and lanes goes by. */
  readonly routeInputs: ReadonlySet<string>;
  /** Exchanges of the tenant that match no route. */
  readonly unmatchedSeries: SeriesHandle;
  /** null: nothing bounds the tenant, and nothing is counted. */
  readonly quota: TenantQuota | null;
}

export interface UnavailableTenant {
  readonly name: string;
  readonly domains: readonly string[];
  readonly available: false;
}

/** Everything the data plane believes at one moment. Immutable; unchanged parts are shared with the one before. */
export interface Snapshot {
  readonly version: number;
  /** Date.now() when it came into force. */
  readonly builtAt: number;
  readonly domains: DomainIndex<TenantRuntime | UnavailableTenant>;
  /** By name. */
  readonly tenants: PersistentMap<TenantRuntime | UnavailableTenant>;
}

/** What a worker believes before it has heard anything. */
export function emptySnapshot(): Snapshot {
  return { version: 0, builtAt: Date.now(), domains: DomainIndex.empty(), tenants: PersistentMap.empty() };
}
