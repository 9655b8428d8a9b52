import { WORKER_SLOTS } from '../core/metrics.ts';
import type { SeriesTable } from '../core/series-table.ts';
import type { ListenerPlace } from '../runtime/listener-feed.ts';
import type { ListenerStatus } from '../telemetry/gateway-stats.ts';
import type { ListenerPlan } from './listener-plan.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** Listeners with their connections over all workers, and their certificates. */
export function listenerStatuses(
  places: readonly ListenerPlace[],
  seats: readonly WorkerSeat[],
  plan: ListenerPlan,
): ListenerStatus[] {
  return places.map(({ name, address, port }) => ({
    listener: name,
    address,
    port,
    connections: seats.reduce((sum, { handle }) => sum + (handle?.report.connections.get(name) ?? 0), 0),
    certificates: plan.certificates(name),
  }));
}

/** TLS handshakes of all workers since the start, by result. */
export function handshakeTotals(series: SeriesTable): Readonly<Record<string, number>> {
  return {
    full: series.workerTotal(WORKER_SLOTS.tlsFull),
    resumed: series.workerTotal(WORKER_SLOTS.tlsResumed),
    rate_limited: series.workerTotal(WORKER_SLOTS.tlsRateLimited),
    timeout: series.workerTotal(WORKER_SLOTS.tlsTimeout),
    plain_http: series.workerTotal(WORKER_SLOTS.tlsPlainHttp),
    aborted: series.workerTotal(WORKER_SLOTS.tlsAborted),
    failed: series.workerTotal(WORKER_SLOTS.tlsFailed),
  };
}
