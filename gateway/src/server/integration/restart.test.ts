import { afterEach, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGateway } from '../gateway-process.ts';
import { ask, codeOf, eventually } from './fixture.suite.ts';
import { ConfigDirectory, readGateway, tenantA } from './gateway-rig.suite.ts';

let directory: ConfigDirectory;
let gateway: GatewayProcess | null = null;

async function stop(): Promise<void> {
  await gateway?.stop({ grace: 0, deadline: 0 });
  gateway = null;
}

/** A new gateway over the same files. */
async function restart(): Promise<void> {
  await stop();
  gateway = await startGateway({
    config: readGateway(directory.gatewayFile),
    version: '0.0.0-test',
    logLevel: 'silent',
    configFile: { path: directory.gatewayFile, env: {} },
    onFatal: () => {},
  });
}

const said = (body: string) => tenantA({ routes: [{ id: 'all', respond: { body } }] });
const answer = () => ask(gateway!.listeners[0]!.port, {});
const textOf = () => answer().then(({ text }) => text);
const admin = (path: string) => ask(gateway!.admin.port, { host: 'localhost', path });

afterEach(async () => {
  await stop();
  directory.remove();
});

describe('a restart with a broken tenant file', () => {
  it('serves the last good version, is ready, and says so', async () => {
    directory = new ConfigDirectory({ gateway: { state: { directory: 'state' } }, tenants: { a: said('good') } });
    await restart();
    expect(await textOf()).toBe('good');
    directory.writeTenant('a', 'tenant: a\nrutes: []\n');
    await restart();
    expect(await textOf()).toBe('good');
    await eventually(() => admin('/readyz').then(({ status }) => status)).toBe(200);
    const view = JSON.parse((await admin('/api/tenants')).text) as { tenants: Record<string, unknown>[] };
    expect(view.tenants[0]).toMatchObject({ tenant: 'a', state: 'stale', domains: ['a.example'], routes: 1 });
    expect(String(view.tenants[0]!['errors'])).toMatch(/a\.yaml:2:1 rutes: unknown key/);
    expect((await admin('/metrics')).text).toContain('sluice_config_tenant_state{tenant="a",state="stale"} 1');
    directory.writeTenant('a', said('mended'));
    await eventually(textOf).toBe('mended');
  });

  it('without a last good version answers 503 for its domains, and is ready for the others', async () => {
    directory = new ConfigDirectory({
      gateway: { state: { directory: 'state' } },
      tenants: { a: tenantA({ rutes: [] }), b: { ...said('b'), tenant: 'b', domains: ['b.example'] } },
    });
    await restart();
    expect(codeOf(await answer())).toBe('SLUICE_TENANT_UNAVAILABLE');
    expect((await ask(gateway!.listeners[0]!.port, { host: 'b.example' })).text).toBe('b');
    await eventually(() => admin('/readyz').then(({ status }) => status)).toBe(200);
  });
});

describe('a state directory that cannot be written', () => {
  it('keeps nothing from being served, and shows', async () => {
    const files = { gateway: { state: { directory: 'blocked/state' } }, files: { blocked: '' } };
    directory = new ConfigDirectory({ ...files, tenants: { a: said('good') } });
    await restart();
    expect(await textOf()).toBe('good');
    await eventually(() => admin('/metrics').then(({ text }) => text)).toContain('sluice_state_unsaved_tenants 1');
  });
});
