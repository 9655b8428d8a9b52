import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { type TenantQuota, Verdict } from '../core/tenant-quota.ts';
import type { BodySource } from '../exchange/body.ts';
import type { Exchange, UpstreamSocket } from '../exchange/exchange.ts';
import type { Destination } from '../filters/filter.ts';
import type { Lane } from '../routing/lanes.ts';
import { normalizePath } from '../routing/path.ts';
import type { RouteMatch } from '../routing/route.ts';
import type { RouteRuntime, Snapshot, TenantRuntime, UnavailableTenant } from '../runtime/snapshot.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { Gateway } from './gateway.ts';

/** An exchange and the choices made for it: tenant, route, lane, service. Some are made anew when filters change what they go by. */
export abstract class RoutedExchange implements Destination {
  protected readonly gateway: Gateway;
  protected readonly x: Exchange;
  protected tenant: TenantRuntime | null = null;
  protected route: RouteRuntime | null = null;
  protected match: RouteMatch | null = null;
  protected lane: Lane | null = null;
  protected setCookies: readonly string[] | null = null;
  /** Seconds after which a client may come back that a quota has turned away; 0 = none has. */
  protected retryAfter = 0;
  #snapshot: Snapshot | null = null;
  /** What counts this exchange until it ends. */
  #quota: TenantQuota | null = null;
  /** Authority that routes are looked up by: the last one that the tenant owns. */
  #host = '';
  /** Of the request body as the listener allows it. */
  #bodyLimit = 0;
  /** Protocols that the client offers. */
  #offered = '';
  /** Service of the route; undefined: none was picked yet. */
  #service: string | null | undefined = undefined;

  constructor(gateway: Gateway, x: Exchange) {
    this.gateway = gateway;
    this.x = x;
  }

  /** The request is on its way to its service. */
  protected abstract get departed(): boolean;
  abstract get connection(): UpstreamSocket | null;
  protected abstract get endpoint(): Endpoint | null;

  /** Chooses tenant, route and lane; answers why that cannot be done, or null. */
  protected choose(): ErrorCode | null {
    const x = this.x;
    const target = normalizePath(x.target);
    if (target === null) return 'SLUICE_REQUEST_PATH_INVALID';
    x.target = target;
    const { snapshot } = this.gateway.dataPlane;
    this.#snapshot = snapshot;
    x.snapshotVersion = snapshot.version;
    this.#host = x.authority;
    this.#offered = x.upgrade;
    if (x.body !== null) this.#bodyLimit = x.body.limit;
    const tenant = snapshot.domains.find(x.authority);
    if (tenant === undefined) return 'SLUICE_ROUTE_DOMAIN_UNKNOWN';
    return this.#enterTenant(tenant) ?? this.#chooseRoute();
  }

  /**
   * The same anew. Another authority stays within the tenant, unless `mayLeaveTenant`: one that is not the tenant's is
   * then only what the service gets to see.
   */
  protected chooseAgain(mayLeaveTenant: boolean): ErrorCode | null {
    const x = this.x;
    const target = normalizePath(x.target);
    if (target === null) return 'SLUICE_REQUEST_PATH_INVALID';
    x.target = target;
    const owner = this.#snapshot!.domains.find(x.authority);
    const moves = mayLeaveTenant && owner !== undefined && owner !== this.tenant;
    if (moves || owner === this.tenant) this.#host = x.authority;
    x.upgrade = this.#offered;
    if (x.upgrade !== '') x.requestHeaders.set('upgrade', x.upgrade);
    const wish = this.#wishedLane();
    const error = (moves ? this.#enterTenant(owner) : null) ?? this.#chooseRoute(wish);
    if (error === null) return null;
    this.route = null;
    this.match = null;
    x.route = '';
    return error;
  }

  /** Books the exchange out. */
  protected leaveTenant(): void {
    this.#quota?.release();
    this.#quota = null;
  }

  #enterTenant(tenant: TenantRuntime | UnavailableTenant): ErrorCode | null {
    this.leaveTenant();
    this.x.tenant = tenant.name;
    this.tenant = null;
    if (!tenant.available) return 'SLUICE_TENANT_UNAVAILABLE';
    this.tenant = tenant;
    return tenant.quota === null ? null : this.#admit(tenant.quota);
  }

  #admit(quota: TenantQuota): ErrorCode | null {
    const verdict = quota.admit();
    if (verdict === Verdict.admitted) {
      this.#quota = quota;
      return null;
    }
    this.retryAfter = quota.retryAfter;
    return verdict === Verdict.rate ? 'SLUICE_QUOTA_RATE' : 'SLUICE_QUOTA_CONCURRENCY';
  }

  /** @param wish tag of a lane that a plugin has asked for; '' = none */
  #chooseRoute(wish = ''): ErrorCode | null {
    const x = this.x;
    const tenant = this.tenant!;
    const match = tenant.routes.match(x, this.#host);
    if (match === null) return 'SLUICE_ROUTE_NOT_FOUND';
    const route = tenant.runtimes[match.route.index]!;
    const { lane } = this;
    if (match !== this.match) {
      this.#service = undefined;
      x.upstreamOverride = '';
    }
    this.match = match;
    this.route = route;
    x.route = match.route.id;
    if (x.body !== null && !limitBody(x.body, Math.min(this.#bodyLimit, route.maxBodySize))) {
      return 'SLUICE_REQUEST_BODY_TOO_LARGE';
    }
    if (x.upgrade !== '' && match.route.split !== null && !chooseProtocols(x, route.upgrades)) {
      return 'SLUICE_UPGRADE_REFUSED';
    }
    this.#chooseLane(tenant, wish);
    if (this.lane !== lane) x.upstreamOverride = '';
    return null;
  }

  #chooseLane({ lanes }: TenantRuntime, wish: string): void {
    const x = this.x;
    const decision = this.gateway.laneDecision;
    lanes.decide(x, decision, wish);
    lanes.apply(x, decision);
    // A service that merges trailers with headers would take one for the decision.
    if (x.body !== null) x.body.hiddenTrailer = lanes.tagHeader;
    this.lane = decision.lane;
    this.setCookies = decision.setCookies;
  }

  /**
   * The tag header may hold what the gateway wrote there itself, which is no wish of the caller's and goes, or what a
   * plugin has written since, which chooses a lane; '' = it has not.
   */
  #wishedLane(): string {
    const { requestHeaders, laneRule } = this.x;
    const { tagHeader } = this.tenant!.lanes;
    const tag = requestHeaders.get(tagHeader) ?? '';
    const wished = tag !== '' && tag !== this.lane?.tag;
    if (wished || laneRule !== 'tag') requestHeaders.remove(tagHeader);
    return wished ? tag : '';
  }

  /** The service that the request goes to, picked once; null: no service has a share. */
  protected pickService(): string | null {
    this.#service ??= this.match?.route.split?.pick(Math.random()) ?? null;
    return this.#service;
  }

  protected get cluster(): Cluster | null {
    const service = this.pickService();
    return service === null ? null : (this.tenant?.clusters.get(service) ?? null);
  }

  // --- what filters may know and steer (Destination)

  get clusterName(): string {
    const service = this.pickService();
    return service === null ? '' : (this.tenant?.serviceNames.clusterOf(service) ?? '');
  }

  get endpointMetadata(): Readonly<Record<string, string>> | null {
    return this.endpoint?.record.metadata ?? null;
  }

  hosts(): string[] | null {
    const cluster = this.departed ? null : this.cluster;
    if (cluster === null) return null;
    const pairs: string[] = [];
    for (const endpoint of cluster.candidates(this.laneTag, this.mayFallBack, LIMITS.pluginUpstreamHosts)) {
      const { weight, metadata } = endpoint.record;
      const state = { health_status: 'Healthy', weight, in_flight: endpoint.inFlight, metadata };
      pairs.push(endpoint.address, Buffer.from(JSON.stringify(state)).toString('latin1'));
    }
    return pairs;
  }

  override(address: string): boolean {
    const cluster = this.departed ? null : this.cluster;
    if (cluster === null || cluster.pickAddress(address, this.laneTag, this.mayFallBack) === null) return false;
    this.x.upstreamOverride = address;
    return true;
  }

  /** '' = baseline. */
  protected get laneTag(): string {
    return this.lane?.tag ?? '';
  }

  protected get mayFallBack(): boolean {
    return this.lane !== null && this.lane.fallback === 'baseline';
  }
}

/** Lowers what a body may have to `limit`; false when it announces more than it may have. */
function limitBody(body: BodySource, limit: number): boolean {
  body.limit = limit;
  return body.length <= limit && body.received <= limit;
}

/** Keeps of the protocols that the client offers those that the route allows; false when none is left. */
function chooseProtocols(x: Exchange, allowed: readonly string[]): boolean {
  x.upgrade = x.upgrade
    .split(', ')
    .filter((protocol) => allowed.includes(protocol))
    .join(', ');
  if (x.upgrade !== '') x.requestHeaders.set('upgrade', x.upgrade);
  return x.upgrade !== '';
}
