import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { issue } from '../../config/certificate.suite.ts';
import { digestOf } from '../../runtime/modules/library.ts';
import { FakeImages, FakeServer, TAR_LAYER, tarGz, WASM_LAYER } from '../../runtime/modules/registry.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { ask, codeOf, patiently as eventually } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

vi.setConfig({ testTimeout: 60_000 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Json = Readonly<Record<string, unknown>>;

/** A module that answers every request with one letter. */
function answering(letter: string, more = ''): Uint8Array {
  const call = `(drop (call $send_local_response (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 1) (i32.const 0) (i32.const 0) (i32.const -1)))`;
  const fields = `(data (i32.const 0) "${letter}") ${more}`;
  return pluginModule({ callbacks: { proxy_on_request_headers: `${call} (i32.const 1)` }, fields });
}

const REFUSING = pluginModule({ callbacks: { proxy_on_configure: '(i32.const 0)' } });
const [ONE, TWO] = [answering('1'), answering('2')];

async function fake(answer: Parameters<typeof FakeServer.open>[0], tls: Parameters<typeof FakeServer.open>[1] = null) {
  const server = await FakeServer.open(answer, tls);
  cleanups.push(() => server.close());
  return server;
}

class Registry {
  readonly images = new FakeImages();
  readonly server: FakeServer;

  constructor(server: FakeServer) {
    this.server = server;
    server.answer = (request, response) => this.images.answer(request, response);
  }

  static async open(): Promise<Registry> {
    return new Registry(await fake(() => {}));
  }

  push(tag: string, bytes: Uint8Array): void {
    this.images.push(tag, [{ type: WASM_LAYER, bytes }]);
  }

  entry(tag: string, bytes: Uint8Array, more: Json = {}): Json {
    const source = `oci://${this.server.host}/plugins/auth:${tag}`;
    return { name: 'auth', source, sha256: digestOf(bytes), pull: { plainHttp: true }, ...more };
  }
}

const TENANTS = {
  a: tenantA({
    routes: [
      { id: 'auth', match: { path: { prefix: '/auth' } }, respond: { body: 'none' }, plugins: [{ use: 'auth' }] },
      { id: 'rest', respond: { body: 'here' } },
    ],
  }),
};

async function start(gateway: Json, more: GatewayFiles = {}): Promise<GatewayRig> {
  const rig = await GatewayRig.start({ tenants: TENANTS, ...more, gateway: { workers: 0, ...gateway } });
  cleanups.push(() => rig.stop());
  return rig;
}

function stateDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

const answer = (rig: GatewayRig, path = '/auth') => ask(rig.port, { path }).then(({ text }) => text);
const moduleOf = async (rig: GatewayRig): Promise<Json> =>
  (JSON.parse((await rig.admin('/api/plugins')).text) as { modules: Json[] }).modules[0]!;
const readiness = async (rig: GatewayRig) => {
  const { status, text } = await rig.admin('/readyz');
  return { ...(JSON.parse(text) as { reasons: Json[]; warnings: Json[] }), status };
};

describe.each([0, 2])('a plugin from a registry, workers: %d', (workers) => {
  it('serves, and changes its version without a restart or a failure', async () => {
    const registry = await Registry.open();
    registry.push('1', ONE);
    registry.push('2', TWO);
    const rig = await start({ workers, plugins: [registry.entry('1', ONE)] });
    await eventually(() => answer(rig)).toBe('1');
    await eventually(() => readiness(rig)).toMatchObject({ status: 200, warnings: [] });
    const statuses: number[] = [];
    const load = { over: false };
    const client = async (): Promise<void> => {
      while (!load.over) statuses.push((await ask(rig.port, { path: '/auth' })).status);
    };
    const clients = [client(), client()];
    rig.directory.writeGateway({ plugins: [registry.entry('2', TWO)] });
    for (let i = 0; i < 20; i++) await eventually(() => answer(rig)).toBe('2');
    load.over = true;
    await Promise.all(clients);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(await moduleOf(rig)).toMatchObject({ state: 'active', digest: digestOf(TWO), pulls: { success: 2 } });
    const snapshot = JSON.parse((await rig.admin('/api/snapshot')).text) as { gateway: Json };
    expect(snapshot.gateway).toMatchObject({ state: 'active', pending: [] });
  });
});

describe('a plugin from a registry', () => {
  it('that refuses the configuration in use leaves the former version in force, and says why', async () => {
    const registry = await Registry.open();
    registry.push('1', ONE);
    registry.push('2', REFUSING);
    const rig = await start({ plugins: [registry.entry('1', ONE)] });
    await eventually(() => answer(rig)).toBe('1');
    rig.directory.writeGateway({ plugins: [registry.entry('2', REFUSING)] });
    await eventually(() => moduleOf(rig)).toMatchObject({
      state: 'stale',
      digest: digestOf(ONE),
      error: expect.stringMatching(/plugin auth of tenant a.*refused its configuration/),
    });
    expect(await answer(rig)).toBe('1');
    expect(await rig.metric('sluice_plugin_module_state{plugin="auth",state="stale"}')).toBe(1);
    expect(await readiness(rig)).toMatchObject({ status: 200, warnings: [{ part: 'plugins' }] });
  });

  it('that is away holds up its own routes only, and is there when the registry is', async () => {
    const registry = await Registry.open();
    registry.push('1', ONE);
    await registry.server.close();
    const rig = await start({ plugins: [registry.entry('1', ONE)] });
    expect(await answer(rig, '/else')).toBe('here');
    expect(codeOf(await ask(rig.port, { path: '/auth' }))).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    await eventually(() =>
      rig.metric('sluice_plugin_module_pulls_total{plugin="auth",result="failure"}'),
    ).toBeGreaterThan(0);
    expect(await moduleOf(rig)).toMatchObject({ state: 'pending', error: expect.stringMatching('ECONNREFUSED') });
    expect(await readiness(rig)).toMatchObject({ status: 503, reasons: [{ part: 'plugins' }] });
    await registry.server.reopen();
    await eventually(() => answer(rig)).toBe('1');
    await eventually(() => readiness(rig)).toMatchObject({ status: 200 });
  });

  it('is there at a restart without the registry, from what is kept', async () => {
    const registry = await Registry.open();
    registry.images.push('1', [{ type: TAR_LAYER, bytes: tarGz(['plugin.wasm', ONE]) }]);
    const state = { directory: stateDirectory() };
    const first = await start({ state, plugins: [registry.entry('1', ONE)] });
    await eventually(() => answer(first)).toBe('1');
    await first.stop();
    await registry.server.close();
    const second = await start({ state, plugins: [registry.entry('1', ONE)] });
    expect(await answer(second)).toBe('1');
    expect(await moduleOf(second)).toMatchObject({ state: 'active', pulls: { success: 0, failure: 0, cache: 1 } });
    await second.stop();
    const third = await start({ state, plugins: [registry.entry('2', TWO)] });
    expect(await answer(third)).toBe('1');
    await eventually(() => moduleOf(third)).toMatchObject({
      state: 'stale',
      error: expect.stringMatching('ECONNREFUSED'),
    });
    expect(await readiness(third)).toMatchObject({ status: 200, warnings: [{ part: 'plugins' }] });
  });

  it('runs in the chain of the gateway from when it has come', async () => {
    const registry = await Registry.open();
    registry.push('1', ONE);
    const rig = await start({ plugins: [registry.entry('1', ONE)], chain: [{ use: 'auth' }] });
    await eventually(() => answer(rig, '/else')).toBe('1');
  });
});

describe('the catalogue of a running gateway', () => {
  it('follows files and what plugins are granted', async () => {
    const files = { 'one.wasm': ONE, 'two.wasm': TWO };
    const rig = await start({ plugins: [{ name: 'auth', source: 'file:one.wasm' }] }, { files });
    expect(await answer(rig)).toBe('1');
    const two = { name: 'auth', source: 'file:two.wasm' };
    rig.directory.writeGateway({ plugins: [two] });
    await eventually(() => answer(rig)).toBe('2');
    rig.directory.writeGateway({
      plugins: [{ ...two, allow: { hostCalls: { deny: ['proxy_send_local_response'] } } }],
    });
    await eventually(() => moduleOf(rig)).toMatchObject({
      state: 'stale',
      error: expect.stringMatching('allow.hostCalls'),
    });
    expect(await answer(rig)).toBe('2');
    rig.directory.writeGateway({ plugins: [two] });
    await eventually(() => moduleOf(rig)).toMatchObject({ state: 'active', error: '' });
  });
});

describe.each([0, 2])('plugins that come and go, workers: %d', (workers) => {
  const file = (name: string, module: string): Json => ({ name, source: `file:${module}.wasm` });
  const using = (plugin: string): Json =>
    tenantA({
      routes: [
        { id: 'auth', match: { path: { prefix: '/auth' } }, plugins: [{ use: plugin }], respond: {} },
        { id: 'rest', respond: { body: 'here' } },
      ],
    });
  const files = { 'one.wasm': ONE, 'two.wasm': TWO, 'refusing.wasm': REFUSING };
  const names = async (rig: GatewayRig) => {
    const { modules } = JSON.parse((await rig.admin('/api/plugins')).text) as { modules: Json[] };
    return modules.map(({ plugin, state }) => `${String(plugin)} ${String(state)}`);
  };
  const instances = async (rig: GatewayRig) => {
    const { plugins } = JSON.parse((await rig.admin('/api/plugins')).text) as { plugins: Json[] };
    return plugins.map(({ plugin, instances }) => `${String(plugin)} ${instances === 0 ? 'none' : 'some'}`);
  };
  const tenantState = async (rig: GatewayRig) =>
    (JSON.parse((await rig.admin('/api/tenants')).text) as { tenants: Json[] }).tenants[0]!;
  /** Asks all the time; answers the statuses when called. */
  const underLoad = (rig: GatewayRig): (() => Promise<number[]>) => {
    const statuses = new Set<number>();
    const load = { over: false };
    const client = async (): Promise<void> => {
      while (!load.over) statuses.add((await ask(rig.port, { path: '/auth' })).status);
    };
    const clients = [client(), client()];
    return async () => {
      load.over = true;
      await Promise.all(clients);
      return [...statuses];
    };
  };

  it('change their name while they run, in whichever order the files are written', async () => {
    const rig = await start({ workers, plugins: [file('old', 'one')] }, { files, tenants: { a: using('old') } });
    await eventually(() => answer(rig)).toBe('1');
    const statuses = underLoad(rig);
    rig.directory.writeGateway({ plugins: [file('new', 'two')] });
    await eventually(() => names(rig)).toEqual(['new active', 'old stale']);
    await eventually(() => tenantState(rig)).toMatchObject({
      state: 'stale',
      errors: [expect.stringMatching(/a\.yaml:1:\d+ routes\[0\]\.plugins\[0\]\.use: there is no plugin "old"/)],
    });
    expect(await moduleOf(rig)).toMatchObject({ plugin: 'new', state: 'active' });
    expect(await answer(rig)).toBe('1');
    rig.directory.writeTenant('a', using('new'));
    await eventually(() => answer(rig)).toBe('2');
    await eventually(() => names(rig)).toEqual(['new active']);
    rig.directory.writeTenant('a', using('newest'));
    await eventually(() => tenantState(rig)).toMatchObject({ state: 'stale' });
    rig.directory.writeGateway({ plugins: [file('newest', 'one')] });
    await eventually(() => answer(rig)).toBe('1');
    await eventually(() => names(rig)).toEqual(['newest active']);
    await eventually(() => instances(rig)).toEqual(['newest some']);
    expect(await statuses()).toEqual([200]);
  });

  it('that are new serve nobody before they have a module, and leave the gateway ready', async () => {
    const rig = await start({ workers, plugins: [file('old', 'one')] }, { files, tenants: { a: using('old') } });
    await eventually(() => answer(rig)).toBe('1');
    const statuses = underLoad(rig);
    rig.directory.writeGateway({ plugins: [file('old', 'one'), file('new', 'late')] });
    await eventually(() => names(rig)).toEqual(['old active', 'new failed']);
    rig.directory.writeTenant('a', using('new'));
    await eventually(() => tenantState(rig)).toMatchObject({
      state: 'stale',
      errors: [expect.stringMatching('the plugin "new" has no module yet')],
    });
    const warning = { part: 'plugins', reason: expect.stringMatching('plugin new: it is not loaded: .*ENOENT') };
    await eventually(() => readiness(rig)).toMatchObject({ status: 200, warnings: [warning] });
    expect(await answer(rig)).toBe('1');
    rig.directory.writeFile('late.wasm', TWO);
    await eventually(() => answer(rig)).toBe('2');
    await eventually(() => readiness(rig)).toMatchObject({ status: 200, warnings: [] });
    expect(await statuses()).toEqual([200]);
  });

  it('that refuse a configuration keep its tenant as it was', async () => {
    const rig = await start({ workers, plugins: [file('old', 'one')] }, { files, tenants: { a: using('old') } });
    rig.directory.writeGateway({ plugins: [file('old', 'one'), file('new', 'refusing')] });
    await eventually(() => names(rig)).toEqual(['old active', 'new active']);
    rig.directory.writeTenant('a', using('new'));
    await eventually(() => tenantState(rig)).toMatchObject({ state: 'stale', errors: [expect.stringMatching('new')] });
    await eventually(() => answer(rig)).toBe('1');
  });

  it('stay in the chain of the gateway until that is another one', async () => {
    const chain = [{ use: 'old' }];
    const rig = await start({ workers, chain, plugins: [file('old', 'one')] }, { files, tenants: { a: using('old') } });
    await eventually(() => answer(rig, '/else')).toBe('1');
    rig.directory.writeGateway({ chain: [], plugins: [file('new', 'two')] });
    const state = async () => (JSON.parse((await rig.admin('/api/snapshot')).text) as { gateway: Json }).gateway;
    await eventually(state).toMatchObject({ state: 'pending', pending: ['chain'] });
    await eventually(() => names(rig)).toEqual(['new active', 'old stale']);
    rig.directory.writeTenant('a', using('new'));
    await eventually(() => tenantState(rig)).toMatchObject({ state: 'active' });
    expect([await answer(rig, '/else'), await names(rig)]).toEqual(['1', ['new active', 'old stale']]);
  });
});

describe('a plugin from a web server', () => {
  it('is fetched over TLS with a password that stands nowhere else', async () => {
    const authority = issue({ ca: true, commonName: 'tests', names: null });
    const tls = issue({ names: ['localhost'], issuer: authority });
    const authorization = `Basic ${Buffer.from('robot:p4ss-word').toString('base64')}`;
    const server = await fake((request, response) => {
      if (request.headers.authorization === authorization) response.end(ONE);
      else response.writeHead(401).end();
    }, tls);
    const secrets = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
    cleanups.push(() => rmSync(secrets, { recursive: true }));
    writeFileSync(join(secrets, 'robot'), 'p4ss-word\n');
    const pull = { caFile: 'ca.pem', username: 'robot', password: { secret: 'robot' } };
    const source = `https://localhost:${server.port}/auth.wasm`;
    const rig = await start(
      { secrets: { directory: secrets }, plugins: [{ name: 'auth', source, sha256: digestOf(ONE), pull }] },
      { files: { 'ca.pem': authority.certificate } },
    );
    await eventually(() => answer(rig)).toBe('1');
    const pages = await Promise.all(['/api/plugins', '/api/snapshot', '/metrics'].map((path) => rig.admin(path)));
    expect(pages.map(({ text }) => text).join()).not.toContain('p4ss-word');
  });
});
