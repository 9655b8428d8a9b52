import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestFolder } from './plugin-folder.suite.ts';
import { type GatewaySetup, refusalOf } from './plugin-gateway-files.ts';

interface Tenant {
  readonly services: unknown;
  readonly routes: readonly { readonly upstream: { readonly service: string } }[];
}

let folder: TestFolder;
beforeEach(() => {
  folder = new TestFolder();
});
afterEach(() => folder.remove());

function setupOf(permissions: Record<string, unknown>, flags: Partial<GatewaySetup> = {}): GatewaySetup {
  const plugin = { name: 'test-plugin', version: '1.0.0', phases: [], permissions };
  return { plugin, config: {}, port: 0, upstream: '127.0.0.1:1', services: new Map(), ...flags };
}

it.each<[GatewaySetup, RegExp]>([
  [setupOf({ services: ['auth', 'other/auth'] }), /^$/],
  [setupOf({ services: ['a/b/c'] }), /^plugin\.json: permissions\.services\[0\]: "a\/b\/c"/],
  [setupOf({}, { config: [] }), /^dev\/config\.json: config: a list is not/],
  [setupOf({}, { services: new Map([['auth', 'a b:80']]) }), /^services\.auth/],
])('says what a gateway would refuse: %j', async (setup, refusal) => {
  expect(await refusalOf(join(folder.path, 'trial'), setup)).toMatch(refusal);
});

it('keeps its upstream apart from services of the plugin', async () => {
  const setup = setupOf({ services: ['echo-upstream'] }, { services: new Map([['echo', '127.0.0.1:2']]) });
  expect(await refusalOf(folder.path, setup)).toBe('');
  const tenant = JSON.parse(readFileSync(join(folder.path, 'tenants/dev.json'), 'utf8')) as Tenant;
  const name = tenant.routes[0]!.upstream.service;
  expect(name).not.toMatch(/^echo(-upstream)?$/);
  expect(tenant.services).toMatchObject({
    echo: { static: [{ address: '127.0.0.1:2' }] },
    [name]: { static: [{ address: '127.0.0.1:1' }] },
  });
});
