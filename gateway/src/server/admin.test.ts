import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Log, type LogFields, silentLog } from '../core/log.ts';
import { statsFixture } from '../telemetry/stats-fixture.suite.ts';
import { type AdminServer, startAdmin } from './admin.ts';
import { isLoopback } from './admin-guard.ts';
import type { AdminState, ReadinessReason } from './admin-state.ts';

const servers: AdminServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function stateOf(overrides: Partial<AdminState> = {}): AdminState {
  return {
    ...statsFixture(),
    readiness: () => [],
    warnings: () => [],
    routes: () => [
      {
        tenant: 'home',
        route: 'device-api',
        hosts: ['app.home.example.com'],
        matches: ['GET prefix /device'],
        target: 'service device-service',
        plugins: ['key-auth'],
      },
    ],
    snapshot: () => ({ version: 7, builtAt: Date.now() - 5000, lastError: 'tenants/home.yaml:3:1', lastErrorAt: 1 }),
    metrics: () => Promise.resolve(Buffer.from('# HELP x y.\n')),
    ...overrides,
  };
}

async function start(state: AdminState = stateOf(), address = '127.0.0.1', log: Log = silentLog): Promise<AdminServer> {
  const server = await startAdmin({ address, port: 0 }, state, log);
  servers.push(server);
  return server;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
}

async function ask(
  server: AdminServer,
  path: string,
  options: { method?: string; host?: string } = {},
): Promise<Answer> {
  const { method = 'GET', host = `localhost:${server.port}` } = options;
  const sent = request({ host: server.address, port: server.port, path, method, headers: { host }, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode!, headers: response.headers, text };
}

async function askJson(server: AdminServer, path: string): Promise<Record<string, unknown>> {
  const answer = await ask(server, path);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  return JSON.parse(answer.text) as Record<string, unknown>;
}

describe('probes', () => {
  it('is live as soon as it listens', async () => {
    expect(await askJson(await start(), '/healthz')).toEqual({ status: 'live' });
  });

  it('is ready when nothing is missing, and says what is', async () => {
    let reasons: ReadinessReason[] = [{ part: 'discovery', reason: 'no answer yet for home/device-service' }];
    const server = await start(stateOf({ readiness: () => reasons }));
    const waiting = await ask(server, '/readyz');
    expect(waiting.status).toBe(503);
    expect(JSON.parse(waiting.text)).toEqual({ status: 'not ready', reasons, warnings: [] });
    reasons = [];
    expect(await askJson(server, '/readyz')).toEqual({ status: 'ready', reasons: [], warnings: [] });
  });

  it('is ready in spite of what it warns of', async () => {
    const warnings: ReadinessReason[] = [{ part: 'workers', reason: 'worker 1 is being replaced' }];
    const server = await start(stateOf({ warnings: () => warnings }));
    expect(await askJson(server, '/readyz')).toEqual({ status: 'ready', reasons: [], warnings });
  });

  it('serves the metrics as text', async () => {
    const answer = await ask(await start(), '/metrics');
    expect(answer).toMatchObject({ status: 200, text: '# HELP x y.\n' });
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  });
});

describe('views', () => {
  it('show what the state says', async () => {
    const state = stateOf();
    const server = await start(state);
    expect(await askJson(server, '/api/tenants')).toEqual({ tenants: state.tenants() });
    expect(await askJson(server, '/api/routes')).toEqual({ routes: state.routes() });
    expect(await askJson(server, '/api/services')).toEqual({
      services: state.services(),
      registries: state.registries(),
    });
    expect(await askJson(server, '/api/plugins')).toEqual({
      plugins: state.plugins(),
      modules: state.modules(),
    });
    expect(await askJson(server, '/api/listeners')).toEqual({ listeners: state.listeners() });
    const snapshot = await askJson(server, '/api/snapshot');
    expect(snapshot).toMatchObject({
      version: 7,
      lastError: 'tenants/home.yaml:3:1',
      lastErrorAt: 1,
      gateway: state.gatewayFile(),
      workers: state.workers(),
    });
    expect(snapshot.ageMs).toBeGreaterThanOrEqual(5000);
  });

  it('have no age before the first snapshot', async () => {
    const server = await start(
      stateOf({ snapshot: () => ({ version: 0, builtAt: 0, lastError: '', lastErrorAt: 0 }) }),
    );
    expect(await askJson(server, '/api/snapshot')).toMatchObject({ version: 0, ageMs: 0 });
  });

  it('are documented with every field', async () => {
    const docs = readFileSync(new URL('../../../docs/admin-api.md', import.meta.url), 'utf8');
    const server = await start();
    for (const view of ['tenants', 'routes', 'services', 'listeners', 'plugins', 'snapshot']) {
      const section = docs.split(`## GET /api/${view}\n`)[1]?.split('\n## ')[0] ?? '';
      const answer = await askJson(server, `/api/${view}`);
      for (const key of keysOf(answer)) expect(section, `${view}: ${key}`).toContain(`\`${key}\``);
    }
  });
});

/** Every key of a JSON value at any depth; keys that are data (causes and reasons) left out. */
function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    key,
    ...(['traps', 'restarts', 'callouts'].includes(key) ? [] : keysOf(inner)),
  ]);
}

describe('guard', () => {
  it.each(['localhost', 'localhost:9901', 'LOCALHOST:1', '127.0.0.1', '127.0.0.1:9901', '[::1]:9901'])(
    'takes host %s on loopback',
    async (host) => {
      expect((await ask(await start(), '/healthz', { host })).status).toBe(200);
    },
  );

  it.each([
    'evil.example.com',
    'localhost.evil.example.com',
    'localhost@evil.example.com',
    '127.0.0.1.nip.io:9901',
    '::1',
  ])('refuses host %j on loopback', async (host) => {
    const answer = await ask(await start(), '/api/tenants', { host });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'SLUICE_ADMIN_HOST_REFUSED' } });
  });

  it('refuses a request without a host', async () => {
    const server = await start();
    const socket = connect(server.port, server.address);
    socket.write('GET /api/tenants HTTP/1.0\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 403 /);
    socket.destroy();
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE'])('refuses %s', async (method) => {
    const answer = await ask(await start(), '/api/tenants', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'SLUICE_ADMIN_METHOD_NOT_ALLOWED' } });
  });

  it('answers HEAD without a body', async () => {
    expect(await ask(await start(), '/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  it.each([
    ['/', 404, 'SLUICE_ADMIN_NOT_FOUND'],
    ['/api/secrets', 404, 'SLUICE_ADMIN_NOT_FOUND'],
    ['/api/tenants/../../etc/passwd', 404, 'SLUICE_ADMIN_NOT_FOUND'],
    ['/%zz', 400, 'SLUICE_REQUEST_INVALID'],
  ])('answers %s with %d', async (path, status, code) => {
    const answer = await ask(await start(), path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code } });
  });

  it('sets security headers and names no software', async () => {
    const { headers } = await ask(await start(), '/healthz');
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(headers.server).toBeUndefined();
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it('hides why the state failed, and logs it', async () => {
    const logged: unknown[] = [];
    const log = { ...silentLog, error: (fields: LogFields) => void logged.push(fields.error) };
    const failure = new Error('secret detail');
    const state = stateOf({
      tenants: () => {
        throw failure;
      },
      metrics: () => Promise.reject(failure),
    });
    const server = await start(state, '127.0.0.1', log);
    for (const path of ['/api/tenants', '/metrics']) {
      const answer = await ask(server, path);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('secret detail');
    }
    expect(logged).toEqual([failure, failure]);
  });

  it('survives bytes that are no request', async () => {
    const server = await start();
    const socket = connect(server.port, server.address);
    socket.end('\x00\x01garbage\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect((await ask(server, '/healthz')).status).toBe(200);
  });
});

describe('start and end', () => {
  it('names the admin port when it is taken', async () => {
    const first = await start();
    await expect(startAdmin({ address: '127.0.0.1', port: first.port }, stateOf(), silentLog)).rejects.toMatchObject({
      code: 'SLUICE_LISTENER_PORT_TAKEN',
      detail: `admin 127.0.0.1:${first.port}`,
    });
  });

  it('says so when the address is not of this machine', async () => {
    await expect(startAdmin({ address: '192.0.2.1', port: 0 }, stateOf(), silentLog)).rejects.toMatchObject({
      code: 'SLUICE_LISTENER_FAILED',
    });
  });

  it('takes any host beyond loopback, and warns', async () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: LogFields, message: string) => void warnings.push(message) };
    const server = await start(stateOf(), '0.0.0.0', log);
    expect((await ask(server, '/healthz', { host: '10.1.2.3:9901' })).status).toBe(200);
    expect(warnings).toEqual(['the admin API has no authentication and listens beyond loopback']);
  });

  it('closes while a client keeps its connection open', async () => {
    const server = await start();
    const socket = connect(server.port, server.address);
    socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await server.close();
    await closed;
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['example.com', false],
  ])('%s is loopback: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});
