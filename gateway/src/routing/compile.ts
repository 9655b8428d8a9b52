import type { RouteConfig, TenantConfig } from '../config/schema-tenant.ts';
import { GatewayError } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { DomainIndex } from './domains.ts';
import { stripParameters } from './path.ts';
import { PathIndex } from './path-index.ts';
import { compilePath } from './path-matcher.ts';
import { compileConditions } from './predicates.ts';
import { compileRedirect } from './redirect.ts';
import { compileRewrite } from './rewrite.ts';
import { type CompiledAlternative, comparePrecedence, Route, RouteMatch } from './route.ts';

/** All routes of a tenant, indexed. Immutable. */
export class TenantRoutes {
  /** In file order. */
  readonly routes: readonly Route[];
  /** What the indexes hold, in file order. Explanations go through it, requests never. */
  readonly matches: readonly RouteMatch[];
  /** Matches that are bound to no host. */
  readonly #anyHost: PathIndex<RouteMatch>;
  /** Matches by host; null when no route names one. */
  readonly #byHost: DomainIndex<PathIndex<RouteMatch>> | null;

  constructor(
    routes: readonly Route[],
    matches: readonly RouteMatch[],
    anyHost: PathIndex<RouteMatch>,
    byHost: DomainIndex<PathIndex<RouteMatch>> | null,
  ) {
    this.routes = routes;
    this.matches = matches;
    this.#anyHost = anyHost;
    this.#byHost = byHost;
  }

  /**
   * The match of highest precedence whose path, method and conditions hold, or null. Wants `x.target` in the form of
   * `normalizePath`, and `x.clientAddress` set. The tenant was chosen before: hosts outside its domains are not asked.
   */
  match(x: Exchange): RouteMatch | null {
    const path = stripParameters(x.path);
    if (!path.startsWith('/')) return null;
    // Empty, unless a match before this one threw.
    indexes.length = 0;
    lists.length = 0;
    if (this.#byHost !== null) this.#byHost.findAll(x.authority, indexes);
    for (const index of indexes) index.collect(path, lists);
    this.#anyHost.collect(path, lists);
    const match = lists.length === 0 ? null : firstAccepted(x, path);
    indexes.length = 0;
    lists.length = 0;
    return match;
  }
}

// Scratch of `match`, which is synchronous and does not call itself.
const indexes: PathIndex<RouteMatch>[] = [];
const lists: RouteMatch[][] = [];
const cursors: number[] = [];

/** Goes through `lists` merged by precedence. */
function firstAccepted(x: Exchange, path: string): RouteMatch | null {
  for (let i = 0; i < lists.length; i++) cursors[i] = 0;
  for (;;) {
    let best: RouteMatch | undefined;
    let from = 0;
    for (let i = 0; i < lists.length; i++) {
      const head = lists[i]![cursors[i]!];
      if (head === undefined || (best !== undefined && comparePrecedence(best, head) <= 0)) continue;
      best = head;
      from = i;
    }
    if (best === undefined) return null;
    if (best.accepts(x, path)) return best;
    cursors[from]!++;
  }
}

function compileAlternatives(config: RouteConfig): CompiledAlternative[] {
  return config.match.map((match) => {
    const path = compilePath(match.path);
    return {
      config: match,
      path,
      conditions: compileConditions(match),
      rewrite: compileRewrite(config.rewrite, path),
      redirect: compileRedirect(config.redirect, path),
    };
  });
}

/**
 * Compiles the routes of a tenant. The configuration is checked already; what cannot be compiled all the same (a
 * pattern, a template, a path that no request can have) throws a GatewayError `SLUICE_CONFIG_INVALID` that names tenant
 * and route.
 */
export function compileTenant(config: TenantConfig): TenantRoutes {
  const anyHost = new PathIndex<RouteMatch>();
  const byHost = new Map<string, PathIndex<RouteMatch>>();
  const matches: RouteMatch[] = [];
  const routes = config.routes.map((routeConfig, index) => {
    try {
      const route = new Route(routeConfig, index);
      const alternatives = compileAlternatives(routeConfig);
      for (const [number, alternative] of alternatives.entries()) {
        for (const host of routeConfig.hosts ?? [null]) {
          const match = new RouteMatch(route, number, host, alternative, matches.length);
          matches.push(match);
          indexFor(host).add(match.path, match);
        }
      }
      return route;
    } catch (error) {
      const place = `tenant ${config.tenant}, route ${routeConfig.id}: ${(error as Error).message}`;
      throw new GatewayError('SLUICE_CONFIG_INVALID', place, { cause: error });
    }
  });
  for (const index of [anyHost, ...byHost.values()]) index.sort(comparePrecedence);
  const hosts = byHost.size === 0 ? null : DomainIndex.empty<PathIndex<RouteMatch>>().with(byHost);
  return new TenantRoutes(routes, matches, anyHost, hosts);

  function indexFor(host: string | null): PathIndex<RouteMatch> {
    if (host === null) return anyHost;
    const key = host.toLowerCase();
    let index = byHost.get(key);
    if (index === undefined) {
      index = new PathIndex();
      byHost.set(key, index);
    }
    return index;
  }
}
