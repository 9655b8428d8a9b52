import { CODE_CLASSES, DURATION_BOUNDS, SERIES } from '../core/metrics.ts';
import type { SeriesLabels, SeriesTable } from '../core/series-table.ts';
import { type MetricFamily, METRICS } from './metric-names.ts';

const CODE_ENDS: readonly string[] = CODE_CLASSES.map((code) => `,code="${code}"} `);
const BUCKET_ENDS: readonly string[] = [...DURATION_BOUNDS.map(String), '+Inf'].map((bound) => `,le="${bound}"} `);

/** The lines before the first sample of a family. */
export function familyHead(family: MetricFamily): string {
  return `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n`;
}

const UNSAFE_LABEL = /["\\\n]/g;

/** A label value as the text format wants it: quote, backslash and newline escaped. */
export function labelValue(value: string): string {
  return value.replace(UNSAFE_LABEL, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/**
 * The per-route families in Prometheus' text format, summed over all workers. Series without a finished request are left
 * out: thousands of idle routes would make most of the page.
 */
export function renderRouteMetrics(table: SeriesTable): Buffer {
  const page = new RoutePage();
  table.forEach((labels, values) => page.add(labels, values));
  return page.bytes();
}

class RoutePage {
  readonly #requests = new FamilyText(METRICS.requests);
  readonly #durations = new FamilyText(METRICS.requestDuration);
  readonly #bytesIn = new FamilyText(METRICS.requestBytes);
  readonly #bytesOut = new FamilyText(METRICS.responseBytes);

  add(labels: SeriesLabels, values: Float64Array): void {
    const count = countOf(values);
    if (count === 0) return;
    const start = `{tenant="${labelValue(labels.tenant)}",route="${labelValue(labels.route)}",lane="${labelValue(labels.lane)}"`;
    this.#addCodes(METRICS.requests.name + start, values);
    this.#addDurations(start, values, count);
    this.#bytesIn.append(`${METRICS.requestBytes.name}${start}} ${values[SERIES.bytesIn]}\n`);
    this.#bytesOut.append(`${METRICS.responseBytes.name}${start}} ${values[SERIES.bytesOut]}\n`);
  }

  bytes(): Buffer {
    return Buffer.concat([this.#requests, this.#durations, this.#bytesIn, this.#bytesOut].map((text) => text.bytes));
  }

  #addCodes(start: string, values: Float64Array): void {
    let lines = '';
    for (let i = 0; i < CODE_ENDS.length; i++) lines += `${start}${CODE_ENDS[i]}${values[SERIES.codes + i]}\n`;
    this.#requests.append(lines);
  }

  #addDurations(start: string, values: Float64Array, count: number): void {
    const name = METRICS.requestDuration.name;
    const bucket = `${name}_bucket${start}`;
    let lines = '';
    let cumulative = 0;
    for (let i = 0; i < BUCKET_ENDS.length; i++) {
      cumulative += values[SERIES.buckets + i]!;
      lines += `${bucket}${BUCKET_ENDS[i]}${cumulative}\n`;
    }
    this.#durations.append(
      `${lines}${name}_sum${start}} ${values[SERIES.durationSum]}\n${name}_count${start}} ${count}\n`,
    );
  }
}

const LONGEST_CHARACTER = 3;

/**
 * The lines of one family as bytes. A page of 10 000 routes has 24 MB: gathered in one string it costs twice the time,
 * most of it when the string is made of its million pieces at last.
 */
class FamilyText {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  constructor(family: MetricFamily) {
    this.append(familyHead(family));
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(lines: string): void {
    const most = this.#length + lines.length * LONGEST_CHARACTER;
    if (most > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * most);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(lines, this.#length);
  }
}

/** The count of a histogram is its last bucket: workers add while this reads, and both must agree. */
function countOf(values: Float64Array): number {
  let count = 0;
  for (let i = 0; i < BUCKET_ENDS.length; i++) count += values[SERIES.buckets + i]!;
  return count;
}
