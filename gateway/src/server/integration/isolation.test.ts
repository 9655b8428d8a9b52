import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../listener.suite.ts';
import { ask, codeOf, eventually, HOST, HttpUpstream } from './fixture.suite.ts';
import { GatewayRig } from './gateway-rig.suite.ts';
import { type ProxyOptions, ProxyRig } from './proxy-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function rigOf(options: ProxyOptions, server?: HttpUpstream): Promise<ProxyRig> {
  const rig = await new ProxyRig(options).open();
  cleanups.push(() => rig.close());
  if (server !== undefined) rig.setEndpoints([server.port]);
  return rig;
}

async function upstream(headers: Record<string, string> = {}): Promise<HttpUpstream> {
  const server = await new HttpUpstream(
    'main',
    (_request, response) => void response.writeHead(200, headers).end(),
  ).open();
  cleanups.push(() => server.close());
  return server;
}

describe('tenants', () => {
  const own = (tenant: string, domain: string) => ({
    tenant,
    domains: [domain],
    routes: [{ id: 'all', respond: { body: tenant } }],
  });

  it('are told apart by domain alone: exact before wildcard, whatever case and port', async () => {
    const tenants = { a: own('a', HOST), b: own('b', '*.example'), c: own('c', '*.deep.example') };
    const rig = await GatewayRig.start({ tenants });
    cleanups.push(() => rig.stop());
    const served = (host: string) => ask(rig.port, { host }).then((reply) => `${reply.status} ${reply.text}`);
    expect(await served('a.example')).toBe('200 a');
    expect(await served('A.EXAMPLE:8080')).toBe('200 a');
    expect(await served('x.example')).toBe('200 b');
    expect(await served('x.deep.example')).toBe('200 c');
    expect(await served('example')).toMatch(/^404 .*SLUICE_ROUTE_DOMAIN_UNKNOWN/);
    expect(await served('a.example.evil.com')).toMatch(/^404 /);
  });

  it('are not chosen by what a caller forwards', async () => {
    const rig = await GatewayRig.start({ tenants: { a: own('a', HOST), b: own('b', 'b.example') } });
    cleanups.push(() => rig.stop());
    const headers = { 'x-forwarded-host': 'b.example', forwarded: 'host=b.example', 'x-host': 'b.example' };
    expect((await ask(rig.port, { headers })).text).toBe('a');
    for (const head of [
      'GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n',
      'GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n',
    ]) {
      const client = new RawClient(rig.port);
      client.send(`${head}\r\n`);
      await eventually(() => client.text).toContain('HTTP/1.1 400');
      await eventually(() => client.closed).toBe(true);
    }
  });
});

describe('what a caller says of itself', () => {
  const said = {
    'x-forwarded-for': '198.51.100.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-port': '443',
    forwarded: 'for=198.51.100.7',
  };

  it('is not believed', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    await ask(rig.port, { headers: said });
    expect(server.last.headers).toMatchObject({
      host: HOST,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': HOST,
      'x-forwarded-port': String(rig.port),
    });
    expect(server.last.headers.forwarded).toBeUndefined();
    expect(rig.lines[0]).toMatchObject({ client_address: '127.0.0.1' });
  });

  it('is believed of a trusted proxy, and decides over routes by address', async () => {
    const server = await upstream();
    const route = { match: { clientIp: ['198.51.100.0/24'] } };
    const rig = await rigOf({ trustedProxies: ['127.0.0.0/8'], route }, server);
    expect((await ask(rig.port, { headers: said })).status).toBe(200);
    expect(server.last.headers).toMatchObject({
      'x-forwarded-for': '198.51.100.7, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    });
    expect(rig.lines[0]).toMatchObject({ client_address: '198.51.100.7' });
    const spoofed = { ...said, 'x-forwarded-for': '198.51.100.7, 203.0.113.1' };
    expect(codeOf(await ask(rig.port, { headers: spoofed }))).toBe('SLUICE_ROUTE_NOT_FOUND');
  });

  it('does not choose a lane that accepts no tag, nor does it reach the service', async () => {
    const server = await upstream();
    const rig = await rigOf({ tenant: { lanes: [{ name: 'gray', tag: 'gray' }] } }, server);
    await ask(rig.port, { headers: { 'X-MSE-Tag': ['gray', 'beta'] } });
    expect(server.last.headers['x-mse-tag']).toBeUndefined();
    expect(rig.lines[0]).toMatchObject({ lane: 'baseline', lane_rule: '' });
  });

  it('chooses a lane that accepts its tag, under the tag header of the tenant', async () => {
    const server = await upstream();
    const lanes = [
      { name: 'gray', tag: 'g1', acceptTag: true },
      { name: 'beta', tag: 'b1' },
    ];
    const rig = await rigOf({ tenant: { lanes, tagHeader: 'x-lane' } }, server);
    const lanesOf = async (tag: string): Promise<unknown[]> => {
      await ask(rig.port, { headers: { 'x-lane': tag } });
      return [rig.lines.at(-1)!['lane'], server.last.headers['x-lane']];
    };
    expect(await lanesOf('g1')).toEqual(['gray', 'g1']);
    expect(await lanesOf('b1')).toEqual(['baseline', undefined]);
    expect(await lanesOf('gray')).toEqual(['baseline', undefined]);
  });
});

describe('fields of one hop', () => {
  it('are not forwarded, nor those that Connection names', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    const client = new RawClient(rig.port);
    client.send(
      [
        'GET / HTTP/1.1',
        'Host: a.example',
        'Connection: keep-alive, X-Secret',
        'connection: x-other , x-forwarded-for, host',
        'X-Secret: 1',
        'X-Other: 2',
        'X-Kept: 3',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic eDp5',
        '\r\n',
      ].join('\r\n'),
    );
    await eventually(() => server.seen.length).toBe(1);
    client.socket.destroy();
    const { headers } = server.last;
    expect(Object.keys(headers).filter((name) => /secret|other|keep-alive|^te$|proxy/.test(name))).toEqual([]);
    expect(headers).toMatchObject({ host: HOST, 'x-kept': '3', 'x-forwarded-for': '127.0.0.1' });
  });

  it('do not come back', async () => {
    const server = await upstream({
      connection: 'x-internal, close',
      'x-internal': '10.0.0.1',
      'x-kept': 'yes',
      'proxy-authenticate': 'Basic',
      'content-type': 'text/plain',
    });
    const rig = await rigOf({}, server);
    const { headers } = await ask(rig.port);
    expect(headers).toMatchObject({ 'x-kept': 'yes', 'content-type': 'text/plain' });
    expect([headers['x-internal'], headers['proxy-authenticate']]).toEqual([undefined, undefined]);
  });

  it('keep order, case and repeats of the others', async () => {
    const server = await upstream();
    const rig = await rigOf({}, server);
    const client = new RawClient(rig.port);
    client.send('GET / HTTP/1.1\r\nX-B: 1\r\nHost: a.example\r\nx-a: 2\r\nX-B: 3\r\n\r\n');
    await eventually(() => server.seen.length).toBe(1);
    client.socket.destroy();
    const { rawHeaders } = server.last;
    expect(rawHeaders.slice(0, 8)).toEqual(['X-B', '1', 'Host', 'a.example', 'x-a', '2', 'X-B', '3']);
  });
});

describe('hostile input', () => {
  it.each(['/../etc/passwd', '/a/%2e%2e/b', '/a/..%2fb', '/a\\..\\b', '/%00', '/a/..;/b'])(
    'in the path %s is refused, and not forwarded',
    async (path) => {
      const server = await upstream();
      const rig = await rigOf({}, server);
      const client = new RawClient(rig.port);
      client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      await eventually(() => client.text).toMatch(/\}$/);
      client.socket.destroy();
      expect(client.text).toMatch(/^HTTP\/1.1 400 .*SLUICE_REQUEST_PATH_INVALID/s);
      expect(server.seen).toHaveLength(0);
    },
  );

  it('against patterns of tenants does not stall the others', async () => {
    const server = await upstream();
    const routes = [
      { id: 'path', priority: 1, match: { path: { regex: '/(a+)+' } }, respond: {} },
      { id: 'header', match: { headers: [{ name: 'x-evil', regex: '(x+x+)+y' }] }, respond: {} },
      { id: 'caseless', match: { query: [{ name: 'q', regex: '(?i:(b|b?)+c)' }] }, respond: {} },
      { id: 'all', upstream: { service: 'main' } },
    ];
    const rig = await rigOf({ tenant: { routes } }, server);
    const started = performance.now();
    const replies = await Promise.all([
      ask(rig.port, { path: `/${'a'.repeat(8000)}!` }),
      ask(rig.port, { headers: { 'x-evil': 'x'.repeat(8000) } }),
      ask(rig.port, { path: `/?q=${'b'.repeat(8000)}` }),
      ask(rig.port),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(performance.now() - started).toBeLessThan(2000);
    expect((await ask(rig.port, { path: '/aaa' })).status).toBe(200);
    expect(rig.lines.at(-1)).toMatchObject({ route_name: 'path' });
  });
});
