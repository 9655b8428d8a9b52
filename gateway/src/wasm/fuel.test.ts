import { describe, expect, it } from 'vitest';
import { FuelBucket } from './cpu-share.ts';
import { BodyFuel, fuelBudgets } from './fuel.ts';

describe('budgets', () => {
  it('that are not given follow others', () => {
    expect(fuelBudgets({ request: 1, tick: 2, configure: 3 })).toEqual({
      request: 1,
      requestHeaders: 1,
      requestBody: 1,
      responseHeaders: 1,
      responseBody: 1,
      bodyByte: 0,
      callout: 1,
      rootCallout: 2,
      log: 1,
      tick: 2,
      configure: 3,
    });
  });

  it('that are given hold', () => {
    const limits = { requestHeaders: 5, requestBody: 6, responseHeaders: 7, responseBody: 8, callout: 9, log: 10 };
    expect(fuelBudgets({ request: 1, tick: 2, configure: 3, bodyByte: 4, ...limits })).toMatchObject({
      ...limits,
      request: 1,
      bodyByte: 4,
      rootCallout: 9,
    });
  });
});

describe('fuel for a body', () => {
  it('grows with the bytes that are shown', () => {
    const fuel = new BodyFuel(100, 5);
    expect(fuel.budget(10)).toBe(150);
    fuel.spent(120);
    expect(fuel.budget(10)).toBe(130 + 50);
  });

  it('is earned once by bytes that are shown again', () => {
    const fuel = new BodyFuel(100, 5);
    expect(fuel.budget(10)).toBe(150);
    fuel.spent(150);
    fuel.keep(10);
    expect(fuel.budget(30)).toBe(200);
    fuel.spent(40);
    fuel.keep(30);
    expect(fuel.budget(30)).toBe(200);
    fuel.spent(10_000);
    fuel.keep(0);
    expect(fuel.budget(2)).toBe(110);
  });

  it('never outgrows the counter of the guest', () => {
    const fuel = new BodyFuel(1_000_000_000, 1000);
    for (let i = 0; i < 10; i++) expect(fuel.budget(2 ** 32)).toBe(2_000_000_000);
  });
});

describe('the share of a tenant', () => {
  it('is used up, goes into debt, and comes back with time', async () => {
    const bucket = new FuelBucket(1_000_000);
    expect(bucket.exhausted).toBe(false);
    bucket.spend(999_999);
    expect(bucket.exhausted).toBe(false);
    bucket.spend(300_000);
    expect(bucket.exhausted).toBe(true);
    expect(bucket.overdrawn).toBe(false);
    bucket.spend(50_000_000);
    expect(bucket.overdrawn).toBe(true);
    const small = new FuelBucket(1_000_000_000);
    small.spend(1_010_000_000);
    await expect.poll(() => small.exhausted, { timeout: 20_000 }).toBe(false);
  });
});
