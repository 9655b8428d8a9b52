import type { RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, codeOf, eventually, HttpUpstream } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(files: GatewayFiles): Promise<GatewayRig> {
  const rig = await GatewayRig.start(files);
  cleanups.push(() => rig.stop());
  return rig;
}

async function upstream(name: string, handler?: RequestListener): Promise<HttpUpstream> {
  const server = await new HttpUpstream(name, handler).open();
  cleanups.push(() => server.close());
  return server;
}

const said = (body: string) => ({ routes: [{ id: 'all', respond: { body } }] });
const tenantB = (more: Record<string, unknown> = {}) => ({
  tenant: 'b',
  domains: ['b.example'],
  ...said('b'),
  ...more,
});
const textOf = (rig: GatewayRig, host?: string) => ask(rig.port, { ...(host && { host }) }).then(({ text }) => text);
const errorOf = (rig: GatewayRig, host?: string) => ask(rig.port, { ...(host && { host }) }).then(codeOf, String);

describe('tenant files', () => {
  it('take effect while the gateway runs: new, changed, deleted', async () => {
    const rig = await start({ tenants: { a: tenantA(said('one')) } });
    expect(await textOf(rig)).toBe('one');
    expect(await errorOf(rig, 'b.example')).toBe('SLUICE_ROUTE_DOMAIN_UNKNOWN');
    rig.directory.writeTenant('b', tenantB());
    await eventually(() => textOf(rig, 'b.example')).toBe('b');
    rig.directory.writeTenant('a', tenantA(said('two')));
    await eventually(() => textOf(rig)).toBe('two');
    rig.directory.removeTenant('b');
    await eventually(() => errorOf(rig, 'b.example')).toBe('SLUICE_ROUTE_DOMAIN_UNKNOWN');
    expect(await textOf(rig)).toBe('two');
    expect((await rig.view('tenants')).map(({ tenant, state }) => [tenant, state])).toEqual([['a', 'active']]);
  });

  it('that break keep the last good version, and the operator sees why', async () => {
    const rig = await start({ tenants: { a: tenantA(said('good')), b: tenantB() } });
    rig.directory.writeTenant('a', 'tenant: a\ndomains: [a.example]\nroute: []\n');
    await eventually(() => rig.metric('sluice_config_tenant_state{tenant="a",state="stale"}')).toBe(1);
    expect(await textOf(rig)).toBe('good');
    expect(await textOf(rig, 'b.example')).toBe('b');
    const [a] = await rig.view('tenants');
    expect(a).toMatchObject({ tenant: 'a', state: 'stale', domains: ['a.example'], routes: 1 });
    expect(a!['errors']).toEqual([expect.stringMatching(/a\.yaml:3:1 route: unknown key — did you mean routes\?/)]);
    const snapshot = JSON.parse((await rig.admin('/api/snapshot')).text) as Record<string, unknown>;
    expect(snapshot['lastError']).toMatch(/a\.yaml.*unknown key/);
    expect(snapshot['lastErrorAt']).toBeGreaterThan(0);
    expect(await rig.metric('sluice_config_reloads_total{result="failure"}')).toBe(1);
    expect(await rig.admin('/readyz')).toMatchObject({ status: 200 });

    rig.directory.writeTenant('a', tenantA(said('mended')));
    await eventually(() => textOf(rig)).toBe('mended');
    const healed = JSON.parse((await rig.admin('/api/snapshot')).text) as Record<string, unknown>;
    expect(healed['lastError']).toBe('');
    expect(await rig.metric('sluice_config_tenant_state{tenant="a",state="active"}')).toBe(1);
  });

  it('that are broken from the start answer 503 for their domains, with a code, and nobody else suffers', async () => {
    const rig = await start({ tenants: { a: tenantA({ routes: [{ id: 'x' }] }), b: tenantB() } });
    const reply = await ask(rig.port);
    expect([reply.status, codeOf(reply)]).toEqual([503, 'SLUICE_TENANT_UNAVAILABLE']);
    expect(await textOf(rig, 'b.example')).toBe('b');
    expect((await rig.view('tenants'))[0]).toMatchObject({ tenant: 'a', state: 'failed', domains: ['a.example'] });
    rig.directory.writeTenant('a', tenantA(said('now good')));
    await eventually(() => textOf(rig)).toBe('now good');
    rig.directory.removeTenant('a');
    await eventually(() => errorOf(rig)).toBe('SLUICE_ROUTE_DOMAIN_UNKNOWN');
  });

  it('whose name cannot be read are listed with the domains they hold', async () => {
    const rig = await start({ tenants: { x: { tenant: 'Not A Name', domains: ['x.example'] } } });
    expect(await errorOf(rig, 'x.example')).toBe('SLUICE_TENANT_UNAVAILABLE');
    expect((await rig.view('tenants'))[0]).toMatchObject({ tenant: '', state: 'failed', domains: ['x.example'] });
  });

  it('cannot take a domain of another tenant, not even later', async () => {
    const rig = await start({
      tenants: { a: tenantA(said('a')), b: tenantB({ domains: ['b.example', 'a.example'] }) },
    });
    expect(await textOf(rig)).toBe('a');
    expect(await errorOf(rig, 'b.example')).toBe('SLUICE_TENANT_UNAVAILABLE');
    const [, b] = await rig.view('tenants');
    expect(b).toMatchObject({ tenant: 'b', state: 'failed' });
    expect(String(b!['errors'])).toMatch(/b\.yaml.*a\.example already belongs to tenant a in .*a\.yaml/);
    rig.directory.removeTenant('a');
    await eventually(() => textOf(rig)).toBe('b');
    await eventually(() => textOf(rig, 'b.example')).toBe('b');
  });
});

describe('lanes', () => {
  const lanes = (more: Record<string, unknown>) =>
    tenantA({
      lanes: [{ name: 'gray', tag: 'gray', rules: [{ percentage: 100, stickyBy: { header: 'x-id' } }], ...more }],
    });

  it('roll back with the next snapshot when they are disabled', async () => {
    const [base, gray] = [await upstream('base'), await upstream('gray')];
    const services = {
      main: [base.address, { address: gray.address, metadata: { 'opensergo.io/canary-gray': 'gray' } }],
    };
    const rig = await start({ tenants: { a: lanes({}) }, services });
    const asked = () => ask(rig.port, { headers: { 'x-id': '7' } }).then(({ text }) => text);
    await eventually(asked).toBe('gray');
    rig.directory.writeTenant('a', lanes({ enabled: false }));
    await eventually(asked).toBe('base');
    expect(base.last.headers['x-mse-tag']).toBeUndefined();
    rig.directory.writeTenant('a', lanes({}));
    await eventually(asked).toBe('gray');
  });

  it('take more users and lose none when their percentage grows', async () => {
    const [base, gray] = [await upstream('base'), await upstream('gray')];
    const services = {
      main: [base.address, { address: gray.address, metadata: { 'opensergo.io/canary-gray': 'gray' } }],
    };
    const share = (percentage: number) => lanes({ rules: [{ percentage, stickyBy: { header: 'x-id' } }] });
    const rig = await start({ tenants: { a: share(20) }, services });
    await eventually(() => textOf(rig)).toBe('base');
    const users = async (): Promise<number[]> => {
      const ids = Array.from({ length: 60 }, (_, id) => id);
      const texts = await Promise.all(ids.map((id) => ask(rig.port, { headers: { 'x-id': `user-${id}` } })));
      return ids.filter((id) => texts[id]!.text === 'gray');
    };
    const before = await users();
    expect(before.length).toBeGreaterThan(2);
    rig.directory.writeTenant('a', share(50));
    await eventually(() => users().then(({ length }) => length)).toBeGreaterThan(before.length);
    const after = await users();
    expect(before.filter((id) => !after.includes(id))).toEqual([]);
    rig.directory.writeTenant('a', share(0));
    await eventually(() => users().then(({ length }) => length)).toBe(0);
  });
});

describe('endpoints', () => {
  it('of a static list follow the tenant file', async () => {
    const [one, two] = [await upstream('one'), await upstream('two')];
    const listed = (address: string) => tenantA({ services: { main: { static: [{ address }] } } });
    const rig = await start({ tenants: { a: listed(one.address) } });
    await eventually(() => textOf(rig)).toBe('one');
    rig.directory.writeTenant('a', listed(two.address));
    await eventually(() => textOf(rig)).toBe('two');
  });

  it('of a services file change the next pick, and no snapshot of routes', async () => {
    const [one, two] = [await upstream('one'), await upstream('two')];
    const rig = await start({ tenants: { a: tenantA() }, services: { main: [one.address] } });
    await eventually(() => textOf(rig)).toBe('one');
    rig.directory.writeServices({ main: [two.address] });
    await eventually(() => textOf(rig)).toBe('two');
    expect(one.seen.length).toBeGreaterThan(0);
    rig.directory.writeServices({ main: [{ address: one.address, healthy: false }, two.address] });
    await eventually(async () => {
      const [service] = await rig.view<{ endpoints: unknown[] }>('services');
      return service!.endpoints.length;
    }).toBe(2);
    for (let i = 0; i < 4; i++) expect(await textOf(rig)).toBe('two');
    expect((await rig.view('services'))[0]).toMatchObject({
      tenant: 'a',
      service: 'main',
      state: 'fresh',
      endpoints: expect.arrayContaining([
        expect.objectContaining({ address: one.address, lane: 'baseline', healthy: false }),
        expect.objectContaining({ address: two.address, lane: 'baseline', healthy: true, weight: 1 }),
      ]),
    });
  });

  it('stay while the services file is broken', async () => {
    const one = await upstream('one');
    const rig = await start({ tenants: { a: tenantA() }, services: { main: [one.address] } });
    await eventually(() => textOf(rig)).toBe('one');
    rig.directory.writeServices({ main: [{ address: 'no port' }] });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('stale');
    expect(await textOf(rig)).toBe('one');
    expect(await rig.metric('sluice_discovery_connected{registry="local"}')).toBe(0);
  });
});

describe('exchanges in flight', () => {
  it('finish as they began when their tenant changes or goes', async () => {
    const slow = await new HttpUpstream('slow', (_request, response) => {
      setTimeout(() => response.end('whole'), 400);
    }).open();
    cleanups.push(() => slow.close());
    const rig = await start({ tenants: { a: tenantA() }, services: { main: [slow.address] } });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const replies = [ask(rig.port, { path: '/slow' }), ask(rig.port, { path: '/slow' })];
    await eventually(() => slow.seen.length).toBe(2);
    rig.directory.removeTenant('a');
    await eventually(() => errorOf(rig)).toBe('SLUICE_ROUTE_DOMAIN_UNKNOWN');
    expect(await Promise.all(replies)).toMatchObject([
      { status: 200, text: 'whole' },
      { status: 200, text: 'whole' },
    ]);
    await eventually(() => rig.directory.lines.filter((line) => line['path'] === '/slow')).toMatchObject([
      { tenant: 'a', response_code: 200 },
      { tenant: 'a', response_code: 200 },
    ]);
  });

  it('may still be repeated at the endpoints they began with', async () => {
    // Whichever endpoint is asked first breaks off, so that nothing depends on whose turn it is.
    let broken = false;
    const breakOnce: RequestListener = (request, response) => {
      if (broken) response.end('repeated');
      else setTimeout(() => request.socket.destroy(), 300);
      broken = true;
    };
    const [one, two] = [await upstream('one', breakOnce), await upstream('two', breakOnce)];
    const routes = [
      { id: 'all', upstream: { service: 'main' }, retries: { attempts: 1, on: ['reset-before-response'] } },
    ];
    const rig = await start({ tenants: { a: tenantA({ routes }) }, services: { main: [one.address, two.address] } });
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('fresh');
    const reply = ask(rig.port);
    await eventually(() => broken).toBe(true);
    rig.directory.writeTenant('a', tenantA(said('without service')));
    await eventually(() => textOf(rig)).toBe('without service');
    expect(await reply).toMatchObject({ status: 200, text: 'repeated' });
  });
});

describe('a steady load', () => {
  it('loses no request during 50 edits', async () => {
    const [one, two] = [await upstream('one'), await upstream('two')];
    const both = [one.address, two.address];
    const edited = (i: number) =>
      tenantA({
        lanes:
          i % 3 === 0 ? [{ name: 'gray', tag: 'gray', rules: [{ percentage: i, stickyBy: { header: 'x-id' } }] }] : [],
        routes: [
          { id: 'all', upstream: { service: 'main' } },
          ...Array.from({ length: i % 5 }, (_, n) => ({
            id: `r${n}`,
            match: { path: { exact: `/${n}` } },
            respond: {},
          })),
        ],
      });
    const rig = await start({ tenants: { a: edited(0) }, services: { main: both } });
    await eventually(() => textOf(rig)).toMatch(/one|two/);
    const load = { on: true };
    let served = 0;
    const failures: string[] = [];
    const send = async (): Promise<void> => {
      while (load.on) {
        const outcome = await ask(rig.port, { path: '/load' }).then(({ status, text }) => `${status} ${text}`, String);
        if (/^200 (one|two)$/.test(outcome)) served++;
        else failures.push(outcome);
      }
    };
    const loaders = [send(), send(), send(), send()];
    for (let i = 1; i <= 50; i++) {
      const loads = (await rig.metric('sluice_config_reloads_total{result="success"}'))!;
      rig.directory.writeTenant('a', edited(i));
      if (i % 10 === 0) rig.directory.writeTenant('b', tenantB());
      if (i % 10 === 5) rig.directory.writeServices({ main: i % 20 === 5 ? [one.address] : both });
      await eventually(() => rig.metric('sluice_config_reloads_total{result="success"}')).toBeGreaterThan(loads);
    }
    load.on = false;
    await Promise.all(loaders);
    expect(failures).toEqual([]);
    expect(served).toBeGreaterThan(100);
  });
});
