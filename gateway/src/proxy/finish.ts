import { UNMATCHED_SERIES } from '../core/metrics.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { RouteRuntime, TenantRuntime } from '../runtime/snapshot.ts';
import type { Gateway } from './gateway.ts';

/** Books an exchange: metrics and access log. Called exactly once for each, whatever became of it. */
export function finish(gateway: Gateway, x: Exchange, tenant: TenantRuntime | null, route: RouteRuntime | null): void {
  gateway.activeExchanges--;
  // A body that nobody read would keep its connection waiting.
  x.body?.stop();
  const now = performance.now();
  const seconds = (now - x.startedAt) / 1000;
  gateway.metrics.observeRequest(seriesOf(x, tenant, route), x.status, seconds, x.bytesReceived, x.bytesSent);
  gateway.accessLog?.append(x, now);
}

function seriesOf(x: Exchange, tenant: TenantRuntime | null, route: RouteRuntime | null): number {
  if (tenant === null) return UNMATCHED_SERIES;
  if (route === null) return tenant.unmatchedSeries;
  return route.series[tenant.laneIndex.get(x.lane) ?? 0] ?? tenant.unmatchedSeries;
}
