import type { MatchConfig, RespondConfig, RouteConfig } from '../config/schema-tenant.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Condition } from './predicates.ts';
import { allHold } from './predicates.ts';
import { PATH_KINDS, type PathMatcher } from './path-matcher.ts';
import type { RedirectTarget } from './redirect.ts';
import type { Rewrite } from './rewrite.ts';
import { compileSplit, type ServiceSplit } from './split.ts';

/** A compiled route. Exactly one of `split`, `redirect` (on the match) and `respond` says what happens. */
export class Route {
  readonly id: string;
  /** Place in the tenant's list of routes. */
  readonly index: number;
  readonly config: RouteConfig;
  /** Services to forward to; null when the route redirects or responds itself. */
  readonly split: ServiceSplit | null;
  /** A fixed answer, or null. */
  readonly respond: RespondConfig | null;

  constructor(config: RouteConfig, index: number) {
    this.id = config.id;
    this.index = index;
    this.config = config;
    this.split = compileSplit(config.upstream);
    this.respond = config.respond ?? null;
  }
}

/** Meaning of the numbers of a `Precedence`, the most important first; in each the higher number wins. */
export const PRECEDENCE = ['priority', 'host', 'pathKind', 'path', 'method', 'headers', 'query', 'order'] as const;
export type Precedence = readonly number[];

/** Exact hosts before wildcards, longer ones first, no host last. */
function hostRank(host: string | null): number {
  if (host === null) return 0;
  return host.startsWith('*.') ? host.length : 1000 + host.length;
}

/** One alternative of a route for one of its hosts: what a request is matched with. Immutable, shared by all requests. */
export class RouteMatch {
  readonly route: Route;
  /** Place in the route's list of alternatives. */
  readonly alternative: number;
  /** The host it is bound to, as configured; null = every domain of the tenant. */
  readonly host: string | null;
  readonly path: PathMatcher;
  /** null = every method. */
  readonly methods: readonly string[] | null;
  readonly conditions: readonly Condition[];
  readonly precedence: Precedence;
  readonly rewrite: Rewrite | null;
  readonly redirect: RedirectTarget | null;

  constructor(
    route: Route,
    alternative: number,
    host: string | null,
    compiled: CompiledAlternative,
    /** Number of this match in the file, counted over all routes. */
    order: number,
  ) {
    const { config, path } = compiled;
    this.route = route;
    this.alternative = alternative;
    this.host = host;
    this.path = path;
    this.methods = config.methods ?? null;
    this.conditions = compiled.conditions;
    this.rewrite = compiled.rewrite;
    this.redirect = compiled.redirect;
    this.precedence = [
      route.config.priority,
      hostRank(host),
      PATH_KINDS[path.kind],
      path.specificity,
      config.methods === undefined ? 0 : 1,
      config.headers?.length ?? 0,
      config.query?.length ?? 0,
      -order,
    ];
  }

  allowsMethod(method: string): boolean {
    return this.methods === null || this.methods.includes(method);
  }

  /** Whether the rest holds, given that the index found this match for the path (regular expressions excepted). */
  accepts(x: Exchange, path: string): boolean {
    if (!this.allowsMethod(x.method)) return false;
    if (this.path.regex !== null && !this.path.regex.test(path)) return false;
    return allHold(this.conditions, x);
  }
}

/** What the matches of one alternative have in common, whatever their host. */
export interface CompiledAlternative {
  readonly config: MatchConfig;
  readonly path: PathMatcher;
  readonly conditions: readonly Condition[];
  readonly rewrite: Rewrite | null;
  readonly redirect: RedirectTarget | null;
}

/** Negative when `a` goes before `b`. Never 0 for two matches of one tenant. */
export function comparePrecedence(a: RouteMatch, b: RouteMatch): number {
  for (let i = 0; i < a.precedence.length; i++) {
    const difference = b.precedence[i]! - a.precedence[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
