import {
  BASELINE,
  blockOf,
  FIRST_FREE_BLOCK,
  fixedView,
  generationOf,
  handleOf,
  MAX_BLOCKS,
  OTHER_SERIES,
  SERIES,
  type SeriesHandle,
  UNMATCHED_SERIES,
} from './metrics.ts';

/** Labels of one series. */
export interface SeriesLabels {
  readonly tenant: string;
  readonly route: string;
  /** 'baseline' or the lane's name. */
  readonly lane: string;
}

/** The lanes of one route, baseline first as ''. */
export interface RouteLanes {
  readonly route: string;
  readonly lanes: readonly string[];
}

const BLOCK_BYTES = SERIES.size * Float64Array.BYTES_PER_ELEMENT;
const GROWTH_BLOCKS = 1024;

/**
 * The main thread's side of the metric slots: which block belongs to which (tenant, route, lane), in every worker's
 * buffer alike. A block is zeroed when it is freed; its generation tells exchanges of an older snapshot, which may still
 * run, that it is no longer theirs. When all blocks are taken, further series are counted together as `_other`.
 */
export class SeriesTable {
  readonly #capacity: number;
  readonly #views: Float64Array[] = [];
  readonly #buffers: SharedArrayBuffer[] = [];
  readonly #labels: (SeriesLabels | null)[] = [];
  readonly #generations: Uint16Array;
  readonly #free: number[] = [];
  readonly #tenants = new Map<string, Map<string, SeriesHandle>>();
  #overflowed = 0;

  /** @param capacity most series at a time; at most `MAX_BLOCKS`. */
  constructor(capacity: number = MAX_BLOCKS) {
    this.#capacity = Math.min(capacity, MAX_BLOCKS);
    this.#generations = new Uint16Array(this.#capacity + FIRST_FREE_BLOCK);
    this.#labels.push(null);
    this.#labels[blockOf(OTHER_SERIES)] = { tenant: '_other', route: '_other', lane: '_other' };
    this.#labels[blockOf(UNMATCHED_SERIES)] = { tenant: '_none', route: '_none', lane: BASELINE };
  }

  /** How many series found no room since the start. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /**
   * A buffer for one worker. It outlives the worker: its replacement gets the same one, so that counters never go back.
   */
  attach(): SharedArrayBuffer {
    const maxByteLength = (this.#capacity + FIRST_FREE_BLOCK) * BLOCK_BYTES;
    const byteLength = Math.min(maxByteLength, roundUp(this.#labels.length) * BLOCK_BYTES);
    const buffer = new SharedArrayBuffer(byteLength, { maxByteLength });
    const view = new Float64Array(buffer);
    for (let block = FIRST_FREE_BLOCK; block < this.#labels.length; block++) {
      view[block * SERIES.size] = this.#generations[block]!;
    }
    this.#buffers.push(buffer);
    this.#views.push(view);
    return buffer;
  }

  /**
   * Makes `routes` the series of a tenant: existing (route, lane) pairs keep their handles and counts, new ones start
   * at zero, the others are freed. Handles come per route in the order of its lanes.
   */
  assign(tenant: string, routes: readonly RouteLanes[]): Map<string, SeriesHandle[]> {
    const before = this.#tenants.get(tenant);
    const after = new Map<string, SeriesHandle>();
    const handles = new Map<string, SeriesHandle[]>();
    for (const { route, lanes } of routes) {
      for (const lane of lanes) {
        const known = before?.get(seriesKey(route, lane));
        if (known !== undefined && known !== OTHER_SERIES) after.set(seriesKey(route, lane), known);
      }
    }
    for (const [key, handle] of before ?? []) if (!after.has(key)) this.#release(handle);
    for (const { route, lanes } of routes) {
      handles.set(
        route,
        lanes.map((lane) => {
          const key = seriesKey(route, lane);
          const handle = after.get(key) ?? this.#take({ tenant, route, lane: lane === '' ? BASELINE : lane });
          after.set(key, handle);
          return handle;
        }),
      );
    }
    this.#tenants.set(tenant, after);
    return handles;
  }

  /** Frees all series of a tenant. */
  remove(tenant: string): void {
    for (const handle of this.#tenants.get(tenant)?.values() ?? []) this.#release(handle);
    this.#tenants.delete(tenant);
  }

  /** Calls `visit` for each series with its values summed over the workers, in `values`, which is reused. */
  forEach(visit: (labels: SeriesLabels, values: Float64Array) => void): void {
    const views = this.#buffers.map(fixedView);
    const values = new Float64Array(SERIES.size);
    for (let block = 1; block < this.#labels.length; block++) {
      const labels = this.#labels[block];
      if (labels === null || labels === undefined) continue;
      values.fill(0);
      const base = block * SERIES.size;
      for (const view of views) {
        for (let i = 1; i < SERIES.size; i++) values[i]! += view[base + i]!;
      }
      visit(labels, values);
    }
  }

  /** Sum over all workers of one of `WORKER_SLOTS`. */
  workerTotal(slot: number): number {
    let total = 0;
    for (const view of this.#views) total += view[slot]!;
    return total;
  }

  #take(labels: SeriesLabels): SeriesHandle {
    const block = this.#free.pop() ?? this.#labels.length;
    if (block >= this.#capacity + FIRST_FREE_BLOCK) {
      this.#overflowed++;
      return OTHER_SERIES;
    }
    this.#labels[block] = labels;
    this.#grow();
    return handleOf(block, this.#generations[block]!);
  }

  #release(handle: SeriesHandle): void {
    if (handle === OTHER_SERIES) return;
    const block = blockOf(handle);
    const generation = generationOf(handleOf(block, this.#generations[block]! + 1));
    this.#generations[block] = generation;
    this.#labels[block] = null;
    this.#free.push(block);
    for (const view of this.#views) {
      view.fill(0, block * SERIES.size, (block + 1) * SERIES.size);
      view[block * SERIES.size] = generation;
    }
  }

  #grow(): void {
    for (const buffer of this.#buffers) {
      const needed = this.#labels.length * BLOCK_BYTES;
      if (buffer.byteLength < needed)
        buffer.grow(Math.min(buffer.maxByteLength, roundUp(this.#labels.length) * BLOCK_BYTES));
    }
  }
}

function roundUp(blocks: number): number {
  return Math.ceil(blocks / GROWTH_BLOCKS) * GROWTH_BLOCKS;
}

function seriesKey(route: string, lane: string): string {
  return `${route}\n${lane}`;
}
