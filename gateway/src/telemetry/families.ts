import type { MetricFamily } from './metric-names.ts';
import { familyHead, labelValue } from './route-metrics.ts';

/** Values of the labels of a family. */
export type Labels = Readonly<Record<string, string | number>>;

/** Reports one sample; samples with equal labels add up. */
export type Sample = (labels: Labels, value: number) => void;

interface Entry {
  readonly family: MetricFamily;
  readonly read: (sample: Sample) => void;
  readonly least: number;
}

/**
 * Families that are read anew at each scrape, in Prometheus' text format. prom-client does the same at ten times the cost
 * for each labelled sample, and there are tens of thousands of them with a thousand tenants.
 */
export class Families {
  readonly #entries: Entry[] = [];
  #page = 0;

  gauge(family: MetricFamily, read: (sample: Sample) => void): void {
    this.#entries.push({ family, read, least: Number.NEGATIVE_INFINITY });
  }

  /** Never below 0. */
  counter(family: MetricFamily, read: (sample: Sample) => void): void {
    this.#entries.push({ family, read, least: 0 });
  }

  /** What several families read, read once for each page. */
  once<T>(read: () => T): () => T {
    let page = 0;
    let value: T;
    return () => {
      if (page !== this.#page) value = read();
      page = this.#page;
      return value;
    };
  }

  render(): string {
    this.#page++;
    return this.#entries.map(render).join('');
  }
}

function render({ family, read, least }: Entry): string {
  const { name, labels: names } = family;
  const starts = names.map((label, index) => `${index === 0 ? '{' : ','}${label}="`);
  const sums = new Map<string, number>();
  read((labels, value) => {
    let key = '';
    for (let i = 0; i < starts.length; i++) key += `${starts[i]}${labelValue(String(labels[names[i]!] ?? ''))}"`;
    // One odd number must not cost the whole page.
    sums.set(key, (sums.get(key) ?? 0) + (Number.isFinite(value) ? Math.max(least, value) : 0));
  });
  const end = names.length === 0 ? ' ' : '} ';
  let text = familyHead(family);
  for (const [key, value] of sums) text += `${name}${key}${end}${value}\n`;
  return text;
}
