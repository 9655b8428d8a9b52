/** What a worker may run short of, as metrics call it. */
export const RESOURCES = ['loop_delay', 'buffered_bytes', 'connections', 'descriptors', 'heap'] as const;
export type Resource = (typeof RESOURCES)[number];

/** Share of its configured bound that each resource has reached: 1 = at the bound, 0 = unused or not watched. */
export type Pressures = Readonly<Record<Resource, number>>;

/** 0 = none; 1 idle connections are closed sooner; 2 new exchanges are refused; 3 new connections are closed. */
export type Level = 0 | 1 | 2 | 3;

const NEVER = Number.POSITIVE_INFINITY;
/**
 * Pressure from which on a resource asks for each of the steps; each asks only for what helps it. Idle connections take no
 * time and no buffers, and closing them makes clients come again. Refusing requests frees no connection.
 */
const THRESHOLDS: Readonly<Record<Resource, readonly [number, number, number]>> = {
  loop_delay: [NEVER, 1, 2],
  buffered_bytes: [NEVER, 1, 1.5],
  connections: [0.8, NEVER, 1],
  descriptors: [0.8, NEVER, 1],
  heap: [0.9, 1, 1.1],
};
/** A step ends when every pressure has been below this share of its threshold for the hold. */
const RELEASE = 0.9;
const HOLD_MS = 1000;

/** One step with its hysteresis. */
class Step {
  active = false;
  readonly #index: 0 | 1 | 2;
  #neededAt = 0;

  constructor(index: 0 | 1 | 2) {
    this.#index = index;
  }

  update(pressures: Pressures, now: number): void {
    const share = this.active ? RELEASE : 1;
    if (RESOURCES.some((resource) => pressures[resource] >= THRESHOLDS[resource][this.#index] * share)) {
      this.active = true;
      this.#neededAt = now;
    } else if (now - this.#neededAt >= HOLD_MS) this.active = false;
  }
}

/** Which steps a worker takes, by the pressures on its resources. Steps are independent: each has its own reasons. */
export class OverloadLevel {
  readonly #shorten = new Step(0);
  readonly #refuse = new Step(1);
  readonly #stop = new Step(2);

  /** @param now milliseconds of any clock that does not go back */
  update(pressures: Pressures, now: number): void {
    for (const step of [this.#shorten, this.#refuse, this.#stop]) step.update(pressures, now);
  }

  /** Idle connections are closed sooner. */
  get shortening(): boolean {
    return this.#shorten.active;
  }

  /** New exchanges are refused. */
  get refusing(): boolean {
    return this.#refuse.active;
  }

  /** New connections are closed. */
  get stopping(): boolean {
    return this.#stop.active;
  }

  /** The highest step that is taken. */
  get level(): Level {
    if (this.#stop.active) return 3;
    if (this.#refuse.active) return 2;
    return this.#shorten.active ? 1 : 0;
  }
}
