import type { ErrorCode } from '../core/errors.ts';
import { type CalloutResult, CRASH_CAUSES, type CrashCause } from './host.ts';

/**
 * `idle`: no VM, until the next exchange. `running`. `waiting`: the VM failed and is built anew soon. `broken`: it failed
 * again and again (the breaker is open; a rebuild is tried after each wait). `closed`: no longer in use.
 */
export type PluginState = 'idle' | 'running' | 'waiting' | 'broken' | 'closed';

/** Why an exchange got no VM: it is down after failures, its tenant or worker has no room, or no time, for it. */
export type RefusalReason = 'unavailable' | 'no-room' | 'cpu';

/** What the exchange fails with, if it does. */
export const REFUSALS: Readonly<Record<RefusalReason, ErrorCode>> = {
  unavailable: 'SLUICE_PLUGIN_UNAVAILABLE',
  'no-room': 'SLUICE_PLUGIN_NO_ROOM',
  cpu: 'SLUICE_PLUGIN_CPU_EXHAUSTED',
};

export interface PluginStats {
  readonly state: PluginState;
  /** Failures in a row. */
  readonly failures: number;
  /** Words of the last failure, '' when there was none. */
  readonly lastFailure: string;
  readonly exchanges: number;
  /** Callbacks. */
  readonly calls: number;
  /** Instructions of all callbacks, host calls by their price included. */
  readonly fuel: number;
  readonly timeUs: number;
  readonly traps: Readonly<Record<CrashCause, number>>;
  /** Callouts by how they ended. */
  readonly callouts: Readonly<Partial<Record<CalloutResult, number>>>;
  /** Messages that it appended to queues, and those that were lost for it. */
  readonly queues: Readonly<Record<'enqueued' | 'dropped', number>>;
  /** VMs started, those that were ended because nobody used them, and those that were replaced for their size. */
  readonly starts: number;
  readonly evictions: number;
  readonly recycles: number;
  /** Exchanges that got no VM, by the reason. */
  readonly refusals: Readonly<Record<RefusalReason, number>>;
  /** VMs alive: the current one and those that finish their exchanges. */
  readonly instances: number;
  readonly memoryBytes: number;
  readonly logLinesDropped: number;
}

/** What a plugin has done and suffered so far, over all its VMs. */
export class PluginCounts {
  exchanges = 0;
  calls = 0;
  fuel = 0;
  timeUs = 0;
  starts = 0;
  evictions = 0;
  recycles = 0;
  readonly traps = Object.fromEntries(CRASH_CAUSES.map((cause) => [cause, 0])) as Record<CrashCause, number>;
  readonly callouts: Partial<Record<CalloutResult, number>> = {};
  readonly refusals: Record<RefusalReason, number> = { unavailable: 0, 'no-room': 0, cpu: 0 };

  /** As they are now. */
  read() {
    const { exchanges, calls, fuel, timeUs, starts, evictions, recycles } = this;
    const kinds = { traps: { ...this.traps }, callouts: { ...this.callouts }, refusals: { ...this.refusals } };
    return { exchanges, calls, fuel, timeUs, starts, evictions, recycles, ...kinds };
  }
}
