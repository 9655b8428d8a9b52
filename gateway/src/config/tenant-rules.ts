import { checkCeilings } from './ceiling-rules.ts';
import { checkDns } from './dns-rules.ts';
import { domainProblem } from './hosts.ts';
import { checkLanes } from './lane-rules.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { checkRoute, type RouteContext, writtenRoute } from './route-rules.ts';
import { type CataloguedPlugin, checkAddresses, checkPluginUses, given, noRepeats, unknownName } from './rules.ts';
import type { ServiceConfig, TenantConfig } from './schema-tenant.ts';
import type { TenantsSection } from './schema-tenants-section.ts';
import { isMapping } from './schema-view.ts';

/** What a tenant may refer to; a `GatewayConfig` is one. Null stands for what cannot be told: references to it pass. */
export interface TenantSurroundings {
  readonly plugins: readonly CataloguedPlugin[] | null;
  readonly registries: Readonly<Record<string, unknown>> | null;
  readonly secrets?: { readonly directory: string } | null;
  /** Absent parts: no ceiling. */
  readonly tenants?: Partial<Pick<TenantsSection, 'limits' | 'overrides'>>;
}

/**
 * Checks of a tenant that a schema cannot make. `tenant` may have stand-ins for what the report says cannot be read.
 * @param written the file's value, without defaults
 */
export function checkTenant(tenant: TenantConfig, written: unknown, gateway: TenantSurroundings, report: Report): void {
  checkCeilings(tenant, gateway.tenants, report);
  const domains = checkDomains(tenant, report);
  checkLanes(tenant, report);
  const catalogue = gateway.plugins;
  checkPluginUses(tenant.plugins, catalogue, ['plugins'], report);
  checkServices(tenant, gateway, report);
  const context: RouteContext = {
    domains,
    catalogue,
    checkService: (name, path) => checkServiceName(name, tenant, path, report),
    report,
  };
  const routes = isMapping(written) ? written['routes'] : undefined;
  for (const [index, route] of tenant.routes.entries()) {
    if (report.full) break;
    checkRoute(route, writtenRoute(routes, index), ['routes', index], context);
  }
  noRepeats(
    tenant.routes.map((route) => route.id),
    (index) => ['routes', index, 'id'],
    'route id',
    report,
  );
}

/** Returns the domains in lower case; null when one is wrong. */
function checkDomains(tenant: TenantConfig, report: Report): string[] | null {
  const domains = tenant.domains.map((domain) => domain.toLowerCase());
  let right = domains.length > 0;
  for (const [index, domain] of domains.entries()) {
    const problem = domainProblem(domain);
    if (problem === null) continue;
    right = false;
    report.add(
      ['domains', index],
      'SLUICE_CONFIG_VALUE',
      `${show(tenant.domains[index])}: ${problem.message}`,
      problem.remedy,
    );
  }
  noRepeats(domains, (index) => ['domains', index], 'domain', report);
  return right ? domains : null;
}

function checkServices(tenant: TenantConfig, gateway: TenantSurroundings, report: Report): void {
  if (tenant.discovery !== undefined) {
    checkRegistry(tenant.discovery.registry, gateway, ['discovery', 'registry'], report);
  }
  for (const [name, service] of Object.entries(tenant.services)) {
    const path = ['services', name];
    if (service.registry !== undefined) checkRegistry(service.registry, gateway, [...path, 'registry'], report);
    checkDns(service, path, report);
    if (service.dns !== undefined) continue;
    if (service.static !== undefined) checkStatic(service, path, report);
    else if (service.registry === undefined && tenant.discovery === undefined) {
      if (report.unread(path, ['static', 'registry', 'dns']) || report.unread(['discovery'])) continue;
      const remedy = 'give static, dns or registry, or discovery for the whole tenant';
      report.add(path, 'SLUICE_CONFIG_MISSING_KEY', 'nobody knows where this service is', remedy);
    }
  }
}

function checkRegistry(name: string, gateway: TenantSurroundings, path: Path, report: Report): void {
  const known = Object.keys(gateway.registries ?? {});
  if (gateway.registries === null || known.includes(name)) return;
  unknownName(name, known, { what: 'registry', empty: 'add it under registries in gateway.yaml' }, path, report);
}

function checkStatic(service: ServiceConfig, path: Path, report: Report): void {
  const endpoints = service.static ?? [];
  for (const key of given(service, ['registry', 'namespace', 'group', 'name'])) {
    const message = `a static service is in no registry, so ${key} has no effect`;
    report.add([...path, key], 'SLUICE_CONFIG_CONFLICT', message, `remove ${key}, or static`, 'key');
  }
  checkAddresses(endpoints, [...path, 'static'], report);
  if (endpoints.every(({ weight }) => weight === 0)) {
    report.add([...path, 'static'], 'SLUICE_CONFIG_VALUE', 'all weights are 0', 'give at least one endpoint a weight');
  }
}

function checkServiceName(name: string, tenant: TenantConfig, path: Path, report: Report): void {
  if (Object.hasOwn(tenant.services, name) || tenant.discovery !== undefined) return;
  if (report.unread([], ['services', 'discovery'])) return;
  const known = Object.keys(tenant.services);
  unknownName(name, known, { what: 'service', empty: 'add it under services, or give discovery' }, path, report);
}
