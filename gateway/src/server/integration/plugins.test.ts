import { readFileSync } from 'node:fs';
import { beforeAll, afterEach, describe, expect, it } from 'vitest';
import { buildPlugins } from '../../../../plugins/build.ts';
import { type PluginText, pluginModule } from '../../wasm/wat.suite.ts';
import { HttpClient } from '../listener.suite.ts';
import { ask, codeOf, eventually, HttpUpstream } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The two plugins of the project, and ones that do harm. */
const modules: Record<string, Uint8Array> = {};
const FOREVER = '(loop (br 0))';
const hostile: Readonly<Record<string, PluginText>> = {
  looping: { callbacks: { proxy_on_request_headers: `${FOREVER} (i32.const 0)` } },
  trapping: { callbacks: { proxy_on_request_headers: '(unreachable)' } },
  'late-trapping': { callbacks: { proxy_on_response_headers: '(unreachable)' } },
  holding: { callbacks: { proxy_on_request_headers: '(i32.const 1)' } },
  refusing: { callbacks: { proxy_on_configure: '(i32.const 0)' } },
  'starting-forever': { callbacks: { proxy_on_configure: `${FOREVER} (i32.const 1)` } },
};

beforeAll(async () => {
  for (const { name, path } of await buildPlugins()) modules[name] = readFileSync(path);
  for (const [name, text] of Object.entries(hostile)) modules[name] = pluginModule(text);
  modules['no-wasm'] = Buffer.from('this is no module');
}, 60_000);

const LIMITS = { memory: '1MiB', fuel: { request: 100_000 } };

function filesWith(plugins: readonly string[], more: GatewayFiles): GatewayFiles {
  const files: Record<string, Uint8Array> = {};
  for (const name of plugins) files[`${name}.wasm`] = modules[name]!;
  const own = ['key-auth', 'header-rewrite'];
  const catalogue = plugins.map((name) => {
    return { name, source: `file:${name}.wasm`, ...(own.includes(name) ? {} : { limits: LIMITS }) };
  });
  return { ...more, files, gateway: { plugins: catalogue, ...more.gateway } };
}

async function start(plugins: readonly string[], more: GatewayFiles): Promise<GatewayRig> {
  const rig = await GatewayRig.start(filesWith(plugins, more));
  cleanups.push(() => rig.stop());
  return rig;
}

async function upstream(): Promise<HttpUpstream> {
  const server = await new HttpUpstream('main', (_request, response) => {
    response.writeHead(200, { 'x-powered-by': 'upstream', 'content-type': 'text/plain' }).end('main');
  }).open();
  cleanups.push(() => server.close());
  return server;
}

const keys = (key: string) => ({ header: 'x-api-key', keys: [{ key, consumer: 'app' }] });
const ready = (rig: GatewayRig) =>
  eventually(() => rig.view('services').then((services) => services.every(({ state }) => state === 'fresh'))).toBe(
    true,
  );

describe.each([0, 1])('the plugins of the project, workers: %d', (workers) => {
  it('run in the gateway chain, for a tenant, and on a route, each with its own configuration', async () => {
    const server = await upstream();
    const rig = await start(['key-auth', 'header-rewrite'], {
      gateway: { workers, chain: [{ use: 'header-rewrite', config: { response: { remove: ['x-powered-by'] } } }] },
      tenants: {
        a: tenantA({
          plugins: [
            { use: 'header-rewrite', config: { request: { set: { 'x-tenant': 'a' }, rename: { 'x-old': 'x-new' } } } },
          ],
          routes: [
            { id: 'open', match: { path: { prefix: '/open' } }, upstream: { service: 'main' } },
            {
              id: 'closed',
              match: { path: { prefix: '/closed' } },
              upstream: { service: 'main' },
              plugins: [{ use: 'key-auth', config: keys('s3cret') }],
            },
          ],
        }),
        b: { ...tenantA({ domains: ['b.example'] }), tenant: 'b' },
      },
      services: { main: [server.address] },
    });
    await ready(rig);
    const open = await ask(rig.port, { path: '/open', headers: { 'x-old': '1' } });
    expect([open.status, open.text, open.headers['x-powered-by']]).toEqual([200, 'main', undefined]);
    expect(server.last.headers).toMatchObject({ 'x-tenant': 'a', 'x-new': '1' });
    expect(server.last.headers['x-old']).toBeUndefined();

    const without = await ask(rig.port, { path: '/closed' });
    expect([without.status, codeOf(without)]).toEqual([401, 'SLUICE_KEY_AUTH_MISSING']);
    const wrong = await ask(rig.port, { path: '/closed', headers: { 'x-api-key': 'guess' } });
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'SLUICE_KEY_AUTH_UNKNOWN']);
    const right = await ask(rig.port, { path: '/closed', headers: { 'x-api-key': 's3cret', 'x-consumer': 'forged' } });
    expect([right.status, right.text]).toEqual([200, 'main']);
    expect(server.last.headers).toMatchObject({ 'x-consumer': 'app', 'x-tenant': 'a' });
    expect(server.last.headers['x-api-key']).toBeUndefined();

    await ask(rig.port, { host: 'b.example' });
    expect(server.last.headers['x-tenant']).toBeUndefined();

    await eventually(() => rig.directory.lines.length).toBe(5);
    expect(rig.directory.lines[1]).toMatchObject({
      response_code: 401,
      response_code_details: 'SLUICE_KEY_AUTH_MISSING',
      response_flags: '-',
      upstream_request_attempt_count: 0,
    });
    expect(rig.directory.lines[3]!['plugin_time_us']).toBeGreaterThan(0);
    expect(JSON.stringify(rig.directory.lines)).not.toContain('s3cret');
    await rig.admin('/metrics');
    const plugins = await rig.view('plugins');
    expect(plugins.map(({ plugin, tenant, state }) => [plugin, tenant, state])).toEqual([
      ['header-rewrite', '', 'running'],
      ['header-rewrite', 'a', 'running'],
      ['key-auth', 'a', 'running'],
    ]);
    expect(await rig.metric('sluice_plugin_calls_total{tenant="a",plugin="key-auth"}')).toBeGreaterThanOrEqual(3);
    expect((await rig.view('routes')).map(({ plugins }) => plugins)).toEqual([
      ['header-rewrite', 'header-rewrite'],
      ['header-rewrite', 'header-rewrite', 'key-auth'],
      ['header-rewrite'],
    ]);
  });
});

describe('plugin order', () => {
  it('is by priority within a list, and the response runs in reverse', async () => {
    const server = await upstream();
    const use = (name: string, priority: number) => ({
      use: 'header-rewrite',
      priority,
      config: { request: { append: { 'x-order': name } }, response: { append: { 'x-order': name } } },
    });
    const rig = await start(['header-rewrite'], {
      gateway: { chain: [use('chain', -5)] },
      tenants: {
        a: tenantA({
          plugins: [use('low', 1), use('high', 9), use('also-high', 9)],
          routes: [{ id: 'all', upstream: { service: 'main' }, plugins: [use('route', 100)] }],
        }),
      },
      services: { main: [server.address] },
    });
    await ready(rig);
    const { headers } = await ask(rig.port);
    expect(server.last.headers['x-order']).toBe('chain, high, also-high, low, route');
    expect(headers['x-order']).toBe('route, low, also-high, high, chain');
  });
});

describe('a plugin that does harm', () => {
  async function harmed(plugin: string, onFailure: 'closed' | 'open'): Promise<GatewayRig> {
    const server = await upstream();
    const rig = await start([plugin], {
      tenants: {
        a: tenantA({
          routes: [
            { id: 'clean', match: { path: { prefix: '/clean' } }, upstream: { service: 'main' } },
            {
              id: 'harmed',
              match: { path: { prefix: '/harmed' } },
              upstream: { service: 'main' },
              plugins: [{ use: plugin, onFailure }],
            },
          ],
        }),
      },
      services: { main: [server.address] },
    });
    await ready(rig);
    return rig;
  }

  it.each([
    ['looping', 'fuel'],
    ['trapping', 'trap'],
    ['late-trapping', 'trap'],
  ])('%s, closed: 503, the clean route does not notice, the VM is rebuilt', async (plugin, cause) => {
    const rig = await harmed(plugin, 'closed');
    const started = async () =>
      (await rig.metric(`sluice_plugin_traps_total{tenant="a",plugin="${plugin}",cause="${cause}"}`)) ?? 0;
    const [reply, clean] = await Promise.all([ask(rig.port, { path: '/harmed' }), ask(rig.port, { path: '/clean' })]);
    expect([reply.status, codeOf(reply), clean.text]).toEqual([503, 'SLUICE_PLUGIN_FAILED', 'main']);
    expect(await started()).toBe(1);
    // Until it is rebuilt it is unavailable; then it is run, and fails, again.
    await eventually(() => ask(rig.port, { path: '/harmed' }).then(codeOf)).toBe('SLUICE_PLUGIN_FAILED');
    expect(await started()).toBe(2);
    expect((await rig.view('plugins'))[0]).toMatchObject({
      plugin,
      tenant: 'a',
      traps: { [cause]: 2 },
      lastError: expect.stringContaining('proxy_on_'),
    });
    expect((await ask(rig.port, { path: '/clean' })).status).toBe(200);
    expect((await rig.admin('/readyz')).status).toBe(200);
    await eventually(() => rig.directory.lines.length).toBeGreaterThan(3);
    expect(rig.directory.lines.find(({ path }) => path === '/harmed')).toMatchObject({
      response_code: 503,
      response_flags: 'LR',
      response_code_details: `SLUICE_PLUGIN_FAILED: ${plugin}`,
    });
    expect(rig.fatal).toEqual([]);
  });

  it.each(['looping', 'trapping', 'late-trapping'])('%s, open: the request goes on without it', async (plugin) => {
    const rig = await harmed(plugin, 'open');
    for (let i = 0; i < 3; i++) {
      const reply = await ask(rig.port, { path: '/harmed' });
      expect([reply.status, reply.text]).toEqual([200, 'main']);
    }
    await rig.admin('/metrics');
    expect((await rig.view('plugins'))[0]!['lastError']).not.toBe('');
  });

  it('again and again opens its breaker, visible to the operator', async () => {
    const rig = await harmed('trapping', 'closed');
    await eventually(async () => {
      await ask(rig.port, { path: '/harmed' });
      return rig.metric('sluice_plugin_breaker_open{tenant="a",plugin="trapping"}');
    }).toBe(1);
    expect((await rig.view('plugins'))[0]).toMatchObject({ state: 'open' });
    expect(codeOf(await ask(rig.port, { path: '/harmed' }))).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect((await ask(rig.port, { path: '/clean' })).text).toBe('main');
  }, 20_000);

  it('by holding a request is let go when the client leaves', async () => {
    const rig = await harmed('holding', 'closed');
    const client = new HttpClient(rig.port, { path: '/harmed' });
    client.end();
    const active = async () => {
      await rig.admin('/metrics');
      const { workers } = JSON.parse((await rig.admin('/api/snapshot')).text) as {
        workers: { activeExchanges: number }[];
      };
      return workers[0]!.activeExchanges;
    };
    await eventually(active).toBe(1);
    client.close();
    await eventually(active).toBe(0);
    await eventually(() => rig.directory.lines).toMatchObject([{ path: '/harmed', response_code: 499 }]);
  });
});

describe('a module that is none', () => {
  it('keeps the gateway from being ready, and its uses fail by their policy', async () => {
    const server = await upstream();
    const rig = await start(['no-wasm'], {
      tenants: {
        a: tenantA({
          routes: ['closed', 'open'].map((onFailure) => ({
            id: onFailure,
            match: { path: { prefix: `/${onFailure}` } },
            upstream: { service: 'main' },
            plugins: [{ use: 'no-wasm', onFailure }],
          })),
        }),
      },
      services: { main: [server.address] },
    });
    await ready(rig);
    const { status, text } = await rig.admin('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      reasons: [{ part: 'plugins', reason: expect.stringMatching(/^plugin no-wasm is not loaded: .*no-wasm\.wasm/) }],
    });
    expect(codeOf(await ask(rig.port, { path: '/closed' }))).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect((await ask(rig.port, { path: '/open' })).text).toBe('main');
    expect(await rig.view('plugins')).toMatchObject([{ plugin: 'no-wasm', state: 'failed' }]);
  });
});

describe('a configuration that a plugin refuses', () => {
  const routes = (config: unknown) => [
    { id: 'all', respond: { body: 'served' }, plugins: [{ use: 'key-auth', config }] },
  ];

  it('keeps the last good version of the tenant, and the operator sees why', async () => {
    const rig = await start(['key-auth'], { tenants: { a: tenantA({ routes: routes(keys('good')) }) } });
    const served = () => ask(rig.port, { headers: { 'x-api-key': 'good' } }).then(({ text }) => text);
    expect(await served()).toBe('served');
    rig.directory.writeTenant('a', tenantA({ routes: routes({ keys: [{ key: '', consumer: 'app' }] }) }));
    await eventually(() => rig.view('tenants').then(([tenant]) => tenant!['state'])).toBe('stale');
    const [tenant] = await rig.view('tenants');
    expect(String(tenant!['errors'])).toMatch(
      /a\.yaml:1:\d+ routes\[0\]\.plugins\[0\]\.config\.keys\[0\]\.key: the value is not valid here/,
    );
    expect(await served()).toBe('served');
    rig.directory.writeTenant('a', tenantA({ routes: routes(keys('better')) }));
    await eventually(() => ask(rig.port, { headers: { 'x-api-key': 'better' } }).then(({ text }) => text)).toBe(
      'served',
    );
    expect((await ask(rig.port, { headers: { 'x-api-key': 'good' } })).status).toBe(401);
  });

  it.each(['refusing', 'starting-forever'])('from the start makes the tenant unavailable (%s)', async (plugin) => {
    const files: GatewayFiles = {
      tenants: {
        a: tenantA({ plugins: [{ use: plugin }] }),
        b: { tenant: 'b', domains: ['b.example'], routes: [{ id: 'all', respond: { body: 'b' } }] },
      },
    };
    const rig = await start([plugin], files);
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_TENANT_UNAVAILABLE');
    expect((await ask(rig.port, { host: 'b.example' })).text).toBe('b');
  });

  it('in the chain of the gateway keeps it from starting', async () => {
    const files = filesWith(['refusing'], { gateway: { chain: [{ use: 'refusing' }] } });
    const failed = await GatewayRig.start(files).catch((error: Error) => error);
    expect(failed).toMatchObject({
      code: 'SLUICE_PLUGIN_START_FAILED',
      message: expect.stringContaining('plugin refusing'),
    });
  });
});
