import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TlsConfig } from '../config/schema-listener.ts';
import { TicketKeys } from './ticket-keys.ts';

describe('TicketKeys', () => {
  let rotated: number;
  let keys: TicketKeys;
  beforeEach(() => {
    vi.useFakeTimers();
    rotated = 0;
    keys = new TicketKeys(() => rotated++);
  });
  afterEach(() => {
    keys.close();
    vi.useRealTimers();
  });

  const every = (ticketRotation: number) => ({ ticketRotation }) as TlsConfig;
  const hex = (listener: string, rotation: number): string =>
    Buffer.from(keys.get(listener, every(rotation))).toString('hex');

  it('has a key of 48 bytes for each listener', () => {
    const [a, b] = [hex('a', 1000), hex('b', 1000)];
    expect(a).toHaveLength(96);
    expect(a).not.toBe(b);
    expect(hex('a', 1000)).toBe(a);
  });

  it('rotates each at its own pace', () => {
    const [a, b] = [hex('a', 1000), hex('b', 2500)];
    vi.advanceTimersByTime(999);
    expect([rotated, hex('a', 1000)]).toEqual([0, a]);
    vi.advanceTimersByTime(1);
    const second = hex('a', 1000);
    expect(second).not.toBe(a);
    vi.advanceTimersByTime(1000);
    expect(hex('a', 1000)).not.toBe(second);
    expect([rotated, hex('b', 2500)]).toEqual([2, b]);
  });

  it('takes up another pace where the old one stood', () => {
    const a = hex('a', 10_000);
    vi.advanceTimersByTime(3000);
    expect(hex('a', 4000)).toBe(a);
    vi.advanceTimersByTime(1000);
    expect([rotated, hex('a', 4000) === a]).toEqual([1, false]);
    hex('a', 100);
    vi.advanceTimersByTime(100);
    expect(rotated).toBe(2);
  });

  it('forgets listeners that are gone', () => {
    const a = hex('a', 1000);
    hex('b', 1000);
    keys.retain(new Set(['b']));
    vi.advanceTimersByTime(1000);
    expect(rotated).toBe(1);
    expect(hex('a', 1000)).not.toBe(a);
  });
});
