/** What the plugins of one tenant may take of one worker's time. */
export interface CpuShare {
  /** Nothing is left for new exchanges. */
  readonly exhausted: boolean;
  /** What is under way has used another second's worth beyond that, and is ended too. */
  readonly overdrawn: boolean;
  /** @param fuel instructions of a callback that has ended */
  spend(fuel: number): void;
}

/** So many instructions in a second, and as many at once; what runs already may go into debt by as much again. */
export class FuelBucket implements CpuShare {
  readonly #perSecond: number;
  #left: number;
  #filledAt = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  get exhausted(): boolean {
    if (this.#left > 0) return false;
    this.#fill();
    return this.#left <= 0;
  }

  get overdrawn(): boolean {
    return this.#left <= -this.#perSecond && this.exhausted && this.#left <= -this.#perSecond;
  }

  spend(fuel: number): void {
    this.#left -= fuel;
  }

  #fill(): void {
    const now = performance.now();
    this.#left = Math.min(this.#left + ((now - this.#filledAt) * this.#perSecond) / 1000, this.#perSecond);
    this.#filledAt = now;
  }
}
