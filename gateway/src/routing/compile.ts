import type { MatchConfig, RouteConfig, TenantConfig } from '../config/schema-tenant.ts';
import { GatewayError } from '../core/errors.ts';
import { runThrough, type Steps } from '../core/steps.ts';
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
   *
   * @param authority default: the exchange's own
   */
  match(x: Exchange, authority = x.authority): RouteMatch | null {
    const path = stripParameters(x.path);
    if (!path.startsWith('/')) return null;
    // Empty, unless a match before this one threw.
    indexes.length = 0;
    lists.length = 0;
    if (this.#byHost !== null) this.#byHost.findAll(authority, indexes);
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

function compileAlternative(config: MatchConfig, { rewrite, redirect }: RouteConfig): CompiledAlternative {
  const path = compilePath(config.path);
  return {
    config,
    path,
    conditions: compileConditions(config),
    rewrite: compileRewrite(rewrite, path),
    redirect: compileRedirect(redirect, path),
  };
}

/**
 * Compiles the routes of a tenant. The configuration is checked already; what cannot be compiled all the same (a
 * pattern, a template, a path that no request can have) throws a GatewayError `SLUICE_CONFIG_INVALID` that names tenant
 * and route.
 */
export function compileTenant(config: TenantConfig): TenantRoutes {
  return runThrough(compileTenantSteps(config));
}

/** `compileTenant`, in steps of one alternative of a route. */
export function* compileTenantSteps(config: TenantConfig): Steps<TenantRoutes> {
  const builder = new RoutesBuilder();
  for (const route of config.routes) {
    try {
      yield* builder.add(route);
    } catch (error) {
      const place = `tenant ${config.tenant}, route ${route.id}: ${(error as Error).message}`;
      throw new GatewayError('SLUICE_CONFIG_INVALID', place, { cause: error });
    }
  }
  return yield* builder.finish();
}

class RoutesBuilder {
  readonly #routes: Route[] = [];
  readonly #matches: RouteMatch[] = [];
  readonly #anyHost = new PathIndex<RouteMatch>();
  readonly #byHost = new Map<string, PathIndex<RouteMatch>>();

  *add(config: RouteConfig): Steps<void> {
    const route = new Route(config, this.#routes.length);
    for (const [number, match] of config.match.entries()) {
      const alternative = compileAlternative(match, config);
      for (const host of config.hosts ?? [null]) {
        const compiled = new RouteMatch(route, number, host, alternative, this.#matches.length);
        this.#matches.push(compiled);
        this.#indexFor(host).add(compiled.path, compiled);
      }
      yield;
    }
    this.#routes.push(route);
  }

  *finish(): Steps<TenantRoutes> {
    for (const index of [this.#anyHost, ...this.#byHost.values()]) yield* index.sort(comparePrecedence);
    const hosts =
      this.#byHost.size === 0 ? null : yield* DomainIndex.empty<PathIndex<RouteMatch>>().withSteps(this.#byHost);
    return new TenantRoutes(this.#routes, this.#matches, this.#anyHost, hosts);
  }

  #indexFor(host: string | null): PathIndex<RouteMatch> {
    if (host === null) return this.#anyHost;
    const key = host.toLowerCase();
    let index = this.#byHost.get(key);
    if (index === undefined) {
      index = new PathIndex();
      this.#byHost.set(key, index);
    }
    return index;
  }
}
