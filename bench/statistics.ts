/** What one turn of a load saw; times in milliseconds. */
export interface Reading {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One subject in one round of a scenario. */
export interface Run {
  readonly scenario: string;
  readonly subject: string;
  /** From 1. */
  readonly round: number;
  readonly requestsPerSecond: number;
  /** Of the subject's process tree; null for `direct`, which has none, and where the system does not tell. */
  readonly cpuMicrosPerRequest: number | null;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly rssMiB: number | null;
  /** Failed connections, timeouts, answers other than 2xx and 3xx, and `miscounted`. */
  readonly errors: number;
  /** Requests that its own metrics count, where it has any. */
  readonly countedBySubject?: number;
  /** By how many that differs from what the load has seen; requests under way when the load ends are forgiven. */
  readonly miscounted?: number;
  /** Scenarios with idle connections: resident memory that one of them takes. */
  readonly idleConnectionKiB?: number | null;
}

/** A cost of parts of the gateway, measured inside of a process. */
export interface Figure {
  readonly scenario: string;
  /** Language of a plugin; '' = the gateway's own. */
  readonly subject: string;
  readonly name: string;
  readonly unit: 'ns' | 'µs' | 'ms' | 'KiB' | '%' | '';
  /** Median. */
  readonly value: number;
}

/** How one subject did against another: the median of the rounds' ratios. */
export interface Ratio {
  readonly scenario: string;
  readonly subject: string;
  readonly against: string;
  readonly requestsPerSecond: number;
  /** null where one of the two has none. */
  readonly cpuMicrosPerRequest: number | null;
}

/** Two decimals. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** @param sorted ascending @param share 0 to 1 @returns 0 for no values */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Makes a reading of single latencies. */
export function summarize(latencies: number[], seconds: number, errors: number): Reading {
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    requests: sorted.length,
    seconds,
    errors,
    p50: round(percentile(sorted, 0.5)),
    p99: round(percentile(sorted, 0.99)),
    max: round(sorted.at(-1) ?? 0),
  };
}

/**
 * Every subject against each of `references` that took part. Runs of one round are compared with each other, since the
 * machine drifts between rounds; the median of the rounds counts.
 */
export function ratiosOf(runs: readonly Run[], references: readonly string[]): Ratio[] {
  const scenarios = [...new Set(runs.map(({ scenario }) => scenario))];
  return scenarios.flatMap((scenario) => {
    const own = runs.filter((run) => run.scenario === scenario);
    const subjects = [...new Set(own.map(({ subject }) => subject))];
    return subjects.flatMap((subject) =>
      references
        .filter((against) => against !== subject && subjects.includes(against))
        .map((against) => ratioOf(scenario, own, subject, against)),
    );
  });
}

function ratioOf(scenario: string, runs: readonly Run[], subject: string, against: string): Ratio {
  const throughput: number[] = [];
  const cpu: number[] = [];
  for (const run of runs.filter((each) => each.subject === subject)) {
    const other = runs.find((each) => each.subject === against && each.round === run.round);
    if (other === undefined) continue;
    throughput.push(run.requestsPerSecond / other.requestsPerSecond);
    if (run.cpuMicrosPerRequest === null || other.cpuMicrosPerRequest === null) continue;
    cpu.push(run.cpuMicrosPerRequest / other.cpuMicrosPerRequest);
  }
  return {
    scenario,
    subject,
    against,
    requestsPerSecond: round(median(throughput)),
    cpuMicrosPerRequest: cpu.length === 0 ? null : round(median(cpu)),
  };
}
