import { describe, expect, it } from 'vitest';
import { CELL, type QuotaLimits, QuotaMemory } from './quota-memory.ts';
import { QuotaTable } from './quota-table.ts';
import { TenantQuota, Verdict } from './tenant-quota.ts';

const { admitted, rate, concurrency } = Verdict;

/** Quotas of one tenant on several seats, with a clock in the test's hands (ms). */
class Rig {
  now = 1000;
  readonly table: QuotaTable;
  readonly seats: number;
  #handle: number;

  constructor(limits: Partial<QuotaLimits>, { seats = 2, slots = 4 } = {}) {
    this.seats = seats;
    this.table = new QuotaTable(QuotaMemory.allocate(seats, slots));
    this.#handle = this.assign(limits);
  }

  assign({ requestsPerSecond = 0, burst = requestsPerSecond, concurrency = 0 }: Partial<QuotaLimits>, tenant = 'a') {
    return (this.#handle = this.table.assign(tenant, { requestsPerSecond, burst, concurrency }));
  }

  seat(seat = 0): TenantQuota {
    return new TenantQuota(this.table.memory, this.#handle, seat, () => this.now);
  }

  get active(): number {
    return this.table.usage()[0]!.active;
  }
}

/** How many of so many attempts are admitted. */
function admissions(quota: TenantQuota, attempts: number): number {
  let count = 0;
  for (let i = 0; i < attempts; i++) if (quota.admit() === admitted) count++;
  return count;
}

describe('the rate', () => {
  it('is a burst that refills', () => {
    const rig = new Rig({ requestsPerSecond: 10, burst: 3 });
    const quota = rig.seat();
    expect(admissions(quota, 10)).toBe(3);
    expect(quota.admit()).toBe(rate);
    rig.now += 99.9;
    expect(quota.admit()).toBe(rate);
    rig.now += 0.2;
    expect([quota.admit(), quota.admit()]).toEqual([admitted, rate]);
    rig.now += 250;
    expect(admissions(quota, 10)).toBe(2);
    rig.now += 100_000;
    expect(admissions(quota, 10)).toBe(3);
  });

  it('is one for all seats', () => {
    const rig = new Rig({ requestsPerSecond: 10 }, { seats: 4 });
    const counts = [0, 1, 2, 3].map((seat) => admissions(rig.seat(seat), 4));
    expect(counts).toEqual([4, 4, 2, 0]);
  });

  it('says when to come again', () => {
    const rig = new Rig({ requestsPerSecond: 1, burst: 1 });
    const quota = rig.seat();
    quota.admit();
    quota.admit();
    expect(quota.retryAfter).toBe(1);
    const slow = new Rig({ requestsPerSecond: 1, burst: 5 });
    const other = slow.seat();
    expect(admissions(other, 9)).toBe(5);
    slow.now -= 2500; // A thread whose clock is behind.
    other.admit();
    expect(other.retryAfter).toBe(4);
  });

  it.each([
    [1, 1],
    [1, 1000],
    [7, 3],
    [300, 300],
    [1000, 10],
    [1_000_000, 1_000_000],
    [1_000_000, 1],
    [1, 1_000_000],
  ])('of %i with a burst of %i never admits more than what the bucket holds, nor less', (requestsPerSecond, burst) => {
    const rig = new Rig({ requestsPerSecond, burst });
    const quota = rig.seat();
    let tokens = burst;
    let at = rig.now;
    const random = randomFrom(requestsPerSecond * 31 + burst);
    for (let i = 0; i < 3000; i++) {
      rig.now += (random() * 2.5 * 1000) / requestsPerSecond;
      tokens = Math.min(burst, tokens + ((rig.now - at) * requestsPerSecond) / 1000);
      at = rig.now;
      const verdict = quota.admit();
      // Within the length of a tick of a whole token either answer is right.
      const exact = Math.abs(tokens - 1) > 0.02;
      if (exact) expect(verdict, `${tokens} tokens`).toBe(tokens >= 1 ? admitted : rate);
      if (verdict === admitted) tokens -= 1;
    }
  });

  it.each([
    [1, 1],
    [100, 20],
    [50_000, 50_000],
  ])('of %i is whole after any pause, whatever its count has come round to', (requestsPerSecond, burst) => {
    const rig = new Rig({ requestsPerSecond, burst });
    const quota = rig.seat();
    const ticksPerMs = rig.table.memory.doubles[0]!;
    const round = 2 ** 32 / ticksPerMs;
    for (const rounds of [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 7, 1000]) {
      // Just before, at and after the time at which the count says the same as when it was used last.
      for (const beside of [-10, -1, 0, 0.5, 1, 10]) {
        expect(admissions(quota, burst + 1), `${rounds} rounds`).toBe(burst);
        rig.now += Math.max((burst / requestsPerSecond) * 1000 + 1, rounds * round + beside);
      }
    }
  });
});

describe('the concurrency', () => {
  it('is that of all seats together', () => {
    const rig = new Rig({ concurrency: 3 });
    const [one, two] = [rig.seat(0), rig.seat(1)];
    expect([one.admit(), two.admit(), one.admit(), two.admit(), one.admit()]).toEqual([
      admitted,
      admitted,
      admitted,
      concurrency,
      concurrency,
    ]);
    expect(two.retryAfter).toBe(1);
    one.release();
    expect([two.admit(), one.admit()]).toEqual([admitted, concurrency]);
    expect(rig.active).toBe(3);
  });

  it('takes nothing off the rate when it refuses, and keeps no place when the rate refuses', () => {
    const rig = new Rig({ concurrency: 1, requestsPerSecond: 2 });
    const quota = rig.seat();
    expect([quota.admit(), quota.admit(), quota.admit()]).toEqual([admitted, concurrency, concurrency]);
    quota.release();
    expect(quota.admit()).toBe(admitted);
    quota.release();
    expect(quota.admit()).toBe(rate);
    expect(rig.active).toBe(0);
    expect(rig.table.usage()).toMatchObject([{ refusedByRate: 1, refusedByConcurrency: 2 }]);
  });

  it('gets back the places of a worker that has ended', () => {
    const rig = new Rig({ concurrency: 2 });
    const [one, two] = [rig.seat(0), rig.seat(1)];
    expect([one.admit(), one.admit(), two.admit()]).toEqual([admitted, admitted, concurrency]);
    rig.table.clearSeat(0);
    expect([two.admit(), rig.seat(0).admit(), two.admit()]).toEqual([admitted, admitted, concurrency]);
    expect(rig.active).toBe(2);
  });

  it('is not left in the way by a worker that ended while it took a place', () => {
    const rig = new Rig({ concurrency: 1 });
    const { memory } = rig.table;
    memory.words[memory.cellAt(0, 0)]! |= CELL.wish;
    expect(rig.seat(1).admit()).toBe(concurrency);
    rig.table.clearSeat(0);
    expect(rig.seat(1).admit()).toBe(admitted);
  });
});

describe('the place of a tenant', () => {
  it('stays while its quotas stay, and begins anew when they change', () => {
    const rig = new Rig({ concurrency: 2 });
    rig.seat().admit();
    rig.assign({ concurrency: 2 });
    expect(rig.active).toBe(1);
    rig.assign({ concurrency: 5 });
    expect(rig.active).toBe(0);
  });

  it('goes to another one without what the former left', () => {
    const rig = new Rig({ concurrency: 2, requestsPerSecond: 1, burst: 5 }, { slots: 1 });
    const former = rig.seat();
    expect([former.admit(), former.admit(), former.admit()]).toEqual([admitted, admitted, concurrency]);
    rig.table.remove('a');
    rig.assign({ concurrency: 2, requestsPerSecond: 1, burst: 1 }, 'b');
    // A worker that has not heard of it yet counts nothing, neither now nor at the end of its exchanges.
    expect(admissions(former, 10)).toBe(10);
    for (let i = 0; i < 12; i++) former.release();
    expect(rig.table.usage()).toMatchObject([{ tenant: 'b', active: 0, refusedByRate: 0, refusedByConcurrency: 0 }]);
    const next = rig.seat();
    expect([next.admit(), next.admit()]).toEqual([admitted, rate]);
  });

  it('is found while there is one', () => {
    const rig = new Rig({ concurrency: 1 }, { slots: 2 });
    rig.assign({ concurrency: 1 }, 'b');
    expect(() => rig.assign({ concurrency: 1 }, 'c')).toThrow(RangeError);
    rig.table.remove('b');
    rig.assign({ concurrency: 1 }, 'c');
    expect(rig.table.usage().map(({ tenant }) => tenant)).toEqual(['a', 'c']);
    for (let i = 0; i < 5000; i++) {
      rig.table.remove('c');
      rig.assign({ concurrency: 1 }, 'c');
    }
    expect([rig.seat().admit(), rig.seat(1).admit()]).toEqual([admitted, concurrency]);
  });
});

/** Numbers in [0, 1) that are the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
