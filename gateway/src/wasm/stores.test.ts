import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { MetricType, Status } from './abi.ts';
import { RebuildBackoff } from './backoff.ts';
import { MetricSet } from './metrics.ts';

describe('metrics', () => {
  it('count, set and sum by type', () => {
    const set = new MetricSet();
    const counter = set.define(MetricType.counter, 'a.b');
    const gauge = set.define(MetricType.gauge, 'g');
    const histogram = set.define(MetricType.histogram, 'h');
    expect(set.define(MetricType.counter, 'a.b')).toBe(counter);
    expect([set.increment(counter, 2), set.record(counter, 3), set.increment(counter, -1)]).toEqual([0, 0, 2]);
    expect([set.record(gauge, 9), set.increment(gauge, -4)]).toEqual([0, 0]);
    expect([set.record(histogram, 5), set.record(histogram, 7), set.increment(histogram, 1)]).toEqual([0, 0, 2]);
    expect(set.get(histogram)).toBeNull();
    expect(set.samples()).toEqual([
      { name: 'a_b', type: 'counter', value: 5, count: 0 },
      { name: 'g', type: 'gauge', value: 5, count: 0 },
      { name: 'h', type: 'histogram', value: 12, count: 2 },
    ]);
  });

  it('end in a sink when there are too many, and refuse what does not exist', () => {
    const set = new MetricSet();
    for (let i = 0; i < LIMITS.pluginMetrics + 10; i++)
      expect(set.define(MetricType.counter, `m${i}`)).toBeGreaterThan(0);
    expect(set.samples()).toHaveLength(LIMITS.pluginMetrics);
    expect(set.define(3, 'x')).toBe(0);
    expect(set.increment(9999, 1)).toBe(Status.notFound);
    expect(set.increment(0, 1)).toBe(Status.notFound);
  });
});

describe('rebuilding', () => {
  it('is at once after healthy service, and waits longer and longer after failures in a row', () => {
    const backoff = new RebuildBackoff(() => 0);
    backoff.onFailure(1000, true);
    expect(backoff.mayBuild(1000)).toBe(true);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      backoff.onFailure(1000, false);
      let wait = 0;
      while (!backoff.mayBuild(1000 + wait)) wait += 100;
      waits.push(wait);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    expect(backoff.open).toBe(true);
    backoff.onFailure(1000, true);
    expect(backoff.open).toBe(false);
  });

  it('comes up to a quarter sooner, so that not all workers rebuild at once', () => {
    const backoff = new RebuildBackoff(() => 1);
    for (let i = 0; i < 20; i++) backoff.onFailure(1000, false);
    expect(backoff.waitMs(1000)).toBe(7500);
    expect(backoff.waitMs(10_000)).toBe(0);
  });
});
