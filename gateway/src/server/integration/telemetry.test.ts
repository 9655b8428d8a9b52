import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../listener.suite.ts';
import { ask, codeOf, eventually, HttpUpstream, type Reply } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';
import { type ProxyOptions, ProxyRig } from './proxy-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function upstream(): Promise<HttpUpstream> {
  const server = await new HttpUpstream('main').open();
  cleanups.push(() => server.close());
  return server;
}

async function rigOf(options: ProxyOptions = {}, server?: HttpUpstream): Promise<ProxyRig> {
  const rig = await new ProxyRig(options).open();
  cleanups.push(() => rig.close());
  if (server !== undefined) rig.setEndpoints([server.port]);
  return rig;
}

async function gateway(files: Parameters<typeof GatewayRig.start>[0]): Promise<GatewayRig> {
  const rig = await GatewayRig.start(files);
  cleanups.push(() => rig.stop());
  return rig;
}

const traceIdOf = ({ text }: Reply) => (JSON.parse(text) as { error: { traceId: string } }).error.traceId;

describe('trace', () => {
  const TRACE = '0af7651916cd43dd8448eb211c80319c';
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const sw8 = (id: string) =>
    ['1', base64(id), base64('segment'), '3', ...['app', 'app-1', '/home', '10.0.0.1:80'].map(base64)].join('-');

  it('is started where the caller has none: new for each request, passed and logged', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    for (let i = 0; i < 3; i++) await ask(rig.port);
    const ids = rig.lines.map((line) => line['trace_id']);
    expect(new Set(ids).size).toBe(3);
    const { traceparent, sw8 } = server.last.headers;
    expect(traceparent).toMatch(new RegExp(`^00-${String(ids[2])}-[0-9a-f]{16}-01$`));
    expect(Buffer.from(String(sw8).split('-')[1]!, 'base64').toString()).toBe(ids[2]);
  });

  it('is continued with the gateway as parent', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    await ask(rig.port, {
      headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-00`, tracestate: ['a=1', 'b=2'] },
    });
    const { traceparent, tracestate } = server.last.headers;
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)[0-9a-f]{16}-00$`));
    expect(tracestate).toBe('a=1,b=2');
    expect(rig.lines[0]).toMatchObject({ trace_id: TRACE, sw8_trace_id: '' });
  });

  it('of SkyWalking is continued in both notations', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    await ask(rig.port, { headers: { sw8: sw8('c7e1b2a3.44.16930000') } });
    const line = rig.lines[0]!;
    expect(line['sw8_trace_id']).toBe('c7e1b2a3.44.16930000');
    const parts = String(server.last.headers['sw8']).split('-');
    const decoded = parts.map((part) => Buffer.from(part, 'base64').toString());
    expect([parts[0], decoded[1], decoded[4], decoded[6], decoded[7]]).toEqual([
      '1',
      'c7e1b2a3.44.16930000',
      'sluice',
      'all',
      'main',
    ]);
    expect(server.last.headers.traceparent).toContain(`-${String(line['trace_id'])}-`);
  });

  it('of garbage is a new one, and its tracestate goes', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    await ask(rig.port, { headers: { traceparent: '00-xyz-1-01', tracestate: 'a=1', sw8: 'none' } });
    expect(server.last.headers.tracestate).toBeUndefined();
    expect(rig.lines[0]!['trace_id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('stands in the error body', async () => {
    const rig = await rigOf();
    const reply = await ask(rig.port, { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } });
    expect([reply.headers['content-type'], codeOf(reply), traceIdOf(reply)]).toEqual([
      'application/json',
      'SLUICE_UPSTREAM_NO_ENDPOINT',
      TRACE,
    ]);
  });
});

describe('errors for gRPC callers', () => {
  it('come as a status without a body', async () => {
    const rig = await rigOf();
    const headers = { 'content-type': 'application/grpc+proto' };
    const reply = await ask(rig.port, { method: 'POST', headers });
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/grpc',
      'grpc-status': '14',
      'grpc-message': expect.stringMatching(/^SLUICE_UPSTREAM_NO_ENDPOINT: /),
    });
    const unknown = await ask(rig.port, { host: 'other.example', headers });
    expect(unknown.headers['grpc-status']).toBe('12');
    expect(rig.lines[0]).toMatchObject({ response_code: 200, response_flags: 'UH' });
  });
});

describe('access log', () => {
  it('has one line for each exchange, which nothing that a client sends can forge', async () => {
    const server = await upstream();
    const rig = await gateway({ tenants: { a: tenantA() }, services: { main: [server.address] } });
    await eventually(() => ask(rig.port, { path: '/ready' }).then(({ text }) => text)).toBe('main');
    const target = `/"},{"response_code":200,"path":"x'\\u000a%0a%22`;
    const agent = '"\\\t","response_code":1,"x":"\u00e9';
    const client = new RawClient(rig.port);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.example\r\nUser-Agent: ${agent}\r\nX-Request-Id: a"b\\c\r\n\r\n`);
    await eventually(() => client.text).toMatch(/^HTTP\/1.1 \d{3} /);
    client.socket.destroy();
    await ask(rig.port, { host: 'unknown.example', path: '/%22' });
    await eventually(() => rig.directory.lines.filter(({ path }) => path !== '/ready').length).toBe(2);
    const [forged, unknown] = rig.directory.lines.filter(({ path }) => path !== '/ready');
    expect(forged).toMatchObject({ path: target, user_agent: agent, request_id: 'a"b\\c', tenant: expect.any(String) });
    expect([400, 200]).toContain(forged!['response_code']);
    expect(unknown).toMatchObject({ path: '/%22', tenant: '', response_code: 404, response_flags: 'NR' });
  });

  it('hides keys in queries', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    await ask(rig.port, { path: '/x?apikey=s3cret&y=1' });
    expect(server.last.url).toBe('/x?apikey=s3cret&y=1');
    expect(rig.lines[0]).toMatchObject({ path: '/x?apikey=***&y=1' });
  });

  it('can be off', async () => {
    const server = await upstream();
    const files = {
      gateway: { accessLog: { path: 'off' } },
      tenants: { a: tenantA() },
      services: { main: [server.address] },
    };
    const rig = await gateway(files);
    await eventually(() => ask(rig.port).then(({ text }) => text)).toBe('main');
    expect(() => rig.directory.lines).toThrow('ENOENT');
  });

  it('is complete when the gateway has stopped', async () => {
    const server = await upstream();
    const rig = await gateway({ tenants: { a: tenantA() }, services: { main: [server.address] } });
    await eventually(() => ask(rig.port, { path: '/ready' }).then(({ text }) => text)).toBe('main');
    await Promise.all(Array.from({ length: 50 }, () => ask(rig.port, { path: '/counted' })));
    await rig.process.stop({ grace: 0, deadline: 1000 });
    expect(rig.directory.lines.filter(({ path }) => path === '/counted')).toHaveLength(50);
  });
});

describe.each([0, 1])('metrics with workers: %d', (workers) => {
  it('count what was sent, by tenant, route, lane and class', async () => {
    const server = await upstream();
    const rig = await gateway({
      gateway: { workers },
      tenants: {
        a: tenantA({
          lanes: [{ name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'x-gray', present: true }] }] }],
          routes: [
            { id: 'main', match: { path: { prefix: '/main' } }, upstream: { service: 'main' } },
            { id: 'teapot', match: { path: { exact: '/teapot' } }, respond: { status: 418, body: 'short and stout' } },
          ],
        }),
      },
      services: { main: [server.address] },
    });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const send = (count: number, options: Parameters<typeof ask>[1]) =>
      Promise.all(Array.from({ length: count }, () => ask(rig.port, options)));
    await send(7, { path: '/main', method: 'POST', body: 'twelve bytes' });
    await send(3, { path: '/main', headers: { 'x-gray': '1' } });
    await send(5, { path: '/teapot' });
    await send(2, { path: '/nothing' });
    await send(4, { host: 'unknown.example' });
    const refused = new RawClient(rig.port);
    refused.send('NOT HTTP\r\n\r\n');
    await eventually(() => refused.closed).toBe(true);
    const count = (tenant: string, route: string, lane: string, code: string) =>
      rig.metric(`sluice_requests_total{tenant="${tenant}",route="${route}",lane="${lane}",code="${code}"}`);
    expect(await count('a', 'main', 'baseline', '2xx')).toBe(7);
    expect(await count('a', 'main', 'gray', '2xx')).toBe(3);
    expect(await count('a', 'teapot', 'baseline', '4xx')).toBe(5);
    expect(await count('a', '_none', 'baseline', '4xx')).toBe(2);
    expect(await count('_none', '_none', 'baseline', '4xx')).toBe(5);
    const main = '{tenant="a",route="main",lane="baseline"}';
    expect(await rig.metric(`sluice_request_duration_seconds_count${main}`)).toBe(7);
    expect(await rig.metric(`sluice_request_bytes_total${main}`)).toBe(7 * 12);
    expect(await rig.metric(`sluice_response_bytes_total${main}`)).toBe(7 * 4);
    expect(await rig.metric('sluice_accesslog_dropped_total')).toBe(0);
    expect(await rig.metric('sluice_build_info{version="0.0.0-test",node="' + process.version + '"}')).toBe(1);
    const version = await rig.metric('sluice_snapshot_version');
    await eventually(() => rig.metric('sluice_worker_snapshot_version{worker="0"}')).toBe(version);
  });
});

describe('admin API', () => {
  it('shows what runs', async () => {
    const server = await upstream();
    const routes = [
      {
        id: 'main',
        match: { path: { prefix: '/m' }, methods: ['GET'], headers: [{ name: 'x-api', exact: 'v2' }] },
        upstream: { services: [{ service: 'main', weight: 9 }, { service: 'other' }] },
      },
      { id: 'moved', match: { path: { exact: '/old' } }, redirect: { path: '/new' } },
    ];
    const lanes = [{ name: 'gray', tag: 'g' }];
    const rig = await gateway({
      tenants: { a: tenantA({ routes, lanes }) },
      services: { main: [server.address, { address: '127.0.0.1:9', metadata: { 'opensergo.io/canary-g': 'g' } }] },
    });
    await eventually(() => rig.admin('/readyz').then(({ status }) => status)).toBe(200);
    expect(await rig.view('routes')).toEqual([
      {
        tenant: 'a',
        route: 'main',
        hosts: ['a.example'],
        matches: ['GET prefix /m header x-api exact v2'],
        target: 'services main:9 other:1',
        plugins: [],
      },
      expect.objectContaining({ route: 'moved', matches: ['exact /old'], target: 'redirect 302' }),
    ]);
    expect(await rig.view('services')).toEqual([
      expect.objectContaining({
        service: 'main',
        registry: 'local',
        state: 'fresh',
        endpoints: expect.arrayContaining([
          { address: server.address, lane: 'baseline', weight: 1, healthy: true, cluster: '' },
          { address: '127.0.0.1:9', lane: 'gray', weight: 1, healthy: true, cluster: '' },
        ]),
      }),
      expect.objectContaining({ service: 'other', state: 'fresh', endpoints: [] }),
    ]);
    expect(JSON.parse((await rig.admin('/api/services')).text)).toMatchObject({
      registries: [
        { registry: 'local', type: 'file', connected: true, lastError: '' },
        { registry: 'static', type: 'static', connected: true, lastError: '' },
      ],
    });
    const snapshot = JSON.parse((await rig.admin('/api/snapshot')).text) as Record<string, unknown>;
    expect(snapshot).toMatchObject({ lastError: '', workers: [{ worker: 0, state: 'serving' }] });
    expect(snapshot['version']).toBeGreaterThan(0);
    expect((await rig.admin('/healthz')).status).toBe(200);
    expect((await rig.admin('/api/nothing')).status).toBe(404);
  });

  it('shows exchanges that are under way', async () => {
    const held: (() => void)[] = [];
    const server = await new HttpUpstream('slow', (_request, response) => void held.push(() => response.end())).open();
    cleanups.push(() => server.close());
    const rig = await gateway({ tenants: { a: tenantA() }, services: { main: [server.address] } });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const active = async () => {
      await rig.admin('/metrics');
      const { workers } = JSON.parse((await rig.admin('/api/snapshot')).text) as {
        workers: { activeExchanges: number }[];
      };
      return workers[0]!.activeExchanges;
    };
    const replies = [ask(rig.port), ask(rig.port)];
    await eventually(() => held.length).toBe(2);
    expect(await active()).toBe(2);
    for (const end of held) end();
    await Promise.all(replies);
    await eventually(active).toBe(0);
  });
});
