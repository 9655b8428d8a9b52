import { expect, it } from 'vitest';
import { request, routesOf } from './fixture.suite.ts';

// The index against a scan of all routes that is written from the rules of precedence alone.

interface Plan {
  readonly kind: 'exact' | 'template' | 'prefix' | 'regex';
  readonly path: string;
  readonly host: string | null;
  readonly method: string | null;
  readonly priority: number;
}

/** A generator of its own (mulberry32), so that every run sees the same cases. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const random = generator(20_260_821);
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const segments = (words: readonly string[]) => Array.from({ length: random(5) }, () => pick(words));

function randomPlan(): Plan {
  const kind = pick(['exact', 'template', 'prefix', 'regex'] as const);
  const words = kind === 'template' ? ['a', 'b', 'c', '{}', '{}'] : ['a', 'b', 'c', 'ab'];
  let variables = 0;
  const parts = segments(words).map((word) => (word === '{}' ? `{v${variables++}}` : word));
  if (kind === 'template' && random(3) === 0) parts.push('{rest=**}');
  const slash = kind !== 'regex' && random(6) === 0 && parts.at(-1) !== '{rest=**}' ? '/' : '';
  return {
    kind,
    path: kind === 'regex' ? `/${parts.join('/')}.*` : `/${parts.join('/')}${parts.length === 0 ? '' : slash}`,
    host: pick([null, null, 'x.a.example.com', 'y.a.example.com', '*.a.example.com', '*.example.com']),
    method: pick([null, null, 'GET', 'POST']),
    priority: pick([0, 0, 0, 1, -1]),
  };
}

function matchesPath(plan: Plan, path: string): boolean {
  if (plan.kind === 'exact') return path === plan.path;
  if (plan.kind === 'regex') return new RegExp(`^${plan.path}$`).test(path);
  const bare = plan.path.replace(/\/$/, '');
  if (plan.kind === 'prefix') return path === bare || path.startsWith(`${bare}/`);
  const pattern = plan.path.replace(/\/\{rest=\*\*\}$/, '(/.*)?').replace(/\{v\d\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`).test(path);
}

function matches(plan: Plan, path: string, host: string, method: string): boolean {
  if (plan.method !== null && plan.method !== method) return false;
  const covered =
    plan.host === null || plan.host === host || (plan.host[0] === '*' && host.endsWith(plan.host.slice(1)));
  return covered && matchesPath(plan, path);
}

function rank(plan: Plan): number[] {
  const { kind, path, host } = plan;
  const literals = path
    .split('/')
    .slice(1)
    .filter((part) => part[0] !== '{').length;
  const length = kind === 'prefix' ? path.replace(/\/$/, '').length : path.length;
  return [
    plan.priority,
    host === null ? 0 : host[0] === '*' ? 1 : 2,
    host?.length ?? 0,
    ['regex', 'prefix', 'template', 'exact'].indexOf(kind),
    kind === 'exact' ? 0 : kind === 'template' ? literals + (path.includes('**') ? 0 : 0.5) : length,
    plan.method === null ? 0 : 1,
  ];
}

function better(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at !== -1 && a[at]! > b[at]!;
}

/** Index of the route that a scan finds; -1 for none. */
function scan(plans: readonly Plan[], path: string, host: string, method: string): number {
  let best = -1;
  for (const [i, plan] of plans.entries()) {
    if (matches(plan, path, host, method) && (best === -1 || better(rank(plan), rank(plans[best]!)))) best = i;
  }
  return best;
}

it('finds what a scan of all routes finds', () => {
  let found = 0;
  for (let round = 0; round < 30; round++) {
    const plans = Array.from({ length: 1 + random(60) }, randomPlan);
    const routes = routesOf(
      plans.map(({ kind, path, host, method, priority }) => ({
        ...(host === null ? {} : { hosts: [host] }),
        match: { path: { [kind]: path }, ...(method === null ? {} : { methods: [method] }) },
        priority,
        to: 's',
      })),
    );
    for (let i = 0; i < 200; i++) {
      const path = `/${segments(['a', 'b', 'c', 'ab', 'zz']).join('/')}${random(4) === 0 ? '/' : ''}`.replace(
        '//',
        '/',
      );
      const [host, method] = [
        pick(['x.a.example.com', 'y.a.example.com', 'z.example.com']),
        pick(['GET', 'POST', 'PUT']),
      ];
      const expected = scan(plans, path, host, method);
      const index = routes.match(request(path, { host, method }))?.route.index ?? -1;
      expect([path, host, method, plans[index]]).toEqual([path, host, method, plans[expected]]);
      expect(index).toBe(expected);
      if (expected !== -1) found++;
    }
  }
  expect(found).toBeGreaterThan(2000);
});
