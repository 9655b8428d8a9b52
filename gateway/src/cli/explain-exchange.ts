import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { nearest } from '../config/suggest.ts';
import { describeError, type ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { applyForwarded, TrustedProxies } from '../proxy/forwarded.ts';
import { removeHopByHop } from '../proxy/hop-by-hop.ts';
import { compileTenant } from '../routing/compile.ts';
import { DomainIndex, hostOf } from '../routing/domains.ts';
import { compileLanes } from '../routing/lanes.ts';
import { normalizePath } from '../routing/path.ts';
import type { RouteMatch } from '../routing/route.ts';
import { inRunningOrder } from '../runtime/plugin-pool.ts';
import { serviceRefOf } from '../runtime/subscriptions.ts';
import { explainLane } from './explain-lane.ts';
import { explainRoutes } from './explain-routes.ts';
import type { Action, Explanation, PluginPlace, Refusal, ServiceShare } from './explanation.ts';

const NEAREST_SHOWN = 5;

/**
 * Takes an exchange the way that `proxy/handle.ts` takes it, up to where something would be sent, and notes each
 * decision. Plugins do not run. `x` is changed as a request is.
 * @throws GatewayError SLUICE_CONFIG_INVALID when the tenant cannot be compiled.
 */
export function explainExchange(gateway: GatewayConfig, tenants: readonly TenantConfig[], x: Exchange): Explanation {
  removeHopByHop(x.requestHeaders);
  applyForwarded(x, new TrustedProxies(gateway.trustedProxies));
  const { method, scheme, authority: host, originalTarget, clientAddress } = x;
  const target = Buffer.from(originalTarget, 'latin1').toString('utf8');
  const nothing: Explanation = {
    request: { method, scheme, host, target, clientAddress },
    refusal: null,
    tenant: null,
    nearestDomains: [],
    route: null,
    candidates: [],
    lane: null,
    plugins: [],
    action: null,
  };
  const normal = normalizePath(originalTarget);
  if (normal === null) return { ...nothing, refusal: refusalOf('SLUICE_REQUEST_PATH_INVALID') };
  x.target = normal;

  const owner = domainsOf(tenants).find(host);
  if (owner === undefined) {
    const nearestDomains = nearestTo(hostOf(host), tenants);
    return { ...nothing, nearestDomains, refusal: refusalOf('SLUICE_ROUTE_DOMAIN_UNKNOWN') };
  }
  const { config, domain } = owner;
  const found: Explanation = { ...nothing, tenant: { name: config.tenant, domain } };

  const routes = compileTenant(config);
  const match = routes.match(x);
  const choice = explainRoutes(routes, match, x);
  if (match === null) return { ...found, ...choice, refusal: refusalOf('SLUICE_ROUTE_NOT_FOUND') };
  const table = compileLanes(config);
  const lane = explainLane(config, table, x);
  const plugins = chainOf(gateway, config, match);
  const { action, refusal } = actionOf(config, table.tagHeader, match, x);
  return { ...found, ...choice, lane, plugins, action, refusal };
}

export function refusalOf(code: ErrorCode): Refusal {
  const { status, message } = describeError(code);
  return { code, status, message };
}

interface Owner {
  readonly config: TenantConfig;
  readonly domain: string;
}

function domainsOf(tenants: readonly TenantConfig[]): DomainIndex<Owner> {
  return DomainIndex.empty<Owner>().with(
    tenants.flatMap((config) => config.domains.map((domain): [string, Owner] => [domain, { config, domain }])),
  );
}

/** A name with a slip of the pen first, then those that end alike. */
function nearestTo(host: string, tenants: readonly TenantConfig[]): string[] {
  const domains = tenants.flatMap((tenant) => tenant.domains);
  const labels = (name: string): string[] => name.split('.').reverse();
  const wanted = labels(host);
  const alike = (domain: string): number => {
    const at = labels(domain).findIndex((label, index) => label !== wanted[index]);
    return at === -1 ? wanted.length : at;
  };
  const slip = nearest(host, domains);
  const sorted = domains.toSorted((a, b) => alike(b) - alike(a));
  return [...new Set(slip === undefined ? sorted : [slip, ...sorted])].slice(0, NEAREST_SHOWN);
}

function chainOf(gateway: GatewayConfig, tenant: TenantConfig, { route }: RouteMatch): PluginPlace[] {
  const owners = [
    ['gateway', gateway.chain],
    ['tenant', tenant.plugins],
    ['route', route.config.plugins],
  ] as const;
  return owners.flatMap(([origin, uses]) =>
    inRunningOrder(uses).map(({ use, priority, onFailure }) => ({ name: use, origin, priority, onFailure })),
  );
}

/** What the route does once the plugins have let the request pass. */
function actionOf(
  config: TenantConfig,
  tagHeader: string,
  { route, redirect, rewrite }: RouteMatch,
  x: Exchange,
): Pick<Explanation, 'action' | 'refusal'> {
  if (redirect !== null) {
    return { action: { kind: 'redirect', status: redirect.status, location: redirect.location(x) }, refusal: null };
  }
  if (route.respond !== null) {
    const { status, headers, body } = route.respond;
    return { action: { kind: 'respond', status, headers, bodyBytes: Buffer.byteLength(body) }, refusal: null };
  }
  if (route.split!.pick(0) === null) return { action: null, refusal: refusalOf('SLUICE_UPSTREAM_NO_ENDPOINT') };
  if (rewrite?.apply(x) === false) return { action: null, refusal: refusalOf('SLUICE_REQUEST_PATH_INVALID') };
  const action: Action = {
    kind: 'upstream',
    method: x.method,
    target: x.target,
    host: x.requestHeaders.get('host') ?? x.authority,
    tagHeader,
    tag: x.requestHeaders.get(tagHeader) ?? null,
    services: sharesOf(config, route.config.upstream),
  };
  return { action, refusal: null };
}

function sharesOf(config: TenantConfig, upstream: RouteMatch['route']['config']['upstream']): ServiceShare[] {
  const services = upstream?.services ?? [{ service: upstream?.service ?? '', weight: 1 }];
  const total = services.reduce((sum, { weight }) => sum + weight, 0);
  return services.map(({ service, weight }) => {
    return { service, weight, share: weight / total, ...serviceRefOf(config, service) };
  });
}
