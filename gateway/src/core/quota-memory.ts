import { LIMITS } from './limits.ts';

/** What a tenant may take of the gateway, over all workers; 0 = no bound. */
export interface QuotaLimits {
  readonly requestsPerSecond: number;
  /** Requests that may come at once; the rate refills it. */
  readonly burst: number;
  /** Exchanges under way. */
  readonly concurrency: number;
}

/** Slot and generation of a tenant's quotas, as they cross threads. */
export type QuotaHandle = number;

/** Words of a slot. */
export const QUOTA = {
  /** Ticks of one request; 0 = no bound of the rate. */
  interval: 0,
  /** Ticks of the whole burst. */
  window: 1,
  /** Seconds after which an unused burst is whole for certain. */
  idleSeconds: 2,
  /** 0 = no bound. */
  concurrency: 3,
  /** When the burst is whole again: ticks modulo 2³². */
  tat: 4,
  /** Second in which that was set last. */
  usedAt: 5,
  size: 6,
} as const;

/** Bits of a cell, of which each slot has one for each seat. Written by that seat's worker, and by main between two of them. */
export const CELL = {
  /** Exchanges under way. */
  count: (1 << 20) - 1,
  /** The worker is about to take a place. */
  wish: 1 << 20,
  /** Of the slot; a worker that still believes in its former tenant sees that it is another's now. */
  generation: ~((1 << 21) - 1),
} as const;
const GENERATION_STEP = 1 << 21;

const SLOT_BITS = 14;

/**
 * The memory of all quotas: for each slot a clock rate, counters of refusals, words, and a cell for each seat. Main
 * writes what a tenant may take before any worker hears of its handle.
 */
export class QuotaMemory {
  readonly buffer: SharedArrayBuffer;
  readonly doubles: Float64Array;
  readonly words: Int32Array;
  readonly slots: number;
  readonly seats: number;

  /** @param buffer from `allocate` with the same numbers. */
  constructor(buffer: SharedArrayBuffer, seats: number, slots: number) {
    this.buffer = buffer;
    this.seats = seats;
    this.slots = slots;
    const doubles = slots * (1 + 2 * seats);
    this.doubles = new Float64Array(buffer, 0, doubles);
    this.words = new Int32Array(buffer, doubles * 8);
  }

  static allocate(seats: number, slots: number = LIMITS.tenantFiles): QuotaMemory {
    if (slots > 1 << SLOT_BITS) throw new RangeError(`at most ${1 << SLOT_BITS} slots`);
    const bytes = slots * ((1 + 2 * seats) * 8 + (QUOTA.size + seats) * 4);
    return new QuotaMemory(new SharedArrayBuffer(bytes), seats, slots);
  }

  handleOf(slot: number): QuotaHandle {
    return ((this.words[this.cellAt(slot, 0)]! & CELL.generation) >>> 21) * (1 << SLOT_BITS) + slot;
  }

  slotOf(handle: QuotaHandle): number {
    return handle & ((1 << SLOT_BITS) - 1);
  }

  /** As the cells have it. */
  generationOf(handle: QuotaHandle): number {
    return (handle >>> SLOT_BITS) << 21;
  }

  slotAt(slot: number): number {
    return slot * QUOTA.size;
  }

  cellAt(slot: number, seat: number): number {
    return this.slots * QUOTA.size + slot * this.seats + seat;
  }

  /** Double with the ticks per millisecond. */
  ticksAt(slot: number): number {
    return slot;
  }

  /** Double with the refusals for the rate; that for the concurrency follows. */
  refusedAt(slot: number, seat: number): number {
    return this.slots + (slot * this.seats + seat) * 2;
  }

  /** Empties the cells of a slot for another tenant. */
  advance(slot: number): void {
    for (let seat = 0; seat < this.seats; seat++) {
      const cell = this.cellAt(slot, seat);
      const generation = (Atomics.load(this.words, cell) & CELL.generation) + GENERATION_STEP;
      Atomics.store(this.words, cell, generation);
    }
  }
}
