const MINUTE = 60;

/** Says on standard error how far a benchmark has come, a line for each step. */
export class Progress {
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;

  /** @param total seconds that all steps together are expected to take */
  constructor(total: number) {
    this.#total = total;
  }

  /** Tells of a step that begins. @param seconds that it is expected to take */
  step(text: string, seconds: number): void {
    const share = Math.min(99, Math.floor((100 * this.#done) / this.#total));
    const spent = (performance.now() - this.#startedAt) / 1000;
    const left = Math.max(0, this.#total - this.#done);
    console.error(`${share} % after ${clock(spent)}, about ${clock(left)} to go: ${text}`);
    this.#done += seconds;
  }
}

/** 75 → 1:15. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / MINUTE)}:${String(whole % MINUTE).padStart(2, '0')}`;
}
