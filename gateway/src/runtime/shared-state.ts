import { type QuotaHandle, QuotaMemory } from '../core/quota-memory.ts';
import { QuotaTable } from '../core/quota-table.ts';
import { type Milliseconds, sharedClock } from '../core/shared-clock.ts';
import { TenantQuota } from '../core/tenant-quota.ts';
import type { SharedDataStore } from '../wasm/host.ts';
import {
  allocateSharedData,
  releaseSharedData,
  SharedDataMemory,
  type SharedDataUsage,
  sharedDataUsage,
} from '../wasm/shared-data.ts';
import { type QueueDepth, queueDepths } from '../wasm/shared-queue.ts';

/** What a worker gets of the memory that all share; crosses threads. */
export interface SharedSeat {
  readonly seat: number;
  readonly seats: number;
  /** Of this holder of the seat alone: names it in locks. */
  readonly owner: number;
  /** `process.hrtime` at which the shared clock begins. */
  readonly clockBase: bigint;
  readonly data: SharedArrayBuffer;
  readonly quotas: SharedArrayBuffer;
  readonly quotaSlots: number;
}

/** What is exact over all workers, as a worker uses it. */
export interface WorkerSharedState {
  readonly data: SharedDataStore;
  /** The quotas behind a handle of `SharedState.quotas`. */
  quota(handle: QuotaHandle): TenantQuota;
}

/** What is exact over all workers, as the main thread keeps it: quotas of tenants, shared data and queues of plugins. */
export class SharedState {
  readonly quotas: QuotaTable;
  readonly #seats: number;
  readonly #data = allocateSharedData();
  readonly #clockBase = process.hrtime.bigint();
  /** Owners by seat; 0 = nobody holds it. */
  readonly #owners: number[];
  #lastOwner = 0;

  private constructor(seats: number) {
    this.#seats = seats;
    this.#owners = Array.from({ length: seats }, () => 0);
    this.quotas = new QuotaTable(QuotaMemory.allocate(seats));
  }

  /** @param workers how many there are at a time. */
  static create({ workers }: { readonly workers: number }): SharedState {
    return new SharedState(Math.max(1, workers));
  }

  /** What a worker thread does with what it got. */
  static attach(shared: SharedSeat): WorkerSharedState {
    return new AttachedState(shared);
  }

  /** For a new holder of a seat. One before it that has not been given up yet counts as ended. */
  seat(seat: number): SharedSeat {
    this.workerEnded(seat);
    this.#owners[seat] = ++this.#lastOwner;
    const { memory } = this.quotas;
    return {
      seat,
      seats: this.#seats,
      owner: this.#lastOwner,
      clockBase: this.#clockBase,
      data: this.#data,
      quotas: memory.buffer,
      quotaSlots: memory.slots,
    };
  }

  /**
   * The thread that held a seat is gone: releases its locks, and the places of its exchanges. To be called before the
   * seat has a new holder; does nothing when the seat is empty.
   */
  workerEnded(seat: number): void {
    const owner = this.#owners[seat]!;
    if (owner === 0) return;
    this.#owners[seat] = 0;
    releaseSharedData(this.#data, owner);
    this.quotas.clearSeat(seat);
  }

  dataUsage(): SharedDataUsage {
    return sharedDataUsage(this.#data);
  }

  queueDepths(): QueueDepth[] {
    return queueDepths(this.#data);
  }
}

class AttachedState implements WorkerSharedState {
  readonly data: SharedDataStore;
  readonly #quotas: QuotaMemory;
  readonly #seat: number;
  readonly #clock: Milliseconds;

  constructor(shared: SharedSeat) {
    this.data = new SharedDataMemory(shared.data, shared.owner);
    this.#quotas = new QuotaMemory(shared.quotas, shared.seats, shared.quotaSlots);
    this.#seat = shared.seat;
    this.#clock = sharedClock(shared.clockBase);
  }

  quota(handle: QuotaHandle): TenantQuota {
    return new TenantQuota(this.#quotas, handle, this.#seat, this.#clock);
  }
}
