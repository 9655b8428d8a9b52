import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PluginConfig } from '../config/schema-plugin.ts';
import { MemoryLog } from '../discovery/fixtures.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { Catalogue } from './catalogue.ts';
import type { CatalogueModule } from './feed.ts';
import { digestOf } from './modules/library.ts';
import { FakeImages, FakeServer, moduleNumber, pluginConfig, WASM_LAYER } from './modules/registry.suite.ts';

const [ONE, TWO, THREE] = [moduleNumber(1), moduleNumber(2), moduleNumber(3)];
/** It imports a host call. */
const LOGGING = pluginModule({
  callbacks: { proxy_on_log: '(drop (call $log (i32.const 2) (i32.const 0) (i32.const 0)))' },
});
const NONE = Buffer.from('\0asm and no more than text');
const PULL = { plainHttp: true, timeout: 30_000 };

let state = '';
let log: MemoryLog;
let images: FakeImages;
let server: FakeServer;
let accepted: CatalogueModule[] = [];
/** Why modules are refused, or ''. */
let refusal = '';
const open: Catalogue[] = [];

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  log = new MemoryLog();
  images = new FakeImages();
  accepted = [];
  refusal = '';
  server = await FakeServer.open((request, response) => images.answer(request, response));
});
afterEach(async () => {
  for (const catalogue of open.splice(0)) await catalogue.close();
  await server.close();
  rmSync(state, { recursive: true });
});

const accept = async (module: CatalogueModule): Promise<void> => {
  if (refusal !== '') throw new Error(refusal);
  accepted.push(module);
};
const eventually = <T>(look: () => T) => expect.poll(look, { interval: 2, timeout: 20_000 });
const digests = () => accepted.map(({ module }) => module!.digest);

/** A plugin from the registry, named by the digest of its module. */
function tagged(tag: string, bytes: Uint8Array, more: Partial<PluginConfig> = {}): PluginConfig {
  const source = `oci://${server.host}/plugins/auth:${tag}`;
  return pluginConfig('auth', source, { sha256: digestOf(bytes), pull: PULL, ...more });
}

/** A plugin from the registry, named by the digest of its manifest. */
function byManifest(digest: string): PluginConfig {
  return pluginConfig('auth', `oci://${server.host}/plugins/auth@sha256:${digest}`, { pull: PULL });
}

const push = (tag: string, bytes: Uint8Array): string => images.push(tag, [{ type: WASM_LAYER, bytes }]);

async function load(plugins: readonly PluginConfig[], keeping = true): Promise<Catalogue> {
  const kept = keeping ? { stateDirectory: state } : {};
  const catalogue = await Catalogue.load({ plugins, log, settleMs: 5, pollMs: 20, ...kept });
  open.push(catalogue);
  return catalogue;
}

async function start(plugins: readonly PluginConfig[], keeping = true): Promise<Catalogue> {
  const catalogue = await load(plugins, keeping);
  catalogue.follow({ accept, remove: () => [], offer() {} });
  return catalogue;
}

/** Runs a catalogue until its module is in force, and ends it: what a restart finds. */
async function runBefore(plugin: PluginConfig): Promise<void> {
  const catalogue = await start([plugin]);
  await eventually(() => catalogue.modules[0]!.module?.digest).toBeTruthy();
  await catalogue.close();
  accepted = [];
  server.asked.length = 0;
}

describe('a module on another machine', () => {
  it('is fetched once the gateway runs, and holds up nothing before that', async () => {
    push('1', ONE);
    const catalogue = await load([tagged('1', ONE)]);
    expect(catalogue.modules[0]).toMatchObject({ module: null, error: 'it has not been fetched yet', awaited: true });
    expect(server.asked).toEqual([]);
    catalogue.follow({ accept, remove: () => [], offer() {} });
    await eventually(digests).toEqual([digestOf(ONE)]);
    await eventually(() => catalogue.modules[0]).toMatchObject({
      source: `oci://${server.host}/plugins/auth:1`,
      error: '',
      refusal: '',
      awaited: false,
      loads: { success: 1, failure: 0 },
      pulls: { success: 1, failure: 0, cache: 0 },
    });
  });

  it.each([
    ['the digest of its module', (): PluginConfig => (push('1', ONE), tagged('1', ONE))],
    ['the digest of its manifest', (): PluginConfig => byManifest(push('1', ONE))],
  ])('is there at the next start without its server, named by %s', async (_what, make) => {
    const plugin = make();
    await runBefore(plugin);
    await server.close();
    const catalogue = await load([plugin]);
    expect(catalogue.modules[0]).toMatchObject({
      module: { digest: digestOf(ONE) },
      error: '',
      refusal: '',
      pulls: { success: 0, failure: 0, cache: 1 },
    });
  });

  it('is not looked for again when its tag moves', async () => {
    push('1', ONE);
    const catalogue = await start([tagged('1', ONE)]);
    await eventually(digests).toEqual([digestOf(ONE)]);
    push('1', TWO);
    const asked = server.asked.length;
    await catalogue.reload();
    expect(server.asked).toHaveLength(asked);
    expect(catalogue.modules[0]).toMatchObject({ module: { digest: digestOf(ONE) }, refusal: '' });
  });

  it('is refused when its tag has moved, and fetched again when nothing is kept', async () => {
    push('1', TWO);
    const catalogue = await start([tagged('1', ONE)], false);
    await eventually(() => catalogue.modules[0]!.error).toMatch(`is ${digestOf(TWO)}, not ${digestOf(ONE)}`);
    push('1', ONE);
    await catalogue.reload();
    expect(digests()).toEqual([digestOf(ONE)]);
    await catalogue.close();
    accepted = [];
    const again = await start([tagged('1', ONE)], false);
    await eventually(digests).toEqual([digestOf(ONE)]);
    await eventually(() => again.modules[0]!.pulls).toEqual({ success: 1, failure: 0, cache: 0 });
  });

  it('comes when its server does, and others do not wait for it', async () => {
    push('1', ONE);
    await server.close();
    const other = await FakeServer.open((_request, response) => response.end(TWO));
    const url = pluginConfig('url', `http://${other.host}/two.wasm?key=s3cret`, { sha256: digestOf(TWO), pull: PULL });
    const catalogue = await start([tagged('1', ONE), url]);
    await eventually(digests).toEqual([digestOf(TWO)]);
    await eventually(() => catalogue.modules[0]!.error).toMatch('ECONNREFUSED');
    expect(catalogue.modules[1]!.source).toBe(`http://${other.host}/two.wasm`);
    await server.reopen();
    await eventually(digests).toEqual([digestOf(TWO), digestOf(ONE)]);
    expect(catalogue.modules[0]!.pulls!.failure).toBeGreaterThan(0);
    expect(JSON.stringify(log.lines)).not.toContain('s3cret');
    await other.close();
  });

  it('is compiled once for all plugins that are made of it', async () => {
    push('1', ONE);
    const plugins = ['a', 'b', 'c'].map((name) => tagged('1', ONE, { name }));
    const catalogue = await start(plugins);
    await eventually(() => accepted.length).toBe(3);
    expect(catalogue.library.compiled).toBe(1);
    expect(new Set(accepted.map(({ module }) => module!.module)).size).toBe(1);
  });

  it('that no configuration takes waits until one does', async () => {
    push('1', ONE);
    refusal = 'not yet';
    const catalogue = await start([tagged('1', ONE)]);
    await eventually(() => catalogue.modules[0]!.error).toBe('not yet');
    refusal = '';
    await eventually(digests).toEqual([digestOf(ONE)]);
    expect(catalogue.modules[0]!.pulls).toMatchObject({ success: 1 });
  });
});

describe('a change of the catalogue', () => {
  it('to another version brings it into force', async () => {
    push('1', ONE);
    push('2', TWO);
    const catalogue = await start([tagged('1', ONE)]);
    await eventually(digests).toEqual([digestOf(ONE)]);
    catalogue.change([tagged('2', TWO)]);
    await eventually(digests).toEqual([digestOf(ONE), digestOf(TWO)]);
    await eventually(() => catalogue.modules[0]).toMatchObject({ module: { digest: digestOf(TWO) }, refusal: '' });
    await catalogue.close();
    await server.close();
    const [loaded] = (await load([tagged('2', TWO)])).modules;
    expect(loaded).toMatchObject({ module: { digest: digestOf(TWO) }, refusal: '' });
  });

  it.each<[string, () => PluginConfig, RegExp]>([
    ['that is not there', () => tagged('none', TWO), /has no plugins\/auth\/manifests\/none/],
    ['with another digest than it has', () => tagged('2', THREE), /SHA-256/],
    ['that is no module', () => tagged('none-such', NONE), /not valid WebAssembly/],
    ['that may not call what it calls', () => tagged('1', LOGGING, denying('proxy_log')), /proxy_log/],
  ])('to a version %s leaves the former one in force', async (_what, make, reason) => {
    push('1', LOGGING);
    push('2', TWO);
    push('none-such', NONE);
    const catalogue = await start([tagged('1', LOGGING)]);
    await eventually(digests).toEqual([digestOf(LOGGING)]);
    catalogue.change([make()]);
    await eventually(() => catalogue.modules[0]!.refusal).toMatch(reason);
    expect(catalogue.modules[0]).toMatchObject({ module: { digest: digestOf(LOGGING) }, error: '' });
    catalogue.change([tagged('1', LOGGING)]);
    await eventually(() => catalogue.modules[0]!.refusal).toBe('');
    expect(accepted).toHaveLength(1);
  });

  it('to what a plugin is granted needs neither server nor compiler', async () => {
    push('1', ONE);
    const first = tagged('1', ONE);
    const catalogue = await start([first], false);
    await eventually(digests).toEqual([digestOf(ONE)]);
    const { limits } = first;
    await server.close();
    catalogue.change([{ ...first, limits: { ...limits, fuel: { ...limits.fuel, request: 77_000 } } }]);
    await eventually(() => accepted.at(-1)!.fuel.request).toBe(77_000);
    expect([catalogue.library.compiled, digests()]).toEqual([1, [digestOf(ONE), digestOf(ONE)]]);
    expect(catalogue.modules[0]).toMatchObject({ refusal: '', fuel: { request: 77_000 } });
  });

  it('to another way to the same module changes nothing', async () => {
    push('1', ONE);
    const catalogue = await start([tagged('1', ONE)], false);
    await eventually(digests).toEqual([digestOf(ONE)]);
    await server.close();
    const pull = { ...PULL, username: 'robot', password: 'new' };
    catalogue.change([tagged('moved', ONE, { pull })]);
    await catalogue.reload();
    expect(catalogue.modules[0]).toMatchObject({ refusal: '', source: expect.stringMatching(/moved$/) });
    expect([accepted.length, catalogue.library.compiled]).toEqual([1, 1]);
  });

  it('while a fetch is under way ends that one', async () => {
    push('2', TWO);
    server.answer = (request, response) => {
      if (!request.url!.endsWith('/manifests/1')) images.answer(request, response);
    };
    const catalogue = await start([tagged('1', ONE)]);
    await eventually(() => server.asked.length).toBe(1);
    catalogue.change([tagged('2', TWO)]);
    await eventually(digests).toEqual([digestOf(TWO)]);
    expect(catalogue.modules[0]).toMatchObject({ refusal: '', loads: { success: 1, failure: 0 } });
  });

  it('that cannot be fetched at a start leaves what ran last in force', async () => {
    push('1', ONE);
    await runBefore(tagged('1', ONE));
    const catalogue = await load([tagged('2', TWO)]);
    expect(catalogue.modules[0]).toMatchObject({
      module: { digest: digestOf(ONE) },
      error: '',
      refusal: 'it has not been fetched yet',
    });
    expect(log.lines.at(-1)).toMatchObject({
      level: 'warn',
      message: 'the module that ran last serves until the one asked for is there',
    });
    catalogue.follow({ accept, remove: () => [], offer() {} });
    await eventually(() => catalogue.modules[0]!.refusal).toMatch('has no plugins/auth/manifests/2');
    push('2', TWO);
    await catalogue.reload();
    expect(digests()).toEqual([digestOf(TWO)]);
    expect(catalogue.modules[0]).toMatchObject({ module: { digest: digestOf(TWO) }, refusal: '' });
  });
});

function denying(call: string): Partial<PluginConfig> {
  const { allow } = pluginConfig('x', 'file:x');
  return { allow: { ...allow, hostCalls: { deny: [call] } } };
}
