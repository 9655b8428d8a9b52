import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';

/** Give the plugin a VM again, because the one that is gone was one that nobody else would ask for. */
export const REVIVE = 0;
/** Give it a new VM in place of its present one. */
export const RENEW = 1;
export type RenewalKind = typeof REVIVE | typeof RENEW;

export interface RenewalOwner {
  onRenewal(kind: RenewalKind): void;
}

/** What is to happen to the VM of a plugin without anybody using it; each kind is awaited once at a time. */
export class Renewal implements Expirable {
  readonly #wheel: TimerWheel;
  readonly #owner: RenewalOwner;
  readonly #timers: [WheelTimer | null, WheelTimer | null] = [null, null];

  constructor(wheel: TimerWheel, owner: RenewalOwner) {
    this.#wheel = wheel;
    this.#owner = owner;
  }

  schedule(kind: RenewalKind, ms: number): void {
    this.#timers[kind] ??= this.#wheel.schedule(this, ms, kind);
  }

  cancel(): void {
    for (const kind of [REVIVE, RENEW] as const) {
      this.#wheel.cancel(this.#timers[kind]);
      this.#timers[kind] = null;
    }
  }

  onTimeout(kind: number): void {
    this.#timers[kind as RenewalKind] = null;
    this.#owner.onRenewal(kind as RenewalKind);
  }
}
