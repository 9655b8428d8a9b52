import type { PluginUse } from '../config/schema-common.ts';
import type { Log } from '../core/log.ts';
import type { TimerWheel } from '../core/wheel.ts';
import type { FilterFactory } from '../filters/filter.ts';
import { buildTenant } from './build.ts';
import type { Delta } from './feed.ts';
import type { PluginPool } from './plugin-pool.ts';
import { Retirement } from './retirement.ts';
import { emptySnapshot, type Snapshot, type TenantRuntime, type UnavailableTenant } from './snapshot.ts';

type Tenant = TenantRuntime | UnavailableTenant;

/**
 * One worker's side of the feed: turns deltas into snapshots. A delta that cannot be built leaves everything as it was;
 * exchanges under way keep what they began with.
 */
export class DataPlane {
  snapshot: Snapshot = emptySnapshot();
  readonly #plugins: PluginPool;
  readonly #log: Log;
  readonly #gatewayChain: readonly FilterFactory[];
  /** Clusters whose service no route uses any more. */
  readonly #retirement: Retirement;

  constructor(plugins: PluginPool, chain: readonly PluginUse[], log: Log, wheel: TimerWheel) {
    this.#plugins = plugins;
    this.#log = log;
    this.#retirement = new Retirement(wheel);
    const claims = plugins.begin('');
    this.#gatewayChain = claims.filters(chain);
    claims.commit();
  }

  /** @throws GatewayError when the delta is refused. A delta that is not newer than the snapshot is ignored. */
  apply(delta: Delta): void {
    if (delta.version <= this.snapshot.version) return;
    switch (delta.kind) {
      case 'tenant':
        this.#applyTenant(delta);
        break;
      case 'tenant-unavailable':
        this.#replace(delta.version, delta.tenant, { name: delta.tenant, domains: delta.domains, available: false });
        break;
      case 'tenant-removed':
        this.#replace(delta.version, delta.tenant, null);
        break;
      case 'endpoints':
        this.#applyEndpoints(delta);
        break;
    }
  }

  /** Releases connections and plugins. */
  close(): void {
    for (const tenant of this.snapshot.tenants.values()) this.#retireClusters(tenant, null);
    this.#retirement.close();
    this.#plugins.close();
  }

  #applyTenant({ version, config, series }: Extract<Delta, { kind: 'tenant' }>): void {
    const previous = this.snapshot.tenants.get(config.tenant);
    const plugins = this.#plugins.begin(config.tenant);
    let tenant: TenantRuntime;
    try {
      tenant = buildTenant({ config, series, gatewayChain: this.#gatewayChain, plugins, previous });
    } catch (error) {
      plugins.abandon();
      throw error;
    }
    this.#replace(version, config.tenant, tenant);
    plugins.commit();
  }

  #applyEndpoints({ version, tenant, service, list }: Extract<Delta, { kind: 'endpoints' }>): void {
    const runtime = this.snapshot.tenants.get(tenant);
    const cluster = runtime?.available === true ? runtime.clusters.get(service) : undefined;
    if (cluster === undefined) this.#log.debug({ tenant, service }, 'endpoints of a service that no route uses');
    // Routes do not depend on endpoints: a push swaps the cluster's own immutable set and rebuilds nothing else.
    cluster?.update(list);
    this.snapshot = { ...this.snapshot, version, builtAt: Date.now() };
  }

  #replace(version: number, name: string, next: Tenant | null): void {
    const { tenants, domains } = this.snapshot;
    const previous = tenants.get(name);
    const changed = new Map(tenants);
    if (next === null) changed.delete(name);
    else changed.set(name, next);
    const moves: [string, Tenant | undefined][] = [];
    for (const domain of previous?.domains ?? []) {
      // Another tenant may have taken it over meanwhile.
      if (domains.get(domain)?.name === name) moves.push([domain, undefined]);
    }
    for (const domain of next?.domains ?? []) moves.push([domain, next!]);
    this.snapshot = { version, builtAt: Date.now(), tenants: changed, domains: domains.with(moves) };
    if (previous !== undefined) this.#retireClusters(previous, next);
    if (next === null || !next.available) this.#plugins.begin(name).commit();
  }

  /** Gives up the clusters that `next` does not carry on. */
  #retireClusters(tenant: Tenant, next: Tenant | null): void {
    if (!tenant.available) return;
    for (const [service, cluster] of tenant.clusters) {
      if (next === null || !next.available || next.clusters.get(service) !== cluster) this.#retirement.add(cluster);
    }
  }
}
