import { describe, expect, it } from 'vitest';
import { median, percentile, ratiosOf, type Run, summarize } from './statistics.ts';

function run(subject: string, round: number, requestsPerSecond: number, cpuMicrosPerRequest: number | null): Run {
  const latencyMs = { p50: 1, p99: 2, max: 3 };
  return { scenario: 's', subject, round, requestsPerSecond, cpuMicrosPerRequest, latencyMs, rssMiB: 1, errors: 0 };
}

describe('medians and percentiles', () => {
  it('takes the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('finds a percentile among sorted values', () => {
    const values = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(percentile(values, 0.5)).toBe(51);
    expect(percentile(values, 0.99)).toBe(100);
    expect(percentile(values, 1)).toBe(100);
    expect(percentile([], 0.5)).toBe(0);
  });

  it('sums latencies up', () => {
    expect(summarize([3, 1, 2], 2, 1)).toEqual({ requests: 3, seconds: 2, errors: 1, p50: 2, p99: 3, max: 3 });
  });
});

describe('ratios', () => {
  it('compares within a round and takes the median of that', () => {
    // The machine halves its speed in the second round: the ratio of medians would be another.
    const runs = [
      run('gateway', 1, 100, 30),
      run('nginx', 1, 200, 20),
      run('gateway', 2, 50, 60),
      run('nginx', 2, 100, 40),
      run('gateway', 3, 100, 40),
      run('nginx', 3, 100, 20),
    ];
    expect(ratiosOf(runs, ['nginx'])).toEqual([
      { scenario: 's', subject: 'gateway', against: 'nginx', requestsPerSecond: 0.5, cpuMicrosPerRequest: 1.5 },
    ]);
  });

  it('has no CPU ratio with a subject that has no CPU time', () => {
    const [ratio] = ratiosOf([run('gateway', 1, 100, 30), run('direct', 1, 200, null)], ['direct']);
    expect(ratio).toMatchObject({ against: 'direct', requestsPerSecond: 0.5, cpuMicrosPerRequest: null });
  });

  it('leaves out references that took no part', () => {
    expect(ratiosOf([run('gateway', 1, 100, 30)], ['nginx'])).toEqual([]);
  });
});
