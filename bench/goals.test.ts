import { expect, it } from 'vitest';
import { goalsOf } from './goals.ts';
import type { Run } from './statistics.ts';

function run(scenario: string, subject: string, round: number, cpu: number | null, more: Partial<Run> = {}): Run {
  const latencyMs = { p50: 1, p99: 2, max: 3 };
  const measured = { requestsPerSecond: 1, cpuMicrosPerRequest: cpu, latencyMs, rssMiB: null, errors: 0 };
  return { scenario, subject, round, ...measured, ...more };
}

function found(runs: readonly Run[], what: RegExp): { found: number; met: boolean } | undefined {
  return goalsOf({ runs, figures: [] }).find((goal) => what.test(`${goal.scenario}: ${goal.what}`));
}

it('compares within a round, by the median', () => {
  const runs = [
    ...[20, 40, 90].map((cpu, at) => run('get-1k', 'gateway', at + 1, cpu)),
    ...[20, 20, 20].map((cpu, at) => run('get-1k', 'nginx', at + 1, cpu)),
  ];
  expect(found(runs, /get-1k: CPU.*nginx/)).toMatchObject({ found: 2, met: false, most: 1.2 });
  expect(found(runs, /floor|post-1k/)).toBeUndefined();
});

it('leaves out what has no CPU time, and what was not measured', () => {
  expect(found([run('get-1k', 'gateway', 1, 20), run('get-1k', 'nginx', 1, null)], /nginx/)).toBeUndefined();
  expect(goalsOf({ runs: [], figures: [] })).toEqual([]);
});

it('counts failures of the gateway alone', () => {
  const runs = [run('post-1k', 'gateway+plugin', 1, 1, { errors: 2 }), run('post-1k', 'caddy', 1, 1, { errors: 5 })];
  expect(found(runs, /failed requests/)).toMatchObject({ found: 2, met: false });
  expect(found(runs.slice(1), /failed requests/)).toBeUndefined();
});

it('takes latency as a difference, and memory as it is', () => {
  const slow = { latencyMs: { p50: 1, p99: 2.25, max: 3 } };
  const half = [run('latency-half-load', 'gateway', 1, 1, slow), run('latency-half-load', 'nginx', 1, 1)];
  expect(found(half, /p99/)).toMatchObject({ found: 0.25, met: true });
  const idle = [run('idle-10k', 'gateway', 1, 1, { idleConnectionKiB: 8.1 })];
  expect(found(idle, /idle-10k/)).toMatchObject({ found: 8.1, met: false });
});

it('takes the worst of the figures of a kind, of plugins in AssemblyScript', () => {
  const figure = { scenario: 'plugins', unit: '%' } as const;
  const figures = [
    { ...figure, subject: 'AssemblyScript', name: 'metering: a', value: 3 },
    { ...figure, subject: 'AssemblyScript', name: 'metering: b', value: 12 },
    { ...figure, subject: 'Go', name: 'metering: b', value: 70 },
  ];
  expect(goalsOf({ runs: [], figures })).toEqual([
    expect.objectContaining({ scenario: 'plugins', found: 12, most: 25, met: true }),
  ]);
});
