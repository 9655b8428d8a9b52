import { describe, expect, it } from 'vitest';
import { partOf, withFigures } from './report.ts';
import type { Result } from './result.ts';
import type { Run } from './statistics.ts';
import { asMarkdown, asText, tablesOf } from './tables.ts';

const turn: Run = {
  scenario: 'get-1k',
  subject: 'gateway',
  round: 1,
  requestsPerSecond: 100,
  cpuMicrosPerRequest: 21.5,
  latencyMs: { p50: 1, p99: 2, max: 3 },
  rssMiB: 150,
  errors: 0,
  countedBySubject: 400,
  miscounted: 0,
};

const result: Result = {
  command: 'npm run bench -- --json out.json',
  measuredAt: '2026-01-02T03:04:05.000Z',
  machine: {
    cpu: 'a CPU',
    cores: 2,
    memoryGiB: 8,
    system: 'linux 6',
    loadAverage: [0, 0, 0],
    pinning: { subject: '0', others: '1' },
  },
  versions: { sluice: '0.1.0', nginx: '1.29.0' },
  generators: { 'get-1k': 'wrk 4.1.0' },
  runs: [turn, { ...turn, round: 2, cpuMicrosPerRequest: 22.5 }],
  ratios: [
    { scenario: 'get-1k', subject: 'gateway', against: 'nginx', requestsPerSecond: 0.9, cpuMicrosPerRequest: 1.1 },
  ],
  figures: [
    { scenario: 'plugins', subject: 'Rust', name: 'read a header', unit: 'ns', value: 200 },
    { scenario: 'plugins', subject: 'Go', name: 'read a header', unit: 'ns', value: 400 },
  ],
  goals: [{ scenario: 'get-1k', what: 'CPU', unit: '×', most: 1.2, found: 1.1, met: true }],
  skipped: [{ scenario: 'get-1k', subject: 'envoy', reason: 'is not there\nat all' }],
};

describe('tables', () => {
  it('hold medians, ratios, who is missing and why, and whether counts agree', () => {
    const [runs, figures, goals] = tablesOf(result);
    expect(runs).toMatchObject({
      title: 'get-1k',
      rows: [['gateway', '22', '1.1', '100', '', '1', '2', '3', '150', '0']],
      notes: ['Load: wrk 4.1.0.', '`/metrics` counts what the load counts.', 'Without envoy: is not there at all.'],
    });
    expect(figures).toMatchObject({ head: ['', 'Rust', 'Go'], rows: [['read a header, ns', '200', '400']] });
    expect(goals!.rows).toEqual([['get-1k', 'CPU', '1.1×', '1.2×', 'yes']]);
  });

  it('say by how much counts differ', () => {
    const [runs] = tablesOf({ ...result, runs: [{ ...turn, miscounted: 3, errors: 3 }] });
    expect(runs!.notes).toContain('`/metrics` is off by 3 requests.');
  });

  it('say who is missing from a scenario in which nobody ran', () => {
    const [table] = tablesOf({ ...result, runs: [], figures: [] });
    expect(asMarkdown(table!)).toContain('Without envoy: is not there at all.');
  });

  it('are aligned in a terminal', () => {
    const table = {
      title: 't',
      head: ['', 'n'],
      rows: [
        ['a', '1'],
        ['bcd', '22'],
      ],
      notes: ['that is all'],
    };
    expect(asText(table)).toBe('\nt\n      n\na     1\nbcd  22\nthat is all');
  });
});

describe('the page', () => {
  const page = 'before\n<!-- figures: npm run bench -- --report FILE -->\nold\n<!-- end of figures -->\nafter\n';

  it('gets its figures anew, and nothing else', () => {
    const made = withFigures(page, result);
    expect(made).toMatch(/^before\n<!-- figures: .*\n\n- Command: `npm run bench -- --json out.json`, 2026-01-02\n/);
    expect(made).toMatch(/\n- Machine: a CPU, 2 cores \(subject on core 0, all else on 1\), 8 GiB/);
    expect(made).toMatch(/\n\| gateway \| 22 \|.*\n\n- Load: wrk/);
    expect(made).toMatch(/\n\n<!-- end of figures -->\nafter\n$/);
    expect(made).not.toContain('old');
    expect(withFigures(made, result)).toBe(made);
  });

  it('must have a place for them', () => {
    expect(() => withFigures('no marks', result)).toThrow('no place for figures');
  });

  it('takes what belongs to a page', () => {
    const sdk = { scenario: 'sdk', subject: 'ns', name: 'a call', unit: '' as const, value: 1 };
    const both = { ...result, figures: [...result.figures, sdk] };
    expect(partOf(both, (scenario) => scenario === 'sdk')).toMatchObject({ runs: [], figures: [sdk], goals: [] });
    expect(partOf(both, (scenario) => scenario !== 'sdk')).toEqual(result);
    expect(partOf(result, (scenario) => scenario === 'sdk')).toBeNull();
  });
});
