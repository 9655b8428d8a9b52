import { expect, it } from 'vitest';
import { parseTenant } from '../config/parse-tenant.ts';
import { routeInputs } from './inputs.ts';

function inputsOf(tenant: Record<string, unknown>): string[] {
  const text = JSON.stringify({ tenant: 'a', domains: ['a.example'], discovery: { registry: 'local' }, ...tenant });
  const gateway = { plugins: [], registries: { local: { type: 'file' as const, path: 'x' } } };
  const { config, problems } = parseTenant('a.yaml', text, { gateway });
  if (config === null) throw new Error(JSON.stringify(problems));
  return [...routeInputs(config)].sort();
}

const route = (match: unknown) => ({ id: 'r', match, upstream: { service: 's' } });

it('are path and host for every tenant', () => {
  expect(inputsOf({ routes: [route({ clientIp: ['10.0.0.0/8'] })] })).toEqual([':authority', ':path']);
});

it('are what routes and lanes look at', () => {
  const match = [
    { methods: ['GET'], query: [{ name: 'q', present: true }] },
    { headers: [{ name: 'X-Kind', exact: 'b' }], cookies: [{ name: 'c', exact: '1' }] },
  ];
  const rules = [
    { headers: [{ name: 'X-Beta', present: true }] },
    { percentage: 5, stickyBy: { header: 'X-Device' } },
    { percentage: 5, stickyBy: { cookie: 'id' } },
  ];
  expect(inputsOf({ routes: [route(match)], lanes: [{ name: 'gray', tag: 'gray', rules }] })).toEqual([
    ':authority',
    ':method',
    ':path',
    'cookie',
    'x-beta',
    'x-device',
    'x-kind',
    'x-mse-tag',
  ]);
});
