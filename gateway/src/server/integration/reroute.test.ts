import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { GuestTexts, ifField, must, NO_BYTES, OUT, setField, showProperty } from '../../wasm/guest-script.suite.ts';
import { pluginModule, type PluginText } from '../../wasm/wat.suite.ts';
import { ask, codeOf, eventually } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';
import { upstream } from './proxy-rig.suite.ts';

vi.setConfig({ testTimeout: 60_000 });

const REQUEST = 0;

/** A guest whose callback of request heads is what `act` makes of its texts; it leaves its name in the request. */
function guest(name: string, act: (texts: GuestTexts) => string, more: PluginText['callbacks'] = {}): Uint8Array {
  const texts = new GuestTexts();
  const seen = `(drop (call $add_header_map_value (i32.const 0) ${texts.of('x-ran')} ${texts.of(name)}))`;
  const body = `${seen} ${act(texts)} (i32.const 0)`;
  return pluginModule({ callbacks: { proxy_on_request_headers: body, ...more }, fields: texts.fields });
}

type Guests = Readonly<Record<string, (texts: GuestTexts) => string>>;

/** A gateway with guests in its catalogue by name, whose services answer with their names. */
async function start(guests: Guests, files: GatewayFiles): Promise<GatewayRig> {
  const modules = Object.entries(guests).map(([name, act]) => [`${name}.wasm`, guest(name, act)] as const);
  const rig = await GatewayRig.start({
    ...files,
    files: Object.fromEntries(modules),
    gateway: {
      plugins: Object.keys(guests).map((name) => ({ name, source: `file:${name}.wasm` })),
      ...files.gateway,
    },
  });
  onTestFinished(async () => void (await rig.stop()));
  await eventually(() =>
    rig.view('services').then((services) => services.every(({ state }) => state === 'fresh')),
  ).toBe(true);
  return rig;
}

/** Upstreams by service name that answer with that name and the plugins that ran, in order. */
async function services(...names: string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const name of names) {
    const server = await upstream(name, (request, response) => {
      const { host } = request.headers;
      response.end(`${name} ${request.url} ${host} [${String(request.headers['x-ran'] ?? '')}]`);
    });
    found[name] = [server.address];
  }
  return found;
}

const route = (id: string, match: unknown, service: string, more: Record<string, unknown> = {}) => ({
  id,
  match,
  upstream: { service },
  ...more,
});
const use = (name: string, more: Record<string, unknown> = {}) => ({ use: name, ...more });
const textOf = async (rig: GatewayRig, options: Parameters<typeof ask>[1] = {}) => (await ask(rig.port, options)).text;
const lastLine = async (rig: GatewayRig, count: number) => {
  await eventually(() => rig.directory.lines.length).toBe(count);
  return rig.directory.lines.at(-1)!;
};

describe('a plugin that changes what routes go by', () => {
  const setPath = (t: GuestTexts): string => ifField(t, 'x-go', setField(t, REQUEST, ':path', '/new/x?q=1'));
  const nothing = (): string => '';

  it('sends the exchange by another route, whose own plugins run, and those that have run do not run again', async () => {
    const routes = [
      route('old', { path: { prefix: '/old' } }, 'one', { plugins: [use('old'), use('shared')] }),
      route('new', { path: { prefix: '/new' } }, 'two', { plugins: [use('shared'), use('new')], maxBodySize: '8B' }),
    ];
    const rig = await start(
      { setter: setPath, old: nothing, shared: nothing, new: nothing },
      { tenants: { a: tenantA({ plugins: [use('setter')], routes }) }, services: await services('one', 'two') },
    );
    expect(await textOf(rig, { path: '/old/x' })).toBe('one /old/x a.example [setter, old, shared]');
    expect(await textOf(rig, { path: '/old/x', headers: { 'x-go': '1' } })).toBe(
      'two /new/x?q=1 a.example [setter, shared, new]',
    );
    expect(await lastLine(rig, 2)).toMatchObject({ route_name: 'new', upstream_cluster: 'two', path: '/old/x' });
    const large = { path: '/old/x', method: 'POST', body: 'too many bytes' };
    expect((await ask(rig.port, large)).status).toBe(200);
    const refused = await ask(rig.port, { ...large, headers: { 'x-go': '1' } });
    expect([refused.status, codeOf(refused)]).toEqual([413, 'SLUICE_REQUEST_BODY_TOO_LARGE']);
  });

  it('keeps its path from escaping, and finds no route where there is none', async () => {
    const routes = [route('old', { path: { prefix: '/old' } }, 'one')];
    const escape = (t: GuestTexts): string =>
      ifField(t, 'x-up', setField(t, REQUEST, ':path', '/old/../../x')) + setPath(t);
    const rig = await start(
      { setter: escape },
      { tenants: { a: tenantA({ plugins: [use('setter')], routes }) }, services: await services('one') },
    );
    const missing = await ask(rig.port, { path: '/old', headers: { 'x-go': '1' } });
    expect([missing.status, codeOf(missing)]).toEqual([404, 'SLUICE_ROUTE_NOT_FOUND']);
    expect(await lastLine(rig, 1)).toMatchObject({ route_name: '', tenant: 'a' });
    const above = await ask(rig.port, { path: '/old', headers: { 'x-up': '1' } });
    expect([above.status, codeOf(above)]).toEqual([400, 'SLUICE_REQUEST_PATH_INVALID']);
  });

  it.each([
    ['a header', { headers: [{ name: 'X-Kind', exact: 'b' }] }, 'x-kind', 'b'],
    ['a method', { methods: ['PUT'] }, ':method', 'PUT'],
    ['a query', { query: [{ name: 'kind', exact: 'b' }] }, ':path', '/?kind=b'],
    ['a cookie', { cookies: [{ name: 'kind', exact: 'b' }] }, 'cookie', 'a=1; kind=b'],
  ])('is followed by %s', async (_name, match, field, value) => {
    const set = (t: GuestTexts): string => ifField(t, 'x-go', setField(t, REQUEST, field, value));
    const routes = [route('a', {}, 'one'), route('b', match, 'two', { priority: 1 })];
    const rig = await start(
      { set },
      { tenants: { a: tenantA({ plugins: [use('set')], routes }) }, services: await services('one', 'two') },
    );
    expect(await textOf(rig)).toMatch(/^one /);
    expect(await textOf(rig, { headers: { 'x-go': '1' } })).toMatch(/^two /);
  });

  it('is not followed where it says so', async () => {
    const set = (t: GuestTexts): string =>
      must(`(call $set_property ${t.of('clear_route_cache')} ${t.of('off')})`) + setPath(t);
    const routes = [
      route('old', { path: { prefix: '/old' } }, 'one'),
      route('new', { path: { prefix: '/new' } }, 'two'),
    ];
    const rig = await start(
      { set },
      { tenants: { a: tenantA({ plugins: [use('set')], routes }) }, services: await services('one', 'two') },
    );
    expect(await textOf(rig, { path: '/old', headers: { 'x-go': '1' } })).toMatch(/^one \/new\/x\?q=1 /);
  });

  it('ends with the route that the last of them means, however often they change it', async () => {
    const to = (path: string) => (t: GuestTexts) => setField(t, REQUEST, ':path', path);
    const routes = ['/1', '/2', '/3'].map((path) =>
      route(`r${path.slice(1)}`, { path: { exact: path } }, 'one', {
        plugins: [use(`to${(Number(path.slice(1)) % 3) + 1}`)],
      }),
    );
    const rig = await start(
      { to1: to('/1'), to2: to('/2'), to3: to('/3') },
      { tenants: { a: tenantA({ routes }) }, services: await services('one') },
    );
    // A circle of plugins each of which sends to the next route: each runs once.
    expect(await textOf(rig, { path: '/1' })).toBe('one /1 a.example [to2, to3, to1]');
  });

  it('shows later plugins and the log the route that is chosen now', async () => {
    const show = (t: GuestTexts): string =>
      showProperty(t, 'route_name', REQUEST, 'x-ran') + showProperty(t, 'cluster_name', REQUEST, 'x-cluster');
    const server = await upstream('two', (request, response) => {
      response.end(`${String(request.headers['x-ran'])} ${String(request.headers['x-cluster'])}`);
    });
    const routes = [
      route('old', { path: { prefix: '/old' } }, 'one'),
      route('new', { path: { prefix: '/new' } }, 'two'),
    ];
    const plugins = [use('set', { priority: 2 }), use('show', { priority: 1 })];
    const rig = await start(
      { set: setPath, show },
      { tenants: { a: tenantA({ plugins, routes }) }, services: { one: [], two: [server.address] } },
    );
    const text = await textOf(rig, { path: '/old', headers: { 'x-go': '1' } });
    expect(text).toBe('new outbound|80||two.DEFAULT-GROUP.public.nacos');
  });
});

describe('lanes', () => {
  const lanes = [
    { name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'x-beta', exact: 'yes' }] }] },
    { name: 'blue', tag: 'blue', rules: [] },
  ];
  const endpoints = async () => {
    const found = await services('base', 'gray', 'blue');
    const lane = (name: string) => ({ address: found[name]![0]!, metadata: { [`opensergo.io/canary-${name}`]: name } });
    return { main: [found['base']![0]!, lane('gray'), lane('blue')] };
  };

  it('are decided anew, and a tag that a plugin sets chooses one', async () => {
    const act = (t: GuestTexts): string =>
      ifField(t, 'x-go', setField(t, REQUEST, 'x-beta', 'yes')) +
      ifField(t, 'x-tag', setField(t, REQUEST, 'x-mse-tag', 'blue')) +
      ifField(t, 'x-odd', setField(t, REQUEST, 'x-mse-tag', 'nobody'));
    const rig = await start(
      { act },
      { tenants: { a: tenantA({ plugins: [use('act')], lanes }) }, services: await endpoints() },
    );
    expect(await textOf(rig)).toMatch(/^base /);
    expect(await textOf(rig, { headers: { 'x-go': '1' } })).toMatch(/^gray /);
    expect(await lastLine(rig, 2)).toMatchObject({ lane: 'gray', lane_rule: 'rule 1' });
    expect(await textOf(rig, { headers: { 'x-tag': '1' } })).toMatch(/^blue /);
    expect(await lastLine(rig, 3)).toMatchObject({ lane: 'blue', lane_rule: 'plugin' });
    expect(await textOf(rig, { headers: { 'x-odd': '1' } })).toMatch(/^base /);
    // What a caller says of lanes it may not choose has no weight now either.
    expect(await textOf(rig, { headers: { 'x-go': '1', 'x-mse-tag': 'blue' } })).toMatch(/^gray /);
  });
});

describe('an authority that a plugin writes', () => {
  const setHost = (host: string) => (t: GuestTexts) => ifField(t, 'x-go', setField(t, REQUEST, ':authority', host));
  const tenants = (plugins: readonly unknown[]) => ({
    a: tenantA({
      domains: ['a.example', 'b.example'],
      plugins,
      routes: [route('a', {}, 'one', { hosts: ['a.example'] }), route('b', {}, 'two', { hosts: ['b.example'] })],
    }),
    other: {
      tenant: 'other',
      domains: ['c.example'],
      discovery: { registry: 'local' },
      plugins: [use('own')],
      routes: [route('c', {}, 'three')],
    },
  });
  const go = { headers: { 'x-go': '1' } };

  it('moves among the domains of the tenant', async () => {
    const rig = await start(
      { set: setHost('b.example'), own: () => '' },
      { tenants: tenants([use('set')]), services: await services('one', 'two', 'three') },
    );
    expect(await textOf(rig, go)).toBe('two / b.example [set]');
  });

  it.each(['c.example', 'nobody.example'])('that is %s is only what the service sees', async (host) => {
    const rig = await start(
      { set: setHost(host), own: () => '' },
      { tenants: tenants([use('set')]), services: await services('one', 'two', 'three') },
    );
    expect(await textOf(rig, go)).toBe(`one / ${host} [set]`);
    expect(await lastLine(rig, 1)).toMatchObject({ tenant: 'a', route_name: 'a' });
  });

  it("leads to another tenant, with its plugins and quotas, where the gateway's chain wrote it", async () => {
    const rig = await start(
      { set: setHost('c.example'), own: () => '' },
      {
        gateway: {
          chain: [use('set')],
          tenants: { directory: 'tenants', overrides: { other: { quotas: { concurrency: 1 } } } },
        },
        tenants: tenants([]),
        services: await services('one', 'two', 'three'),
      },
    );
    expect(await textOf(rig)).toBe('one / a.example [set]');
    for (let i = 0; i < 3; i++) expect(await textOf(rig, go)).toBe('three / c.example [set, own]');
    expect(await lastLine(rig, 4)).toMatchObject({ tenant: 'other', route_name: 'c' });
  });
});

describe('an endpoint that a plugin chooses', () => {
  it('gets the request, if the lane may use it, and nobody else does', async () => {
    const found = await services('first', 'second', 'grey');
    const [first, second, grey] = [found['first']![0]!, found['second']![0]!, found['grey']![0]!];
    // What else it changes leads to the same route, and the choice stands.
    const choose = (address: string, status: number) => (t: GuestTexts) =>
      must(`(call $set_upstream_override_host ${t.of(address)})`, status) +
      showProperty(t, 'request.path', REQUEST, ':path');
    const list = (t: GuestTexts): string =>
      must(`(call $get_upstream_hosts ${OUT})`) +
      must(`(call $set_property ${t.of('custom_log')} (i32.load (i32.const 64)) (i32.load (i32.const 68)))`);
    const lanes = [{ name: 'gray', tag: 'gray', rules: [] }];
    const rig = await start(
      { second: choose(second, 0), gray: choose(grey, 2), list, unknown: choose('192.0.2.1:1', 2) },
      {
        tenants: {
          a: tenantA({
            lanes,
            routes: ['second', 'gray', 'unknown', 'list'].map((name) =>
              route(name, { path: { exact: `/${name}` } }, 'main', { plugins: [use(name)] }),
            ),
          }),
        },
        services: { main: [first, second, { address: grey, metadata: { 'opensergo.io/canary-gray': 'gray' } }] },
      },
    );
    for (let i = 0; i < 4; i++) expect(await textOf(rig, { path: '/second' })).toMatch(/^second /);
    expect(await textOf(rig, { path: '/gray' })).not.toMatch(/^grey /);
    expect((await ask(rig.port, { path: '/unknown' })).status).toBe(200);
    await ask(rig.port, { path: '/list' });
    const { custom_log } = await lastLine(rig, 7);
    expect(custom_log).toContain(first);
    expect(custom_log).toContain(`${second}\0{"health_status":"Healthy","weight":1,"in_flight":0,"metadata":{}}`);
    expect(custom_log).not.toContain(grey);
  });

  it('is refused when it has gone', async () => {
    const address = '127.0.0.1:1';
    const choose = (t: GuestTexts): string => must(`(call $set_upstream_override_host ${t.of(address)})`);
    const found = await services('alive');
    const rig = await start(
      { choose },
      {
        tenants: { a: tenantA({ plugins: [use('choose')] }) },
        services: { main: [address, found['alive']![0]!] },
      },
    );
    const { status } = await ask(rig.port);
    expect(status).toBe(502);
    expect(await lastLine(rig, 1)).toMatchObject({ upstream_host: address });
  });
});

describe('clear_route_cache', () => {
  it('has the route chosen anew', async () => {
    // Nothing looks at x-late; the call alone makes it go on to be looked for.
    const act = (t: GuestTexts): string =>
      must(`(call $set_property ${t.of('clear_route_cache')} ${t.of('off')})`) +
      setField(t, REQUEST, ':path', '/new') +
      must(`(call $call_foreign_function ${t.of('clear_route_cache')} ${NO_BYTES} ${NO_BYTES})`);
    const routes = [
      route('old', { path: { prefix: '/old' } }, 'one'),
      route('new', { path: { prefix: '/new' } }, 'two'),
    ];
    const rig = await start(
      { act },
      { tenants: { a: tenantA({ plugins: [use('act')], routes }) }, services: await services('one', 'two') },
    );
    expect(await textOf(rig, { path: '/old' })).toMatch(/^two \/new /);
  });
});
