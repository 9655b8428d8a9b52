import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { type AskingGuest, askingGuest, GET_CHECK } from '../../wasm/callout.suite.ts';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { HttpClient } from '../listener.suite.ts';
import { ask, deadPort, eventually, HttpUpstream } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function upstream(name: string, handler?: RequestListener): Promise<HttpUpstream> {
  const server = await new HttpUpstream(name, handler).open();
  cleanups.push(() => server.close());
  return server;
}

interface Guest extends Partial<AskingGuest> {
  readonly allow?: unknown;
}

/** A gateway with the plugin `asking`, which asks `auth` about each request. */
async function start({ allow, ...guest }: Guest, files: GatewayFiles): Promise<GatewayRig> {
  const { gateway, ...rest } = files;
  const plugin = { name: 'asking', source: 'file:asking.wasm', ...(allow === undefined ? {} : { allow }) };
  const module = pluginModule(askingGuest({ service: 'auth', ...guest }));
  const rig = await GatewayRig.start({
    ...rest,
    files: { 'asking.wasm': module },
    gateway: { plugins: [plugin], ...gateway },
  });
  cleanups.push(() => rig.stop());
  await eventually(() =>
    rig.view('services').then((services) => services.every(({ state }) => state === 'fresh')),
  ).toBe(true);
  return rig;
}

/** Tenant `a`, whose every route asks, with a service that no route sends to. */
const asking = (more: Record<string, unknown> = {}) =>
  tenantA({ plugins: [{ use: 'asking' }], services: { auth: {} }, ...more });
const results = (rig: GatewayRig, result: string, tenant = 'a') =>
  rig.metric(`sluice_plugin_callouts_total{tenant="${tenant}",plugin="asking",result="${result}"}`);

describe.each([0, 1])('a plugin that asks a service of its tenant, workers: %d', (workers) => {
  it('lets through what the service lets through', async () => {
    const main = await upstream('main');
    const auth = await upstream('auth', (request, response) => {
      response.statusCode = request.headers['x-key'] === 'right' ? 200 : 401;
      response.end('the service says no');
    });
    const rig = await start(
      { headers: [...GET_CHECK, 'x-key', 'right'] },
      {
        gateway: { workers },
        tenants: { a: asking() },
        services: { main: [main.address], auth: [auth.address] },
      },
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(rig.port)));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [200, 'main']));
    expect(auth.last).toMatchObject({ method: 'GET', url: '/check', headers: { host: 'auth.internal' } });
    const [trace, span] = String(auth.last.headers['traceparent']).split('-').slice(1, 3);
    expect(String(main.last.headers['traceparent'])).toMatch(/^00-[0-9a-f]{32}-/);
    expect([trace, span].map((id) => id?.length)).toEqual([32, 16]);
    await eventually(() => results(rig, 'success')).toBe(20);
    await eventually(() => rig.directory.lines.length).toBe(20);
    expect(rig.directory.lines.map(({ trace_id }) => trace_id)).toContain(trace);
  });
});

describe('a plugin that asks a service', () => {
  it('passes its refusal on', async () => {
    const auth = await upstream('auth', (_request, response) => void response.writeHead(401).end('no'));
    const rig = await start({}, { tenants: { a: asking() }, services: { main: [], auth: [auth.address] } });
    const { status, text } = await ask(rig.port);
    expect([status, text]).toEqual([403, 'no']);
  });

  it('is told of failures, and nobody waits for long', async () => {
    const silent = await upstream('silent', () => {});
    const large = await upstream('large', (_request, response) => {
      response.on('error', () => {});
      response.end(Buffer.alloc(LIMITS.pluginCalloutBodyBytes + 1));
    });
    const rig = await start(
      { timeout: 50 },
      { tenants: { a: asking() }, services: { main: [], auth: [silent.address] } },
    );
    expect(await ask(rig.port)).toMatchObject({ status: 403, text: expect.stringContaining('in time') });
    await eventually(() => silent.aborted).toBe(1);
    const cases: [string[], string, number][] = [
      [[large.address], 'too-large', 599],
      [[`127.0.0.1:${await deadPort()}`], 'connect-failed', 403],
      [[], 'no-endpoint', 403],
    ];
    for (const [auth, result, status] of cases) {
      rig.directory.writeServices({ main: [], auth });
      await eventually(async () => {
        await ask(rig.port);
        return (await results(rig, result)) ?? 0;
      }).toBeGreaterThan(0);
      expect((await ask(rig.port)).status).toBe(status);
    }
    await eventually(() => results(rig, 'timeout')).toBeGreaterThan(0);
  });

  it('is not waited for when the client leaves', async () => {
    const auth = await upstream('auth', () => {});
    const rig = await start({}, { tenants: { a: asking() }, services: { main: [], auth: [auth.address] } });
    const client = new HttpClient(rig.port, {});
    client.end();
    await eventually(() => auth.seen.length).toBe(1);
    client.close();
    await eventually(() => auth.aborted).toBe(1);
    await eventually(async () => (await results(rig, 'cancelled')) ?? 0).toBe(1);
  });

  it('stays in the lane of the exchange', async () => {
    const [main, base, gray] = [await upstream('main'), await upstream('base'), await upstream('gray')];
    const lanes = [{ name: 'gray', tag: 'g', rules: [{ headers: [{ name: 'x-gray', present: true }] }] }];
    const rig = await start(
      {},
      {
        tenants: { a: asking({ lanes }) },
        services: {
          main: [main.address],
          auth: [base.address, { address: gray.address, metadata: { 'opensergo.io/canary-g': 'g' } }],
        },
      },
    );
    for (let i = 0; i < 4; i++) expect((await ask(rig.port, { headers: { 'x-gray': '1' } })).status).toBe(200);
    expect([base.seen.length, gray.seen.length]).toEqual([0, 4]);
    expect(gray.last.headers['x-mse-tag']).toBe('g');
    for (let i = 0; i < 4; i++) expect((await ask(rig.port, { headers: { 'x-mse-tag': 'g' } })).status).toBe(200);
    expect([base.seen.length, gray.seen.length]).toEqual([4, 4]);
    expect(base.last.headers['x-mse-tag']).toBeUndefined();
  });
});

describe("a service that is not the plugin's to call", () => {
  const b = {
    ...tenantA({ domains: ['b.example'], services: { auth: {} }, routes: [{ id: 'all', respond: {} }] }),
    tenant: 'b',
  };

  it.each<[string, Guest, Record<string, unknown>]>([
    ['unknown', { service: 'other' }, {}],
    ["another tenant's", { service: 'b/auth' }, {}],
    ["another tenant's beside an allowed one", { service: 'b/auth', allow: { services: ['b/other'] } }, {}],
  ])('is refused: %s', async (_what, guest, more) => {
    const auth = await upstream('auth');
    const rig = await start(guest, { tenants: { a: asking(more), b }, services: { main: [], auth: [auth.address] } });
    const { status } = await ask(rig.port);
    expect([status, auth.seen.length]).toEqual([552, 0]);
    await eventually(() => results(rig, 'refused')).toBe(1);
  });

  it('is called when the operator allows it, also from the chain of the gateway', async () => {
    const [main, auth] = [await upstream('main'), await upstream('auth')];
    const guest = { service: 'b/auth', allow: { services: ['b/auth'] } };
    const files = { tenants: { a: tenantA(), b }, services: { main: [main.address], auth: [auth.address] } };
    const rig = await start(guest, { ...files, gateway: { chain: [{ use: 'asking' }] } });
    expect((await ask(rig.port)).text).toBe('main');
    expect(auth.seen).toHaveLength(1);
    await eventually(() => results(rig, 'success', '')).toBe(1);
  });

  it('is refused in the chain of the gateway unless it is allowed', async () => {
    const auth = await upstream('auth');
    const files = { tenants: { a: asking({ plugins: [] }) }, services: { main: [], auth: [auth.address] } };
    const rig = await start({ service: 'a/auth' }, { ...files, gateway: { chain: [{ use: 'asking' }] } });
    expect([(await ask(rig.port)).status, auth.seen.length]).toEqual([552, 0]);
  });
});
