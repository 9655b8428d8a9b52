import type { QuotaUsage } from '../core/quota-table.ts';
import { METRICS } from './metric-names.ts';
import { familyHead, labelValue } from './route-metrics.ts';

/** Quotas in Prometheus' text format: of each tenant, those that it has. */
export function renderQuotaMetrics(quotas: readonly QuotaUsage[]): string {
  const { quotaRefused, quotaActive } = METRICS;
  let refused = familyHead(quotaRefused);
  let active = familyHead(quotaActive);
  for (const { tenant, limits, ...usage } of quotas) {
    const label = `{tenant="${labelValue(tenant)}"`;
    if (limits.requestsPerSecond > 0) refused += `${quotaRefused.name}${label},quota="rate"} ${usage.refusedByRate}\n`;
    if (limits.concurrency === 0) continue;
    refused += `${quotaRefused.name}${label},quota="concurrency"} ${usage.refusedByConcurrency}\n`;
    active += `${quotaActive.name}${label}} ${usage.active}\n`;
  }
  return refused + active;
}
