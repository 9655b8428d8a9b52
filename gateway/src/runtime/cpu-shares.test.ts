import { describe, expect, it } from 'vitest';
import { CpuShares } from './cpu-shares.ts';

describe('the time of tenants', () => {
  it('is one share for all plugins of a tenant, and none of another', () => {
    const shares = new CpuShares((tenant) => (tenant === 'free' ? 0 : 1000));
    expect(shares.of('a')).toBe(shares.of('a'));
    shares.of('a')!.spend(1_000_000_000);
    expect(shares.of('a')!.exhausted).toBe(true);
    expect(shares.of('b')!.exhausted).toBe(false);
  });

  it('is not bounded for the gateway itself, nor where the operator says 0', () => {
    const shares = new CpuShares((tenant) => (tenant === 'free' ? 0 : 1000));
    expect([shares.of(''), shares.of('free')]).toEqual([null, null]);
  });
});
