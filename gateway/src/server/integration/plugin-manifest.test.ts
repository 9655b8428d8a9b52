import { afterEach, describe, expect, it } from 'vitest';
import { SMALL_MANIFEST, withManifest } from '../../wasm/manifest.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { type GatewayProcess, startGateway } from '../gateway-process.ts';
import { ask, eventually } from './fixture.suite.ts';
import { ConfigDirectory, type GatewayFiles, GatewayRig, readGateway } from './gateway-rig.suite.ts';

const rigs: GatewayRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function start(files: GatewayFiles): Promise<GatewayRig> {
  const rig = await GatewayRig.start(files);
  rigs.push(rig);
  return rig;
}

/** A module that would run with any configuration, and says that it takes a `rate` up to a bound. */
const guard = (maximum: number, permissions: object = {}): Uint8Array =>
  withManifest(pluginModule({ callbacks: { proxy_on_request_headers: '(i32.const 0)' } }), {
    ...SMALL_MANIFEST,
    name: 'guard',
    phases: ['requestHeaders'],
    permissions,
    config: {
      type: 'object',
      additionalProperties: false,
      properties: { rate: { type: 'integer', minimum: 1, maximum } },
    },
  });

const tenant = (config: string): string => `tenant: a
domains: [a.example.com]
plugins:
  - use: guard
    config: ${config}
routes: [{ id: r, respond: { body: there } }]
`;

const plugins = [{ name: 'guard', source: 'file:guard.wasm', allow: { environment: { REGION: 'secret' } } }];
const errorsOf = async (rig: GatewayRig) => (await rig.view('tenants')).flatMap(({ errors }) => errors as string[]);
const moduleOf = async (rig: GatewayRig) =>
  (JSON.parse((await rig.admin('/api/plugins')).text) as { modules: Record<string, unknown>[] }).modules[0]!;
const statusOf = async (rig: GatewayRig) => (await ask(rig.port, { host: 'a.example.com' })).status;
const RATE = (most: number): string =>
  `a.yaml:5:21 plugins[0].config.rate: 50 is not valid here — give a whole number from 1 to ${most}`;

describe.each([0, 1])('a configuration that the manifest of its module refuses, workers: %d', (workers) => {
  it('is refused with its place, and the last good one stays', async () => {
    const rig = await start({ gateway: { plugins, workers }, files: { 'guard.wasm': guard(9) } });
    rig.directory.writeTenant('a', tenant('{ rate: 5 }'));
    await eventually(() => statusOf(rig)).toBe(200);
    rig.directory.writeTenant('a', tenant('{ rate: 50 }'));
    await eventually(() => errorsOf(rig)).toEqual([expect.stringContaining(RATE(9))]);
    expect(await statusOf(rig)).toBe(200);
    // A module that takes it brings the file into force.
    rig.directory.writeFile('guard.wasm', guard(99));
    await eventually(() => errorsOf(rig)).toEqual([]);
    // One that does not take what is in use stays outside.
    rig.directory.writeFile('guard.wasm', guard(20));
    await eventually(() => moduleOf(rig)).toMatchObject({
      state: 'stale',
      error: expect.stringContaining(
        'plugin guard of tenant a: config.rate: the value is not valid here — give a whole number from 1 to 20',
      ),
    });
  });
});

describe('a module that has changed while the gateway was down', () => {
  it('refuses what is kept of a tenant, with its place', async () => {
    const directory = new ConfigDirectory({
      gateway: { plugins, state: { directory: 'state' } },
      files: { 'guard.wasm': guard(99) },
    });
    const run = async (use: (gateway: GatewayProcess) => Promise<void>): Promise<void> => {
      const config = readGateway(directory.gatewayFile);
      const gateway = await startGateway({ config, version: '0.0.0-test', logLevel: 'silent', onFatal: () => {} });
      try {
        await use(gateway);
      } finally {
        await gateway.stop({ grace: 0, deadline: 0 });
      }
    };
    const served = ({ listeners }: GatewayProcess) => ask(listeners[0]!.port, { host: 'a.example.com' });
    directory.writeTenant('a', tenant('{ rate: 50 }'));
    await run(async (gateway) => expect((await served(gateway)).status).toBe(200));
    directory.writeFile('guard.wasm', guard(9));
    await run(async (gateway) => {
      expect((await served(gateway)).status).toBe(503);
      const { text } = await ask(gateway.admin.port, { host: 'localhost', path: '/api/tenants' });
      expect(text).toContain(RATE(9));
    });
    directory.remove();
  });
});

describe('the admin API', () => {
  it('shows what a module says of itself, and what it is allowed', async () => {
    const permissions = { environment: ['REGION', 'ZONE'], services: ['auth'] };
    const rig = await start({ gateway: { plugins }, files: { 'guard.wasm': guard(9, permissions) } });
    const module = await moduleOf(rig);
    expect(module).toMatchObject({
      manifest: {
        name: 'guard',
        version: '1.0.0',
        error: '',
        wanted: { environment: ['REGION', 'ZONE'], services: ['auth'] },
        missing: ['environment: { ZONE: … }'],
      },
      allowed: { services: [], tenantServices: true, properties: null, environment: ['REGION'] },
    });
    expect(JSON.stringify(module)).not.toContain('secret');
  });

  it('shows why there is no manifest', async () => {
    const bytes = withManifest(pluginModule({ callbacks: { proxy_on_log: '' } }), '[]');
    const rig = await start({ gateway: { plugins }, files: { 'guard.wasm': bytes } });
    expect(await moduleOf(rig)).toMatchObject({ state: 'active', manifest: { error: 'it is not an object' } });
  });
});
