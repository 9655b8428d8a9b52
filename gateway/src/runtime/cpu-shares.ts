import { type CpuShare, FuelBucket } from '../wasm/cpu-share.ts';

/** What the plugins of each tenant may take of one worker's time; those of the gateway's own chain are not bounded. */
export class CpuShares {
  readonly #perSecondOf: (tenant: string) => number;
  readonly #shares = new Map<string, CpuShare>();

  /** @param perSecondOf instructions in a second; 0 = no bound */
  constructor(perSecondOf: (tenant: string) => number) {
    this.#perSecondOf = perSecondOf;
  }

  /** The share of a tenant; null: nothing bounds it. */
  of(tenant: string): CpuShare | null {
    const perSecond = tenant === '' ? 0 : this.#perSecondOf(tenant);
    if (perSecond === 0) return null;
    let share = this.#shares.get(tenant);
    if (share === undefined) this.#shares.set(tenant, (share = new FuelBucket(perSecond)));
    return share;
  }
}
