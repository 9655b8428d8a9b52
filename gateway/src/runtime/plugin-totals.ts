import type { MetricSample } from '../wasm/metrics.ts';
import type { PluginReport } from './feed.ts';

/**
 * What plugins have counted whose worker or configuration is gone, so that sums never go back: counters and histograms
 * of the last report. What was so at a moment (instances, memory, gauges) went with them.
 */
export class PluginTotals {
  readonly #byUse = new Map<string, PluginReport>();

  /** One entry for each plugin and tenant. */
  get reports(): PluginReport[] {
    return [...this.#byUse.values()];
  }

  /** Keeps the counts of what has ended. */
  add(reports: readonly PluginReport[]): void {
    for (const report of reports) {
      const key = useOf(report);
      const before = this.#byUse.get(key);
      this.#byUse.set(key, before === undefined ? countsOf(report) : sumOf(before, countsOf(report)));
    }
  }

  /** Drops the counts of those who run the plugin no longer, as workers do that live on. */
  retain(runs: (tenant: string, plugin: string) => boolean): void {
    for (const [key, { tenant, plugin }] of this.#byUse) if (!runs(tenant, plugin)) this.#byUse.delete(key);
  }
}

/** What tells the uses of plugins apart in metrics and admin API. */
export function useOf({ plugin, tenant }: PluginReport): string {
  return `${plugin}\n${tenant}`;
}

/** What of a report only grows. */
export function countsOf(report: PluginReport): PluginReport {
  return {
    ...report,
    stats: { ...report.stats, state: 'closed', lastFailure: '', failures: 0, instances: 0, memoryBytes: 0 },
    metrics: report.metrics.filter(({ type }) => type !== 'gauge'),
  };
}

/** Sums of two reports of one use. The rest is the later one's. */
function sumOf(a: PluginReport, b: PluginReport): PluginReport {
  const [x, y] = [a.stats, b.stats];
  const stats = {
    ...y,
    exchanges: x.exchanges + y.exchanges,
    calls: x.calls + y.calls,
    fuel: x.fuel + y.fuel,
    timeUs: x.timeUs + y.timeUs,
    starts: x.starts + y.starts,
    logLinesDropped: x.logLinesDropped + y.logLinesDropped,
    evictions: x.evictions + y.evictions,
    recycles: x.recycles + y.recycles,
    traps: sumOfCounts([x.traps, y.traps]),
    callouts: sumOfCounts([x.callouts, y.callouts]),
    queues: sumOfCounts([x.queues, y.queues]),
    refusals: sumOfCounts([x.refusals, y.refusals]),
  };
  return { ...b, stats, metrics: sumOfMetrics([...a.metrics, ...b.metrics]) };
}

/** Counts by name. */
export function sumOfCounts<K extends string, T extends Readonly<Partial<Record<K, number>>>>(counts: readonly T[]): T {
  const sum: Partial<Record<string, number>> = {};
  for (const each of counts) {
    for (const [name, count] of Object.entries<number | undefined>(each)) sum[name] = (sum[name] ?? 0) + (count ?? 0);
  }
  return sum as T;
}

/** Samples of equal name and type as one, with the sum of their values. */
export function sumOfMetrics(samples: readonly MetricSample[]): MetricSample[] {
  const byName = new Map<string, MetricSample>();
  for (const sample of samples) {
    const key = `${sample.type} ${sample.name}`;
    const { value, count } = byName.get(key) ?? { value: 0, count: 0 };
    byName.set(key, { ...sample, value: value + sample.value, count: count + sample.count });
  }
  return [...byName.values()];
}
