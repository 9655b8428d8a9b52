import type { Endpoint } from './endpoint.ts';
import type { Random, Selector } from './selector.ts';

/** Draws that may hit a tried or the same endpoint before the search goes through the list. */
const MAX_DRAWS = 8;

/**
 * Power of two choices: two random draws, each in proportion to the weights, and the one with fewer attempts in flight
 * for its weight wins. Idle endpoints share by weight; a slow one is avoided as its attempts pile up.
 */
export class P2cSelector implements Selector {
  readonly #endpoints: readonly Endpoint[];
  readonly #random: Random;
  /** Alias table: column i keeps its own endpoint with `#keep[i]` and gives the rest to `#alias[i]`. */
  readonly #keep: Float64Array;
  readonly #alias: Uint32Array;

  constructor(endpoints: readonly Endpoint[], random: Random) {
    this.#endpoints = endpoints;
    this.#random = random;
    this.#keep = new Float64Array(endpoints.length);
    this.#alias = new Uint32Array(endpoints.length);
    this.#fill();
  }

  get size(): number {
    return this.#endpoints.length;
  }

  select(tried: readonly Endpoint[] | null): Endpoint | null {
    if (this.#endpoints.length === 0) return null;
    const first = this.#draw(tried, null);
    if (first === null || this.#endpoints.length === 1) return first;
    const second = this.#draw(tried, first);
    if (second === null) return first;
    return second.inFlight / second.record.weight < first.inFlight / first.record.weight ? second : first;
  }

  #draw(tried: readonly Endpoint[] | null, other: Endpoint | null): Endpoint | null {
    const endpoints = this.#endpoints;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const scaled = this.#random() * endpoints.length;
      const column = Math.floor(scaled);
      const endpoint = endpoints[scaled - column < this.#keep[column]! ? column : this.#alias[column]!]!;
      if (endpoint !== other && (tried === null || !tried.includes(endpoint))) return endpoint;
    }
    // Skewed weights can hide the rest from any number of draws.
    for (const endpoint of endpoints) {
      if (endpoint !== other && (tried === null || !tried.includes(endpoint))) return endpoint;
    }
    return null;
  }

  /** Vose's method: columns below the mean are filled up from those above it. */
  #fill(): void {
    const endpoints = this.#endpoints;
    let total = 0;
    for (const endpoint of endpoints) total += endpoint.record.weight;
    const scaled = Float64Array.from(endpoints, (endpoint) => (endpoint.record.weight / total) * endpoints.length);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < scaled.length; i++) (scaled[i]! < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const low = small.pop()!;
      const high = large[large.length - 1]!;
      this.#keep[low] = scaled[low]!;
      this.#alias[low] = high;
      const rest = scaled[high]! + scaled[low]! - 1;
      scaled[high] = rest;
      if (rest < 1) small.push(large.pop()!);
    }
    // What rounding leaves over is a full column.
    for (const i of small) this.#keep[i] = 1;
    for (const i of large) this.#keep[i] = 1;
  }
}
