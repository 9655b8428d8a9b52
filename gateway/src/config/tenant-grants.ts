import type { QuotaLimits } from '../core/quota-memory.ts';
import type { TenantLimits, TenantsSection } from './schema-tenants-section.ts';

// Apart from the schema, so that workers need not load what checks configuration.

/** What one tenant may take: `tenants.limits`, with its own `overrides` in their place. */
export function limitsOf(
  { limits, overrides }: Pick<TenantsSection, 'limits' | 'overrides'>,
  tenant: string,
): TenantLimits {
  const own = Object.hasOwn(overrides, tenant) ? overrides[tenant] : undefined;
  return own === undefined ? limits : { ...limits, ...own.limits };
}

/** What one tenant may use, or null when nothing bounds it: `tenants.quotas`, with its own `overrides` in their place. */
export function quotasOf(
  { quotas, overrides }: Pick<TenantsSection, 'quotas' | 'overrides'>,
  tenant: string,
): QuotaLimits | null {
  const own = Object.hasOwn(overrides, tenant) ? overrides[tenant]!.quotas : {};
  const requestsPerSecond = own.requestsPerSecond ?? quotas.requestsPerSecond ?? 0;
  const concurrency = own.concurrency ?? quotas.concurrency ?? 0;
  if (requestsPerSecond === 0 && concurrency === 0) return null;
  // The general burst belongs to the general rate.
  const burst = own.burst ?? (own.requestsPerSecond === undefined ? quotas.burst : undefined) ?? 0;
  return { requestsPerSecond, burst: burst === 0 ? requestsPerSecond : burst, concurrency };
}
