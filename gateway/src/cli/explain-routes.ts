import type { Exchange } from '../exchange/exchange.ts';
import type { TenantRoutes } from '../routing/compile.ts';
import { PRECEDENCE, type RouteMatch } from '../routing/route.ts';
import { holds, type Standing, standings } from '../routing/standing.ts';
import { describeMatch } from '../server/status.ts';
import { unmetConditions } from './explain-conditions.ts';
import type { Alternative, Candidate, Decisive, WinningRoute } from './explanation.ts';

const SHOWN = 5;

/** The winner in words, and the others that held too or nearly did. */
export interface RouteChoice {
  readonly route: WinningRoute | null;
  readonly candidates: readonly Candidate[];
}

/**
 * Says why `winner`, which `routes.match` found, was chosen and others were not.
 * @param winner null when no route matches
 */
export function explainRoutes(routes: TenantRoutes, winner: RouteMatch | null, x: Exchange): RouteChoice {
  const others = standings(routes, x).filter(({ match }) => match !== winner);
  const next = others.find((standing) => holds(standing) && standing.match.route !== winner?.route);
  const won = winner === null || next === undefined ? null : decisive(winner, next.match);
  return {
    route: winner === null ? null : { ...alternativeOf(winner), won },
    candidates: nearest(others, winner, x).map((standing) => candidateOf(standing, winner, x)),
  };
}

/** Those whose host and path hold, in order of precedence; then those whose path begins like the request's. */
function nearest(others: readonly Standing[], winner: RouteMatch | null, x: Exchange): Standing[] {
  const begun = others
    .filter(({ host, path, match }) => !(host && path) && (path || shared(match, x) > 1))
    .sort((a, b) => missing(a) - missing(b) || shared(b.match, x) - shared(a.match, x));
  const seen = new Set(winner === null ? [] : [keyOf(winner)]);
  const found: Standing[] = [];
  for (const standing of [...others.filter(({ host, path }) => host && path), ...begun]) {
    // One alternative stands there once for each host of its route.
    if (seen.has(keyOf(standing.match))) continue;
    seen.add(keyOf(standing.match));
    found.push(standing);
    if (found.length === SHOWN) break;
  }
  return found;
}

function keyOf({ route, alternative }: RouteMatch): string {
  return `${route.index}/${alternative}`;
}

function missing({ host, path, method, conditions }: Standing): number {
  return [host, path, method, conditions].filter((part) => !part).length;
}

/** How many characters the path of a match and that of the request have in common at the beginning. */
function shared({ path }: RouteMatch, x: Exchange): number {
  let length = 0;
  while (length < path.text.length && path.text[length] === x.target[length]) length++;
  return length;
}

function alternativeOf({ route, alternative, host }: RouteMatch): Alternative {
  const match = describeMatch(route.config.match[alternative]!);
  return { route: route.id, alternative: alternative + 1, host, match };
}

function candidateOf(standing: Standing, winner: RouteMatch | null, x: Exchange): Candidate {
  const { match } = standing;
  const held = holds(standing);
  const reasons = held && winner !== null ? [decisive(winner, match).words] : obstacles(standing, x);
  return { ...alternativeOf(match), holds: held, reasons };
}

function obstacles({ match, host, path, method }: Standing, x: Exchange): string[] {
  const config = match.route.config.match[match.alternative]!;
  const found: string[] = [];
  if (!host) found.push(`the host is ${x.authority}, not ${match.host}`);
  if (!path) found.push(`the path ${x.path} is not ${match.path.kind} ${match.path.text || '/'}`);
  if (!method) found.push(`the method is ${x.method}, not ${config.methods?.join(' or ')}`);
  return [...found, ...unmetConditions(config, x)];
}

/** The first element of the precedence in which two matches differ. */
function decisive(winner: RouteMatch, other: RouteMatch): Decisive {
  const at = winner.precedence.findIndex((value, index) => value !== other.precedence[index]);
  const by = PRECEDENCE[at]!;
  return { over: other.route.id, by, words: `${winner.route.id} has ${advantage(by, winner, other)}` };
}

const LONGER = {
  exact: '',
  prefix: 'the longer prefix',
  regex: 'the longer pattern',
  template: 'more literal segments',
};

function advantage(by: Decisive['by'], winner: RouteMatch, other: RouteMatch): string {
  const [more, less] = [winner, other].map((match) => match.precedence[PRECEDENCE.indexOf(by)]);
  switch (by) {
    case 'priority':
      return `the higher priority, ${more} before ${less}`;
    case 'host':
      return `the more specific host, ${winner.host} before ${other.host ?? 'any'}`;
    case 'pathKind':
      return `a path by ${winner.path.kind}, which goes before ${other.path.kind}`;
    case 'path':
      return `${LONGER[winner.path.kind]}, ${winner.path.text} before ${other.path.text || '/'}`;
    case 'method':
      return 'a method given';
    case 'headers':
      return `more header comparisons, ${more} before ${less}`;
    case 'query':
      return `more query comparisons, ${more} before ${less}`;
    default:
      return 'the earlier place in the file, all else being equal';
  }
}
