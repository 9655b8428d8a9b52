/** Instructions of one callback, by kind; those that are absent follow others. See the configuration's `limits.fuel`. */
export interface FuelLimits {
  readonly request: number;
  readonly requestHeaders?: number;
  readonly requestBody?: number;
  readonly responseHeaders?: number;
  readonly responseBody?: number;
  /** What each byte of a body adds; default 0. */
  readonly bodyByte?: number;
  readonly callout?: number;
  readonly log?: number;
  readonly tick: number;
  readonly configure: number;
  /** Of start-up code; baked into the module when it is prepared. */
  readonly start?: number;
}

/** Fuel is a signed 32-bit number in the guest, and below zero it has trapped. */
const MOST_FUEL = 2_000_000_000;

/** Instructions of one callback of every kind. */
export interface FuelBudgets {
  /** Callbacks of an exchange that have no kind of their own: creation, done, delete. */
  readonly request: number;
  readonly requestHeaders: number;
  readonly requestBody: number;
  readonly responseHeaders: number;
  readonly responseBody: number;
  readonly bodyByte: number;
  /** Answers for an exchange, and for the plugin itself. */
  readonly callout: number;
  readonly rootCallout: number;
  readonly log: number;
  /** Ticks, and wake-ups by queues. */
  readonly tick: number;
  readonly configure: number;
}

/** Every kind with its budget. */
export function fuelBudgets(limits: FuelLimits): FuelBudgets {
  const { request, tick, configure } = limits;
  return {
    request,
    requestHeaders: limits.requestHeaders ?? request,
    requestBody: limits.requestBody ?? request,
    responseHeaders: limits.responseHeaders ?? request,
    responseBody: limits.responseBody ?? request,
    bodyByte: limits.bodyByte ?? 0,
    callout: limits.callout ?? request,
    rootCallout: limits.callout ?? tick,
    log: limits.log ?? request,
    tick,
    configure,
  };
}

/**
 * What the callbacks for one body may use: each its base, and all together what the bytes have earned that were shown
 * to them. So a plugin that waits for the whole body has all of it then, and one that looks at a growing body again and
 * again pays for that itself.
 */
export class BodyFuel {
  readonly #base: number;
  readonly #perByte: number;
  #earned = 0;
  #seen = 0;

  constructor(base: number, perByte: number) {
    this.#base = base;
    this.#perByte = perByte;
  }

  /** Budget of the next callback. @param length of the body that it is shown */
  budget(length: number): number {
    const earned = this.#earned + Math.max(length - this.#seen, 0) * this.#perByte;
    this.#earned = Math.min(earned, MOST_FUEL - this.#base);
    return this.#base + this.#earned;
  }

  /** @param used by the callback that the last budget was for */
  spent(used: number): void {
    this.#earned -= Math.min(Math.max(used - this.#base, 0), this.#earned);
  }

  /** @param length of what the next callback is shown again */
  keep(length: number): void {
    this.#seen = length;
  }
}
