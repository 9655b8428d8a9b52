import type { Exchange } from '../exchange/exchange.ts';
import type { TenantRoutes } from './compile.ts';
import { DomainIndex } from './domains.ts';
import { stripParameters } from './path.ts';
import { PathIndex } from './path-index.ts';
import { allHold } from './predicates.ts';
import { comparePrecedence, type RouteMatch } from './route.ts';

/** Which parts of a match hold for a request. */
export interface Standing {
  readonly match: RouteMatch;
  readonly host: boolean;
  readonly path: boolean;
  readonly method: boolean;
  /** Headers, cookies, query and client address together. */
  readonly conditions: boolean;
}

/**
 * How every match of a tenant stands to a request, in order of precedence: the first that holds as a whole is the one
 * that `TenantRoutes.match` finds. For explanations: each match is tested, so the cost grows with their number.
 */
export function standings(routes: TenantRoutes, x: Exchange): Standing[] {
  const path = stripParameters(x.path);
  return routes.matches.toSorted(comparePrecedence).map((match) => ({
    match,
    host: hostHolds(match, x),
    path: pathHolds(match, path),
    method: match.allowsMethod(x.method),
    conditions: allHold(match.conditions, x),
  }));
}

/** Whether a match holds as a whole. */
export function holds({ host, path, method, conditions }: Standing): boolean {
  return host && path && method && conditions;
}

function hostHolds({ host }: RouteMatch, x: Exchange): boolean {
  return (
    host === null ||
    DomainIndex.empty<true>()
      .with([[host, true]])
      .find(x.authority) === true
  );
}

/** Asks an index with this match alone, so that there is one meaning of paths. */
function pathHolds(match: RouteMatch, path: string): boolean {
  if (!path.startsWith('/')) return false;
  const index = new PathIndex<RouteMatch>();
  index.add(match.path, match);
  const found: RouteMatch[][] = [];
  index.collect(path, found);
  return found.length > 0 && (match.path.regex === null || match.path.regex.test(path));
}
