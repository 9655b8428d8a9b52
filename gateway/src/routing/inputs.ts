import type { TenantConfig } from '../config/schema-tenant.ts';
import type { ConditionsConfig } from './predicates.ts';

/**
 * What the choice of route and lane of a tenant's exchanges goes by: lower-case names of a request head, pseudo headers
 * included. An exchange in which none of them changes keeps its route.
 */
export function routeInputs({ routes, lanes, tagHeader }: TenantConfig): ReadonlySet<string> {
  // The host chooses the tenant, and paths are compared in all but the simplest of files.
  const names = new Set([':path', ':authority']);
  for (const { match } of routes) {
    for (const alternative of match) {
      if (alternative.methods !== undefined) names.add(':method');
      addConditions(names, alternative);
    }
  }
  for (const lane of lanes) {
    names.add(tagHeader.toLowerCase());
    for (const rule of lane.rules) {
      addConditions(names, rule);
      if (rule.stickyBy?.header !== undefined) names.add(rule.stickyBy.header.toLowerCase());
      if (rule.stickyBy?.cookie !== undefined) names.add('cookie');
    }
  }
  return names;
}

/** Parameters of the query are part of the path. */
function addConditions(names: Set<string>, { headers = [], cookies = [] }: ConditionsConfig): void {
  for (const { name } of headers) names.add(name.toLowerCase());
  if (cookies.length > 0) names.add('cookie');
}
