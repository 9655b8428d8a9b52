import type { GoalResult } from './goals.ts';
import type { Machine } from './machine.ts';
import type { Figure, Ratio, Run } from './statistics.ts';

/** A subject that took no part. */
export interface Skipped {
  readonly scenario: string;
  readonly subject: string;
  readonly reason: string;
}

/** The JSON of a benchmark. */
export interface Result {
  /** The command line, and when it was given (ISO 8601). */
  readonly command: string;
  readonly measuredAt: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** What made the load, by scenario. */
  readonly generators: Readonly<Record<string, string>>;
  readonly runs: readonly Run[];
  readonly ratios: readonly Ratio[];
  /** Measured inside of a process. */
  readonly figures: readonly Figure[];
  readonly goals: readonly GoalResult[];
  readonly skipped: readonly Skipped[];
}
