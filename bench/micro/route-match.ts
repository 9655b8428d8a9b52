import { DomainIndex } from '../../gateway/src/routing/domains.ts';
import type { TenantRoutes } from '../../gateway/src/routing/compile.ts';
import { request, routesOf } from '../../gateway/src/routing/fixture.suite.ts';
import { domainsOf, paths, TENANTS } from '../subjects/many-routes.ts';
import { time } from './harness.ts';

const REQUESTS = 1000;
/** Shares no factor with what it strides over. */
const STRIDE = 37;

function index(tenants: number, routes: number): DomainIndex<TenantRoutes> {
  const prefixes = paths().slice(0, routes);
  const compiled = routesOf(prefixes.map((prefix) => ({ match: { path: { prefix } }, to: 'data' })));
  const names = Array.from({ length: tenants }, (_, tenant) => domainsOf(tenant)).flat();
  return DomainIndex.empty<TenantRoutes>().with(names.map((name) => [name, compiled]));
}

function measure(name: string, tenants: number, routes: number): void {
  const domains = index(tenants, routes);
  const names = Array.from({ length: tenants }, (_, tenant) => domainsOf(tenant)).flat();
  const requests = Array.from({ length: REQUESTS }, (_, at) => {
    const path = paths()[(at * STRIDE) % routes]!;
    return request(`${path}/items`, { host: names[(at * STRIDE) % names.length]! });
  });
  let at = 0;
  time(name, () => {
    const x = requests[at++ % REQUESTS]!;
    const match = domains.find(x.authority)!.match(x);
    if (match === null) throw new Error('a request of this benchmark has no route');
    return match;
  });
}

measure('match, 1 000 domains, 1 000 routes of each tenant', TENANTS, 1000);
measure('match, 100 domains, 1 route', 1, 1);
