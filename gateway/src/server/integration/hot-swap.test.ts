import { afterEach, describe, expect, it } from 'vitest';
import { type PluginText, pluginModule } from '../../wasm/wat.suite.ts';
import { HttpClient } from '../listener.suite.ts';
import { ask, codeOf, eventually, HttpUpstream, type Reply } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A module that sets `x-version` of requests to one letter, and of responses too. */
function marking(letter: string, more: PluginText = {}): Uint8Array {
  const set = (map: number) =>
    `(drop (call $replace_header_map_value (i32.const ${map}) (i32.const 0) (i32.const 9) (i32.const 9) (i32.const 1)))`;
  return pluginModule({
    callbacks: {
      proxy_on_request_headers: `${set(0)} (i32.const 0)`,
      proxy_on_response_headers: `${set(2)} (i32.const 0)`,
      ...more.callbacks,
    },
    fields: `(data (i32.const 0) "x-version${letter}") ${more.fields ?? ''}`,
  });
}

const REFUSING = { callbacks: { proxy_on_configure: '(i32.const 0)' } };

async function start(files: GatewayFiles & { readonly workers?: number }): Promise<GatewayRig> {
  const { workers = 0, gateway, ...rest } = files;
  const rig = await GatewayRig.start({
    tenants: { a: tenantA({ plugins: [{ use: 'mark' }] }) },
    ...rest,
    gateway: { workers, plugins: [{ name: 'mark', source: 'file:mark.wasm' }], ...gateway },
  });
  cleanups.push(() => rig.stop());
  return rig;
}

/** An upstream that answers with the version that marked the request. */
async function echo(): Promise<HttpUpstream> {
  const server = await new HttpUpstream('echo', (request, response) => {
    response.end(String(request.headers['x-version']));
  }).open();
  cleanups.push(() => server.close());
  return server;
}

const ready = (rig: GatewayRig) =>
  eventually(() => rig.view('services').then((services) => services.every(({ state }) => state === 'fresh'))).toBe(
    true,
  );
const version = (rig: GatewayRig) => ask(rig.port).then(({ text }) => text);
const moduleOf = async (rig: GatewayRig) =>
  (JSON.parse((await rig.admin('/api/plugins')).text) as { modules: Record<string, unknown>[] }).modules[0]!;

describe.each([0, 2])('a changed module file, workers: %d', (workers) => {
  it('is live everywhere under load, and no request fails', async () => {
    const server = await echo();
    const rig = await start({ workers, files: { 'mark.wasm': marking('1') }, services: { main: [server.address] } });
    await ready(rig);
    const replies: Reply[] = [];
    const load = { over: false };
    const client = async (): Promise<void> => {
      while (!load.over) replies.push(await ask(rig.port));
    };
    const clients = Array.from({ length: 4 }, client);
    const newest = async (letter: string) => {
      rig.directory.writeFile('mark.wasm', marking(letter));
      // Twenty answers in a row of the new code: no worker has the old one any more.
      await eventually(() => replies.slice(-20).every(({ text }) => text === letter)).toBe(true);
    };
    await eventually(() => replies.length).toBeGreaterThan(20);
    for (const letter of ['2', '3', '4']) await newest(letter);
    load.over = true;
    await Promise.all(clients);
    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    // Whichever version met the request met the response as well.
    expect(replies.filter(({ text, headers }) => text !== headers['x-version'])).toEqual([]);
    expect(await moduleOf(rig)).toMatchObject({
      plugin: 'mark',
      state: 'active',
      error: '',
      loads: { success: 4, failure: 0 },
    });
    expect(await rig.metric('sluice_plugin_module_loads_total{plugin="mark",result="success"}')).toBe(4);
    await eventually(() => rig.metric('sluice_plugin_instances{tenant="a",plugin="mark"}')).toBe(Math.max(1, workers));
  }, 30_000);
});

describe('a changed module file', () => {
  it.each<[string, Uint8Array | string, RegExp]>([
    ['no module', 'oops', /not a WebAssembly module/],
    ['refused by a configuration in use', marking('2', REFUSING), /plugin mark of tenant a.*refused its configuration/],
    [
      'one that never gets started',
      marking('2', { callbacks: { proxy_on_vm_start: '(loop (br 0)) (i32.const 1)' } }),
      /CPU/,
    ],
  ])('that is %s leaves the former one in force', async (_what, content, reason) => {
    const server = await echo();
    const rig = await start({ files: { 'mark.wasm': marking('1') }, services: { main: [server.address] } });
    await ready(rig);
    const before = await moduleOf(rig);
    rig.directory.writeFile('mark.wasm', content);
    await eventually(async () => (await moduleOf(rig))['state']).toBe('stale');
    expect(await moduleOf(rig)).toMatchObject({ digest: before['digest'], error: expect.stringMatching(reason) });
    expect(await version(rig)).toBe('1');
    expect(await rig.metric('sluice_plugin_module_state{plugin="mark",state="stale"}')).toBe(1);
    expect(await rig.metric('sluice_plugin_module_loads_total{plugin="mark",result="failure"}')).toBe(1);
    const readiness = await rig.admin('/readyz');
    expect(readiness.status).toBe(200);
    expect(JSON.parse(readiness.text)).toMatchObject({
      warnings: [{ part: 'plugins', reason: expect.stringMatching(reason) }],
    });
    rig.directory.writeFile('mark.wasm', marking('3'));
    await eventually(() => version(rig)).toBe('3');
    await eventually(async () => (await moduleOf(rig))['state']).toBe('active');
  });

  it('serves where there was none', async () => {
    const server = await echo();
    const rig = await start({ services: { main: [server.address] } });
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect((await rig.admin('/readyz')).status).toBe(503);
    rig.directory.writeFile('mark.wasm', marking('1'));
    await eventually(() => version(rig)).toBe('1');
    await eventually(async () => (await rig.admin('/readyz')).status).toBe(200);
  });

  it('is swapped in the chain of the gateway too', async () => {
    const server = await echo();
    const rig = await start({
      files: { 'mark.wasm': marking('1') },
      tenants: { a: tenantA() },
      services: { main: [server.address] },
      gateway: { chain: [{ use: 'mark' }] },
    });
    await ready(rig);
    expect(await version(rig)).toBe('1');
    rig.directory.writeFile('mark.wasm', marking('2'));
    await eventually(() => version(rig)).toBe('2');
  });

  it('is read at once by a reload', async () => {
    const server = await echo();
    const rig = await start({ files: { 'mark.wasm': marking('1') }, services: { main: [server.address] } });
    await ready(rig);
    rig.directory.writeFile('mark.wasm', marking('2'));
    await rig.process.reload();
    expect((await moduleOf(rig))['loads']).toEqual({ success: 2, failure: 0 });
    await eventually(() => version(rig)).toBe('2');
  });

  it('lets exchanges finish on the code that they began with', async () => {
    const held: (() => void)[] = [];
    const server = await new HttpUpstream('slow', (request, response) => {
      held.push(() => response.end(String(request.headers['x-version'])));
    }).open();
    cleanups.push(() => server.close());
    const rig = await start({ files: { 'mark.wasm': marking('1') }, services: { main: [server.address] } });
    await ready(rig);
    const old = ask(rig.port);
    await eventually(() => held.length).toBe(1);
    // The new code does not look at responses any more.
    const silent = pluginModule({
      callbacks: {
        proxy_on_request_headers:
          '(drop (call $replace_header_map_value (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 9) (i32.const 1))) (i32.const 0)',
      },
      fields: '(data (i32.const 0) "x-version2")',
    });
    rig.directory.writeFile('mark.wasm', silent);
    await eventually(async () => (await moduleOf(rig))['loads']).toEqual({ success: 2, failure: 0 });
    const young = ask(rig.port);
    await eventually(() => held.length).toBe(2);
    for (const answer of held) answer();
    expect([(await old).text, (await old).headers['x-version']]).toEqual(['1', '1']);
    expect([(await young).text, (await young).headers['x-version']]).toEqual(['2', undefined]);
  });
});

describe('instances of plugins', () => {
  it('are made by the first request, and by none where ticks are wanted', async () => {
    const server = await echo();
    const ticking = marking('t', {
      callbacks: {
        proxy_on_configure: '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
        proxy_on_tick: `(drop (call $define_metric (i32.const 0) (i32.const 20) (i32.const 5) (i32.const 32)))
          (drop (call $increment_metric (i32.load (i32.const 32)) (i64.const 1)))`,
      },
      fields: '(data (i32.const 20) "ticks")',
    });
    const rig = await start({
      files: { 'mark.wasm': marking('1'), 'tick.wasm': ticking },
      services: { main: [server.address] },
      tenants: { a: tenantA({ plugins: [{ use: 'mark' }, { use: 'tick' }] }) },
      gateway: {
        plugins: ['mark', 'tick'].map((name) => ({ name, source: `file:${name}.wasm` })),
        chain: [{ use: 'tick' }],
      },
    });
    const ticks = (tenant: string) =>
      rig.metric(`sluice_plugin_custom_total{tenant="${tenant}",plugin="tick",metric="ticks"}`);
    await eventually(async () => (await ticks('a')) ?? 0).toBeGreaterThan(1);
    await eventually(async () => (await ticks('')) ?? 0).toBeGreaterThan(1);
    const states = async () =>
      (await rig.view('plugins')).map(({ plugin, tenant, state }) => [tenant, plugin, state].join(' '));
    expect(await states()).toEqual([' tick running', 'a mark idle', 'a tick running']);
    await ready(rig);
    expect((await ask(rig.port)).status).toBe(200);
    await rig.admin('/metrics');
    expect(await states()).toEqual([' tick running', 'a mark running', 'a tick running']);
  });

  it('of one tenant are no more than it may have', async () => {
    const holding = pluginModule({ callbacks: { proxy_on_request_headers: '(i32.const 1)' } });
    const route = (plugin: string) => ({ id: plugin, respond: {}, plugins: [{ use: plugin }] });
    // The ceiling counts configurations in use; one that replaces another makes more for a while.
    const rig = await start({
      files: { 'mark.wasm': marking('1'), 'hold.wasm': holding },
      tenants: { a: tenantA({ routes: [route('hold')] }) },
      gateway: {
        plugins: ['mark', 'hold'].map((name) => ({ name, source: `file:${name}.wasm` })),
        tenants: { directory: 'tenants', limits: { plugins: 1 } },
      },
    });
    const client = new HttpClient(rig.port, {});
    client.end();
    const instances = async () => (await rig.metric('sluice_plugin_instances{tenant="a",plugin="hold"}')) ?? 0;
    await eventually(instances).toBe(1);
    rig.directory.writeTenant('a', tenantA({ routes: [route('mark')] }));
    await eventually(() => rig.view('routes').then(([shown]) => shown!['route'])).toBe('mark');
    await eventually(() => ask(rig.port).then(codeOf)).toBe('SLUICE_PLUGIN_NO_ROOM');
    client.close();
    await eventually(() => ask(rig.port).then(({ status }) => status)).toBe(200);
  });
});

describe('a changed configuration of a plugin', () => {
  it('is tried aside, and exchanges under way keep the former one', async () => {
    // Marks with its configuration, and refuses one of eleven characters.
    const config = `(drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 100) (i32.const 64) (i32.const 68)))`;
    const module = pluginModule({
      callbacks: {
        proxy_on_configure: `${config} (i32.ne (local.get 1) (i32.const 11))`,
        proxy_on_request_headers: `(drop (call $add_header_map_value (i32.const 0) (i32.const 0) (i32.const 9)
          (i32.load (i32.const 64)) (i32.load (i32.const 68)))) (i32.const 0)`,
        proxy_on_response_headers: `(drop (call $add_header_map_value (i32.const 2) (i32.const 0) (i32.const 9)
          (i32.load (i32.const 64)) (i32.load (i32.const 68)))) (i32.const 0)`,
      },
      fields: '(data (i32.const 0) "x-version")',
    });
    const held: (() => void)[] = [];
    const server = await new HttpUpstream('slow', (request, response) => {
      held.push(() => response.end(String(request.headers['x-version'])));
    }).open();
    cleanups.push(() => server.close());
    const tenant = (v: string) => tenantA({ plugins: [{ use: 'mark', config: { v } }] });
    const rig = await start({
      files: { 'mark.wasm': module },
      tenants: { a: tenant('1') },
      services: { main: [server.address] },
    });
    await ready(rig);
    const old = ask(rig.port);
    await eventually(() => held.length).toBe(1);
    rig.directory.writeTenant('a', tenant('333'));
    await eventually(() => rig.view('tenants').then(([tenant]) => tenant!['state'])).toBe('stale');
    rig.directory.writeTenant('a', tenant('22'));
    await eventually(() => rig.view('tenants').then(([tenant]) => tenant!['state'])).toBe('active');
    const young = await eventuallyNew(rig, held);
    held[0]!();
    const oldReply = await old;
    expect([oldReply.text, oldReply.headers['x-version']]).toEqual(['{"v":"1"}', '{"v":"1"}']);
    expect([young.text, young.headers['x-version']]).toEqual(['{"v":"22"}', '{"v":"22"}']);
  });

  /** Asks until the new configuration answers. */
  async function eventuallyNew(rig: GatewayRig, held: (() => void)[]): Promise<Reply> {
    for (;;) {
      const count = held.length;
      const reply = ask(rig.port);
      await eventually(() => held.length).toBeGreaterThan(count);
      held[count]!();
      const { text } = await reply;
      if (text === '{"v":"22"}') return reply;
    }
  }
});
