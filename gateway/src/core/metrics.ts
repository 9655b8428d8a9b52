import { LIMITS } from './limits.ts';

/** Upper bounds of the latency histogram, seconds. From a local answer to the longest default deadline. */
export const DURATION_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** Values of the label `code`, in the order of their slots; the last is for exchanges without a complete response. */
export const CODE_CLASSES: readonly string[] = ['1xx', '2xx', '3xx', '4xx', '5xx', 'aborted'];
/** The lane without a tag, as labels, logs and the admin API call it. */
export const BASELINE = 'baseline';

const ABORTED = CODE_CLASSES.length - 1;
const CLIENT_CLOSED_REQUEST = 499;

/** Offsets inside one series' block: the layout that workers write and the main thread reads. */
export const SERIES = {
  /** Generation of the block, written by main; a handle of another generation is out of date. */
  generation: 0,
  codes: 1,
  bytesIn: 1 + CODE_CLASSES.length,
  bytesOut: 2 + CODE_CLASSES.length,
  durationSum: 3 + CODE_CLASSES.length,
  /** Not cumulative; one more bucket than bounds. */
  buckets: 4 + CODE_CLASSES.length,
  size: 5 + CODE_CLASSES.length + DURATION_BOUNDS.length,
} as const;

/** Slots of a worker as a whole. They fill the place of block 0, which is never a series. */
export const WORKER_SLOTS = {
  /** Access log lines handed to the writer, by the worker. */
  accessLogPosted: 0,
  /** Of those, the ones that are written or dropped, by main. */
  accessLogSettled: 1,
  /** Lines that the worker itself dropped. */
  accessLogDropped: 2,
  /** Grows while the event loop of the worker turns. */
  beats: 3,
  /** Exchanges turned away because there was no room for them. */
  exchangesRefused: 4,
  /** Connections closed as soon as they came: above a limit of a listener, or while none was accepted. */
  connectionsRefused: 5,
  /** TLS handshakes that ended well: whole ones, and those that took up an earlier session. */
  tlsFull: 6,
  tlsResumed: 7,
  /** Connections closed before their handshake because of `handshakesPerSecond`. */
  tlsRateLimited: 8,
  /** TLS handshakes that failed: too slow, plain HTTP, the client left, and everything else. */
  tlsTimeout: 9,
  tlsPlainHttp: 10,
  tlsAborted: 11,
  tlsFailed: 12,
} as const;

const BLOCK_BITS = 20;
const BLOCK_MASK = (1 << BLOCK_BITS) - 1;
const GENERATIONS = 1 << 10;

/**
 * A series' handle: block number and generation in one small integer. Plain number, so that it crosses threads inside
 * compiled routes and costs nothing to hold.
 */
export type SeriesHandle = number;

/** Where exchanges are counted whose series is gone or found no room. Labels `_other`. */
export const OTHER_SERIES: SeriesHandle = 1;
/** Exchanges that reached no tenant (unknown domain). Labels `_none`. */
export const UNMATCHED_SERIES: SeriesHandle = 2;
export const FIRST_FREE_BLOCK = 3;

/** Block number of a handle. */
export function blockOf(handle: SeriesHandle): number {
  return handle & BLOCK_MASK;
}

export function generationOf(handle: SeriesHandle): number {
  return handle >>> BLOCK_BITS;
}

export function handleOf(block: number, generation: number): SeriesHandle {
  return ((generation % GENERATIONS) << BLOCK_BITS) | block;
}

/** Most series that handles can tell apart. */
export const MAX_BLOCKS = Math.min(LIMITS.metricSeries, BLOCK_MASK);

/** A view of the slots that exist now; it does not follow the growth of its buffer. */
export function fixedView(buffer: SharedArrayBuffer): Float64Array {
  return new Float64Array(buffer, 0, buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);
}

/**
 * The metric slots of one worker: doubles in shared memory that this worker adds to and the main thread reads at scrape.
 * One writer per slot, so that plain adds are exact.
 */
export class MetricSlots {
  readonly #buffer: SharedArrayBuffer;
  /** Of fixed length: through a view that follows the growth of its buffer each access costs ten times as much. */
  #view: Float64Array;

  /** @param buffer from `SeriesTable.attach` on the main thread. */
  constructor(buffer: SharedArrayBuffer) {
    this.#buffer = buffer;
    this.#view = fixedView(buffer);
  }

  get(slot: number): number {
    return this.#view[slot] ?? 0;
  }

  add(slot: number, value: number): void {
    this.#view[slot]! += value;
  }

  /**
   * Counts one finished exchange.
   * @param series the route's handle for the lane that served it; an outdated one is counted under `_other`.
   * @param status as sent to the client; 0 or 499 = it never got a complete response.
   * @param seconds from the first byte of the request to the end of the response.
   */
  observeRequest(series: SeriesHandle, status: number, seconds: number, bytesIn: number, bytesOut: number): void {
    let base = (series & BLOCK_MASK) * SERIES.size;
    if (base + SERIES.size > this.#view.length) this.#follow();
    const view = this.#view;
    if (view[base] !== series >>> BLOCK_BITS) base = OTHER_SERIES * SERIES.size;
    view[base + SERIES.codes + classOf(status)]! += 1;
    view[base + SERIES.bytesIn]! += bytesIn;
    view[base + SERIES.bytesOut]! += bytesOut;
    view[base + SERIES.durationSum]! += seconds;
    view[base + SERIES.buckets + bucketFor(seconds)]! += 1;
  }

  #follow(): void {
    this.#view = fixedView(this.#buffer);
  }
}

function classOf(status: number): number {
  if (status === CLIENT_CLOSED_REQUEST || status < 100 || status > 599) return ABORTED;
  return ((status / 100) | 0) - 1;
}

function bucketFor(seconds: number): number {
  let bucket = 0;
  while (bucket < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[bucket]!) bucket++;
  return bucket;
}
