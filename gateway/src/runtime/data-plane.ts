import type { PluginUse } from '../config/schema-common.ts';
import type { EndpointList, EndpointRecord } from '../core/endpoint.ts';
import type { Log } from '../core/log.ts';
import type { QuotaHandle } from '../core/quota-memory.ts';
import type { Steps } from '../core/steps.ts';
import type { TenantQuota } from '../core/tenant-quota.ts';
import type { TimerWheel } from '../core/wheel.ts';
import type { FilterFactory } from '../filters/filter.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { Assembly } from './assembly.ts';
import { buildTenant } from './build.ts';
import type { Delta, EndpointsPart, PluginRemoved, PluginState, RouteEntry, TenantHead, TenantPart } from './feed.ts';
import type { PluginPool } from './plugin-pool.ts';
import { Retirement } from './retirement.ts';
import { emptySnapshot, type Snapshot, type TenantRuntime, type UnavailableTenant } from './snapshot.ts';
import { StepQueue } from './step-queue.ts';

type Tenant = TenantRuntime | UnavailableTenant;
/** What belongs to one tenant. */
type TenantDelta = Exclude<Delta, PluginState | PluginRemoved>;
type OpenQuota = (handle: QuotaHandle) => TenantQuota;

/**
 * One worker's side of the feed: turns deltas into snapshots, one after the other and in slices between which traffic
 * goes on. A delta that cannot be built leaves everything as it was; exchanges under way keep what they began with.
 */
export class DataPlane {
  snapshot: Snapshot = emptySnapshot();
  readonly #plugins: PluginPool;
  readonly #log: Log;
  readonly #gatewayChain: readonly FilterFactory[];
  readonly #openQuota: OpenQuota | null;
  readonly #queue = new StepQueue();
  /** Number of deltas of a tenant that wait for those before them. */
  readonly #waiting = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #listVersions = new WeakMap<Cluster, number>();
  /** By tenant and service: lists of services that its next configuration brings. */
  readonly #ahead = new Map<string, Map<string, EndpointList>>();
  readonly #routes = new Assembly<RouteEntry>();
  readonly #endpoints = new Assembly<EndpointRecord>();
  #head: TenantHead | null = null;
  /** Clusters whose service no tenant has any more. */
  readonly #retirement: Retirement;

  /** @param openQuota default: no tenant is bounded. */
  constructor(
    plugins: PluginPool,
    chain: readonly PluginUse[],
    log: Log,
    wheel: TimerWheel,
    openQuota: OpenQuota | null = null,
  ) {
    this.#plugins = plugins;
    this.#log = log;
    this.#openQuota = openQuota;
    this.#retirement = new Retirement(wheel);
    const claims = plugins.begin('');
    this.#gatewayChain = claims.filters(chain);
    claims.commit();
  }

  /**
   * Resolves when the delta is in force, for a small one before this returns, or is ignored because it is not newer
   * than what is in force. Endpoints pass by what waits for other tenants, also by a build that has begun.
   * @throws GatewayError when the delta is refused.
   */
  apply(delta: Delta): Promise<void> {
    if (!('tenant' in delta)) return this.#queue.run(this.#takePlugin(delta));
    const { tenant } = delta;
    const waiting = this.#waiting.get(tenant) ?? 0;
    if (delta.kind === 'endpoints' && waiting === 0) return this.#queue.run(this.#takeEndpoints(delta), true);
    this.#waiting.set(tenant, waiting + 1);
    return this.#queue.run(this.#carryOut(delta));
  }

  /** Releases connections and plugins. What is not applied yet never is. */
  close(): void {
    this.#queue.close();
    for (const tenant of this.snapshot.tenants.values()) this.#retireClusters(tenant, null);
    this.#retirement.close();
    this.#plugins.close();
  }

  #settle(tenant: string): void {
    const waiting = this.#waiting.get(tenant)! - 1;
    if (waiting === 0) this.#waiting.delete(tenant);
    else this.#waiting.set(tenant, waiting);
  }

  /** What is in order with everything else of its tenant. */
  *#carryOut(delta: TenantDelta): Steps<void> {
    const { kind, tenant } = delta;
    try {
      if (kind === 'tenant') yield* this.#takeTenant(delta);
      else if (kind === 'endpoints') yield* this.#takeEndpoints(delta);
      else if (kind === 'tenant-removed') yield* this.#replace(delta, null);
      else yield* this.#replace(delta, { name: tenant, domains: delta.domains, available: false });
    } finally {
      this.#settle(tenant);
    }
  }

  *#takePlugin(delta: PluginState | PluginRemoved): Steps<void> {
    if (delta.kind === 'plugin-removed') this.#plugins.removeModule(delta.plugin);
    else {
      yield* this.#plugins.setModule(delta.module);
      yield* this.#plugins.startTicking('', delta.ticking);
    }
    this.#advance(delta.version, {});
  }

  *#takeTenant(delta: TenantPart): Steps<void> {
    if (!this.#isNewer(delta)) return;
    if (delta.part === 0) this.#head = JSON.parse(delta.head) as TenantHead;
    yield;
    const entries = this.#routes.add(delta.tenant, delta, delta.routes);
    if (entries !== null) yield* this.#buildTenant(delta, this.#head!, entries);
  }

  *#buildTenant(delta: TenantPart, head: TenantHead, entries: readonly RouteEntry[]): Steps<void> {
    const { config, unmatched, quota, ticking } = head;
    const plugins = this.#plugins.begin(delta.tenant);
    try {
      const { tenant, install } = yield* buildTenant({
        config: { ...config, routes: entries.map(([route]) => route) },
        series: entries.map(([, series]) => series),
        unmatched,
        quota: quota === undefined ? null : (this.#openQuota?.(quota) ?? null),
        gatewayChain: this.#gatewayChain,
        plugins,
        previous: this.snapshot.tenants.get(delta.tenant),
        ahead: this.#ahead.get(delta.tenant) ?? new Map<string, EndpointList>(),
      });
      yield* this.#replace(delta, tenant, install);
    } catch (error) {
      plugins.abandon();
      throw error;
    } finally {
      this.#ahead.delete(delta.tenant);
    }
    plugins.commit();
    yield* this.#plugins.startTicking(delta.tenant, ticking);
  }

  *#takeEndpoints(delta: EndpointsPart): Steps<void> {
    const { version, tenant, service, state } = delta;
    const endpoints = this.#endpoints.add(`${tenant}\n${service}`, delta, delta.endpoints);
    if (endpoints === null) return;
    const runtime = this.snapshot.tenants.get(tenant);
    const cluster = runtime?.available === true ? runtime.clusters.get(service) : undefined;
    if (cluster === undefined) {
      this.#log.debug({ tenant, service }, 'endpoints of a service that the tenant does not have yet');
      if (runtime !== undefined) this.#keepAhead(tenant, service, { endpoints, state });
    } else if (version > (this.#listVersions.get(cluster) ?? 0)) {
      // Routes do not depend on endpoints: a push swaps the cluster's own immutable set and rebuilds nothing else.
      yield* cluster.updateSteps({ endpoints, state });
      this.#listVersions.set(cluster, version);
    }
    this.#advance(version, {});
  }

  #keepAhead(tenant: string, service: string, list: EndpointList): void {
    const lists = this.#ahead.get(tenant) ?? new Map<string, EndpointList>();
    this.#ahead.set(tenant, lists.set(service, list));
  }

  #isNewer({ tenant, version }: TenantDelta): boolean {
    return version > (this.#versions.get(tenant) ?? 0);
  }

  *#replace(delta: TenantDelta, next: Tenant | null, install: () => void = () => {}): Steps<void> {
    if (!this.#isNewer(delta)) return;
    const { tenant, version } = delta;
    const previous = this.snapshot.tenants.get(tenant);
    const domains = yield* this.snapshot.domains.withSteps(this.#movesOf(tenant, previous, next));
    const tenants = this.snapshot.tenants.with(tenant, next ?? undefined);
    if (next === null) this.#versions.delete(tenant);
    else this.#versions.set(tenant, version);
    install();
    this.#advance(version, { domains, tenants });
    if (previous !== undefined) this.#retireClusters(previous, next);
    if (next === null) this.#ahead.delete(tenant);
    if (next === null || !next.available) this.#plugins.begin(tenant).commit();
  }

  /** What changes of the domains, as far as no other tenant has taken them over meanwhile. */
  #movesOf(name: string, previous: Tenant | undefined, next: Tenant | null): Map<string, Tenant | undefined> {
    const { domains } = this.snapshot;
    const moves = new Map<string, Tenant | undefined>();
    for (const domain of previous?.domains ?? []) {
      if (domains.get(domain)?.name === name) moves.set(domain, undefined);
    }
    for (const domain of next?.domains ?? []) moves.set(domain, next!);
    return moves;
  }

  #advance(version: number, changes: Partial<Snapshot>): void {
    const newest = Math.max(version, this.snapshot.version);
    this.snapshot = { ...this.snapshot, ...changes, version: newest, builtAt: Date.now() };
  }

  /** Gives up the clusters that `next` does not carry on. */
  #retireClusters(tenant: Tenant, next: Tenant | null): void {
    if (!tenant.available) return;
    for (const [service, cluster] of tenant.clusters) {
      if (next === null || !next.available || next.clusters.get(service) !== cluster) this.#retirement.add(cluster);
    }
  }
}
