import { LIMITS } from '../core/limits.ts';

/**
 * When a failed VM may be built anew. A failure after healthy service is followed by a rebuild at once; failures in a
 * row wait, each twice as long as the one before, up to LIMITS.pluginBackoffLongestMs. So one request in a hundred that
 * kills the plugin costs itself only, and a plugin that always fails costs little.
 */
export class RebuildBackoff {
  readonly #random: () => number;
  #failures = 0;
  #retryAt = 0;

  /** @param random 0 to 1: takes up to a quarter off each wait, so that not all workers rebuild at once */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** The breaker: failures went on long enough to call the plugin broken. A rebuild is still tried after each wait. */
  get open(): boolean {
    return this.#failures >= LIMITS.pluginBreakerFailures;
  }

  mayBuild(now: number): boolean {
    return now >= this.#retryAt;
  }

  /** Milliseconds until then. */
  waitMs(now: number): number {
    return Math.max(this.#retryAt - now, 0);
  }

  /** @param servedEnough the VM had proven itself before it failed. */
  onFailure(now: number, servedEnough: boolean): void {
    this.#failures = servedEnough ? 1 : this.#failures + 1;
    const wait = Math.min(LIMITS.pluginBackoffMs * 2 ** (this.#failures - 2), LIMITS.pluginBackoffLongestMs);
    this.#retryAt = this.#failures === 1 ? now : now + wait * (1 - this.#random() / 4);
  }

  /** Another module or configuration: what failed is no more. */
  reset(): void {
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** The VM has proven itself. */
  onHealthy(): void {
    this.#failures = 0;
  }
}
