import { CELL, QUOTA, type QuotaHandle, type QuotaLimits, type QuotaMemory } from './quota-memory.ts';

/** What a tenant's quotas came to. */
export interface QuotaUsage {
  readonly tenant: string;
  readonly limits: QuotaLimits;
  /** Exchanges under way; 0 where they are not bounded. */
  readonly active: number;
  /** Since the start. */
  readonly refusedByRate: number;
  readonly refusedByConcurrency: number;
}

/** Half the range of a tick count, so that "ahead" and "behind" can be told apart. */
const TICKS = 2 ** 30;
/** A second that is long past for every clock. */
const LONG_AGO = -(2 ** 30);

/** The main thread's side of the quotas: which tenant has which slot, and what may be taken there. */
export class QuotaTable {
  readonly memory: QuotaMemory;
  readonly #tenants = new Map<string, { readonly slot: number; readonly limits: QuotaLimits }>();
  readonly #free: number[] = [];
  #used = 0;

  constructor(memory: QuotaMemory) {
    this.memory = memory;
  }

  /**
   * The handle for a tenant's quotas. The same limits keep handle, state and counts; others begin anew.
   * @throws RangeError when there are more tenants than slots.
   */
  assign(tenant: string, limits: QuotaLimits): QuotaHandle {
    const known = this.#tenants.get(tenant);
    if (known !== undefined && same(known.limits, limits)) return this.memory.handleOf(known.slot);
    this.remove(tenant);
    // One that was used before comes last: by then no worker believes in its former tenant any more.
    const slot = this.#used < this.memory.slots ? this.#used++ : this.#free.shift();
    if (slot === undefined) throw new RangeError(`more than ${this.memory.slots} tenants with quotas`);
    this.#write(slot, limits);
    this.#tenants.set(tenant, { slot, limits });
    return this.memory.handleOf(slot);
  }

  /** The tenant is gone, or has no quotas any more. Exchanges under way are counted nowhere from now on. */
  remove(tenant: string): void {
    const known = this.#tenants.get(tenant);
    if (known === undefined) return;
    this.#tenants.delete(tenant);
    this.memory.advance(known.slot);
    this.#free.push(known.slot);
  }

  /** The worker of a seat has ended, and its exchanges with it. */
  clearSeat(seat: number): void {
    const { words } = this.memory;
    for (let slot = 0; slot < this.#used; slot++) {
      const cell = this.memory.cellAt(slot, seat);
      Atomics.store(words, cell, Atomics.load(words, cell) & CELL.generation);
    }
  }

  usage(): QuotaUsage[] {
    const { memory } = this;
    return [...this.#tenants].map(([tenant, { slot, limits }]) => {
      const usage = { tenant, limits, active: 0, refusedByRate: 0, refusedByConcurrency: 0 };
      for (let seat = 0; seat < memory.seats; seat++) {
        usage.active += Atomics.load(memory.words, memory.cellAt(slot, seat)) & CELL.count;
        usage.refusedByRate += memory.doubles[memory.refusedAt(slot, seat)]!;
        usage.refusedByConcurrency += memory.doubles[memory.refusedAt(slot, seat) + 1]!;
      }
      return usage;
    });
  }

  #write(slot: number, { requestsPerSecond: rate, burst, concurrency }: QuotaLimits): void {
    const { words, doubles } = this.memory;
    const at = this.memory.slotAt(slot);
    // As fine as the range allows: it must hold the burst, and what passes until an unused one counts as whole.
    const interval = rate === 0 ? 0 : Math.floor(TICKS / (2 * burst + 5 * rate));
    doubles[this.memory.ticksAt(slot)] = (rate * interval) / 1000;
    words[at + QUOTA.interval] = interval;
    words[at + QUOTA.window] = interval * burst;
    words[at + QUOTA.idleSeconds] = rate === 0 ? 0 : Math.ceil(burst / rate) + 2;
    words[at + QUOTA.concurrency] = concurrency;
    words[at + QUOTA.usedAt] = LONG_AGO;
    doubles.fill(0, this.memory.refusedAt(slot, 0), this.memory.refusedAt(slot + 1, 0));
  }
}

function same(a: QuotaLimits, b: QuotaLimits): boolean {
  return a.requestsPerSecond === b.requestsPerSecond && a.burst === b.burst && a.concurrency === b.concurrency;
}
