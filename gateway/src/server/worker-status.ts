import type { WorkerStatus } from '../telemetry/gateway-stats.ts';
import type { ReadinessReason } from './admin-state.ts';
import { END_REASONS, NO_REPORT } from './worker-handle.ts';
import type { WorkerSeat } from './worker-seat.ts';

/** One worker as metrics and admin API show it. @param version newest version of the configuration. */
export function workerStatus({ index, state, handle, ends, lastEnd }: WorkerSeat, version: number): WorkerStatus {
  const { snapshotVersion, activeExchanges, loopDelayP99Ms, overload } = handle?.report ?? NO_REPORT;
  return {
    worker: index,
    state,
    restarts: Object.fromEntries(END_REASONS.map((reason) => [reason, ends.get(reason) ?? 0])),
    lastEnd: lastEnd === null ? '' : `${lastEnd.reason}: ${firstLine(lastEnd.detail)}`,
    snapshotVersion,
    lag: Math.max(0, version - (handle?.feed.appliedVersion ?? 0)),
    activeExchanges,
    eventLoopDelaySeconds: loopDelayP99Ms / 1000,
    overloadLevel: overload.level,
    pressures: overload.pressures,
  };
}

/** Why seats have no worker that serves, in words. */
export function workersMissing(seats: readonly WorkerSeat[]): ReadinessReason[] {
  return seats
    .filter(({ state }) => state === 'starting' || state === 'restarting')
    .map(({ index, restarts, lastEnd }) => {
      const again = lastEnd === null ? '' : `, restarted ${restarts} times, last for ${lastEnd.reason}`;
      return { part: 'workers', reason: `worker ${index} does not serve yet${again}` };
    });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
