import { describe, expect, it } from 'vitest';
import { parseGateway } from './parse-gateway.ts';
import { formatProblem } from './problem.ts';
import { quotasOf } from './tenant-grants.ts';

function gatewayWith(tenants: string) {
  const text = `apiVersion: sluice/v1
listeners: [{ name: http, port: 80 }]
tenants: { directory: t, ${tenants} }
`;
  return parseGateway('/etc/gateway.yaml', text);
}

function quotas(tenants: string, tenant = 'home') {
  const { config, problems } = gatewayWith(tenants);
  expect(problems).toEqual([]);
  return quotasOf(config!.tenants, tenant);
}

describe('quotas of tenants', () => {
  it('are none unless there are some', () => {
    expect(quotas('')).toBeNull();
    expect(quotas('quotas: {}')).toBeNull();
    expect(quotas('quotas: { requestsPerSecond: 0, concurrency: 0 }')).toBeNull();
  });

  it('are the same for all but for those with their own', () => {
    const section = `quotas: { requestsPerSecond: 100, burst: 500, concurrency: 8 },
      overrides: { home: { quotas: { concurrency: 20 } }, fast: { quotas: { requestsPerSecond: 900 } },
                   none: { quotas: { requestsPerSecond: 0, concurrency: 0 } }, calm: { quotas: { burst: 0 } },
                   wide: { limits: { routes: 7 } } }`;
    const all = { requestsPerSecond: 100, burst: 500, concurrency: 8 };
    expect(quotas(section, 'other')).toEqual(all);
    expect(quotas(section, 'wide')).toEqual(all);
    expect(quotas(section, 'toString')).toEqual(all);
    expect(quotas(section, 'home')).toEqual({ ...all, concurrency: 20 });
    // A burst belongs to its rate.
    expect(quotas(section, 'fast')).toEqual({ requestsPerSecond: 900, burst: 900, concurrency: 8 });
    expect(quotas(section, 'calm')).toEqual({ ...all, burst: 100 });
    expect(quotas(section, 'none')).toBeNull();
  });

  it.each([
    ['quotas: { requestsPerSecond: -1 }', 'tenants.quotas.requestsPerSecond: -1 is not valid here'],
    ['quotas: { requestsPerSecond: 1.5 }', 'tenants.quotas.requestsPerSecond: 1.5 is not valid here'],
    ['quotas: { concurrency: 1000001 }', 'tenants.quotas.concurrency: 1000001 is not valid here'],
    [
      'quotas: { burst: 5 }',
      'tenants.quotas.burst: a burst means nothing without requestsPerSecond — add requestsPerSecond, or remove burst',
    ],
    [
      'overrides: { home: { quotas: { burst: 5 } } }',
      'tenants.overrides.home.quotas.burst: a burst means nothing without requestsPerSecond',
    ],
    ['overrides: { home: { quotas: { rate: 5 } } }', 'tenants.overrides.home.quotas.rate: unknown key'],
  ])('refuse %s', (section, problem) => {
    expect(gatewayWith(section).problems.map(formatProblem)).toEqual([expect.stringContaining(problem)]);
  });
});
