import type { Path } from './problem.ts';
import type { Report } from './report.ts';
import { reportCeiling } from './rules.ts';
import type { PluginUse } from './schema-common.ts';
import type { TenantConfig } from './schema-tenant.ts';
import type { TenantsSection } from './schema-tenants-section.ts';
import { limitsOf } from './tenant-grants.ts';

/**
 * Reports what a tenant has beyond what the operator grants it: the first route and the first plugin use that are too
 * many. Patterns are counted where they are checked.
 */
export function checkCeilings(
  tenant: TenantConfig,
  { limits, overrides = {} }: Partial<Pick<TenantsSection, 'limits' | 'overrides'>> = {},
  report: Report,
): void {
  if (limits === undefined) return;
  const { routes, regexes, plugins } = limitsOf({ limits, overrides }, tenant.tenant);
  report.maxRegexes = regexes;
  if (tenant.routes.length > routes) reportCeiling('routes', routes, ['routes', routes], report);
  const beyond = pluginsBeyond(tenant, plugins);
  if (beyond !== null) reportCeiling('plugins', plugins, beyond, report);
}

/** Place of the first use beyond `ceiling`, counting those of equal plugin and configuration once, as they share a VM. */
function pluginsBeyond(tenant: TenantConfig, ceiling: number): Path | null {
  const seen = new Set<string>();
  const look = (uses: readonly PluginUse[], path: Path): Path | null => {
    for (const [index, { use, config }] of uses.entries()) {
      seen.add(`${use}\n${JSON.stringify(config)}`);
      if (seen.size > ceiling) return [...path, index];
    }
    return null;
  };
  let beyond = look(tenant.plugins, ['plugins']);
  for (const [index, { plugins }] of tenant.routes.entries()) {
    if (beyond !== null) break;
    beyond = look(plugins, ['routes', index, 'plugins']);
  }
  return beyond;
}
