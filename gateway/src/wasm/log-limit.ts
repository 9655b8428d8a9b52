import { LIMITS } from '../core/limits.ts';

/** Lets a plugin log LIMITS.pluginLogLines lines at once and as many per second after that. */
export class LogLimit {
  /** Lines that were dropped, in all. */
  dropped = 0;
  #tokens: number = LIMITS.pluginLogLines;
  #refilledAt = performance.now();

  take(): boolean {
    if (this.#tokens < 1) {
      const now = performance.now();
      this.#tokens = Math.min(
        LIMITS.pluginLogLines,
        this.#tokens + ((now - this.#refilledAt) * LIMITS.pluginLogLines) / 1000,
      );
      this.#refilledAt = now;
    }
    if (this.#tokens < 1) {
      this.dropped++;
      return false;
    }
    this.#tokens--;
    return true;
  }
}
