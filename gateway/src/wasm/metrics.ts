import { LIMITS } from '../core/limits.ts';
import { MetricType, Status } from './abi.ts';

/** One series of a plugin, for exposition. */
export interface MetricSample {
  /** As the plugin named it, with characters that Prometheus does not know replaced by `_`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Of a histogram the sum of what was recorded. */
  readonly value: number;
  /** Recorded values of a histogram; 0 for the others. */
  readonly count: number;
}

const TYPES = ['counter', 'gauge', 'histogram'] as const;

class Series {
  readonly name: string;
  readonly type: number;
  value = 0;
  count = 0;

  constructor(name: string, type: number) {
    this.name = name;
    this.type = type;
  }
}

/** The metrics that one plugin defined; they outlive its VMs. Exact up to 2⁵³. */
export class MetricSet {
  readonly #ids = new Map<string, number>();
  /** Series 0 is the sink for those beyond the limit; ids are numbers in this list plus one. */
  readonly #series: Series[] = [new Series('', MetricType.gauge)];

  /** Id of a series, the same for the same type and name; 0 = such a type does not exist. Names are cut to the limit. */
  define(type: number, rawName: string): number {
    if (type > MetricType.histogram) return 0;
    const name = rawName.slice(0, LIMITS.pluginMetricNameBytes);
    const key = `${type}:${name}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#ids.size >= LIMITS.pluginMetrics) return 1;
    const id = this.#series.push(new Series(name.replaceAll(/[^a-zA-Z0-9_:]/g, '_'), type));
    this.#ids.set(key, id);
    return id;
  }

  increment(id: number, delta: number): number {
    const series = this.#series[id - 1];
    if (series === undefined) return Status.notFound;
    if (series.type === MetricType.histogram || (series.type === MetricType.counter && delta < 0)) {
      return Status.badArgument;
    }
    series.value += delta;
    return Status.ok;
  }

  record(id: number, value: number): number {
    const series = this.#series[id - 1];
    if (series === undefined) return Status.notFound;
    if (series.type === MetricType.gauge) series.value = value;
    else series.value += value;
    series.count++;
    return Status.ok;
  }

  /** Value of a counter or gauge; null: no such series, or a histogram. */
  get(id: number): number | null {
    const series = this.#series[id - 1];
    return series === undefined || series.type === MetricType.histogram ? null : series.value;
  }

  has(id: number): boolean {
    return this.#series[id - 1] !== undefined;
  }

  samples(): MetricSample[] {
    return this.#series.slice(1).map((series) => ({
      name: series.name,
      type: TYPES[series.type]!,
      value: series.value,
      count: series.type === MetricType.histogram ? series.count : 0,
    }));
  }
}
