import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantConfig } from '../config/schema-tenant.ts';
import type { EndpointList } from '../core/endpoint.ts';
import { silentLog } from '../core/log.ts';
import { runThrough } from '../core/steps.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { request, tenant } from '../routing/fixture.suite.ts';
import { driveExchange } from '../testing/drive.ts';
import { DataPlane } from './data-plane.ts';
import type { CatalogueModule, Delta } from './feed.ts';
import { FeedText } from './feed-text.ts';
import { PluginPool } from './plugin-pool.ts';
import { catalogued, ManualWheel, pluginServices, use } from './runtime.suite.ts';
import type { TenantRuntime } from './snapshot.ts';

enableLinearRegex();

const listOf = (...ports: number[]): EndpointList => ({
  state: 'fresh',
  endpoints: ports.map((port) => {
    return { address: '10.0.0.1', port, weight: 1, healthy: true, cluster: '', metadata: {} };
  }),
});

const service = (scheme = 'http') => ({ scheme, loadBalancer: 'round-robin' });

describe('a data plane', () => {
  let module: CatalogueModule;
  beforeAll(async () => {
    module = await catalogued('plugin', { callbacks: { proxy_on_request_headers: '(i32.const 0)' } });
  });

  let wheel: ManualWheel;
  let pool: PluginPool;
  let plane: DataPlane;
  let version = 0;
  beforeEach(() => {
    wheel = new ManualWheel();
    pool = new PluginPool(pluginServices(wheel));
    runThrough(pool.setModule(module));
    plane = new DataPlane(pool, [], silentLog, wheel);
    version = 0;
  });

  const text = new FeedText();
  /** The deltas of a state, which are applied one after the other. */
  const applyAll = (deltas: Iterable<Delta>) => Promise.all(Iterator.from(deltas).map((delta) => plane.apply(delta)));
  const deltasOfConfig = (config: TenantConfig) =>
    text.tenant(++version, { config, series: new Map([['all', [7, 8]]]), unmatched: 9, ticking: [] });
  const deltasOf = (name: string, parts: Record<string, unknown> = {}) => {
    const to = (service: string) => [{ id: 'all', upstream: { service } }];
    return deltasOfConfig(tenant({ tenant: name, domains: [`${name}.example`], routes: to('main'), ...parts }));
  };
  const applyTenant = (name: string, parts: Record<string, unknown> = {}) => applyAll(deltasOf(name, parts));
  const applyEndpoints = (name: string, ...ports: number[]) =>
    applyAll(text.endpoints(++version, name, 'main', listOf(...ports)));
  const remove = (name: string) => plane.apply({ kind: 'tenant-removed', version: ++version, tenant: name });
  const breakTenant = (name: string, domains: readonly string[]) =>
    plane.apply({ kind: 'tenant-unavailable', version: ++version, tenant: name, domains });
  const runtimeOf = (name: string) => plane.snapshot.tenants.get(name) as TenantRuntime;
  const portOf = (
    cluster: { pick: TenantRuntime['clusters'] extends ReadonlyMap<string, infer C> ? C : never }['pick'],
  ) => cluster.pick('', false, null)?.record.port ?? null;

  it('begins with nothing', () => {
    expect(plane.snapshot).toMatchObject({ version: 0 });
    expect(plane.snapshot.domains.find('a.example')).toBeUndefined();
  });

  it('serves a tenant under its domains, with its series', async () => {
    await applyTenant('a');
    const a = runtimeOf('a');
    expect(plane.snapshot.domains.find('A.example:80')).toBe(a);
    expect(a.runtimes.map(({ chain, series }) => ({ chain, series }))).toEqual([{ chain: null, series: [7, 8] }]);
    expect(a.unmatchedSeries).toBe(9);
    expect([...a.laneIndex]).toEqual([['', 0]]);
  });

  it('has a cluster for each service that routes use or that the tenant lists', async () => {
    await applyTenant('a', { services: { listed: service() } });
    expect([...runtimeOf('a').clusters.keys()]).toEqual(['listed', 'main']);
  });

  it('ignores what is not newer, for each tenant and each list by itself', async () => {
    const old = [...deltasOf('a', { domains: ['old.example'] })];
    const oldList = [...text.endpoints(++version, 'a', 'main', listOf(1))];
    await applyTenant('a');
    await applyEndpoints('a', 2);
    const before = plane.snapshot.tenants.get('a');
    await applyAll(old);
    await applyAll(oldList);
    await plane.apply({ kind: 'tenant-removed', version: 1, tenant: 'a' });
    await plane.apply({ kind: 'tenant-unavailable', version: 3, tenant: 'a', domains: [] });
    expect(plane.snapshot.tenants.get('a')).toBe(before);
    expect(portOf(runtimeOf('a').clusters.get('main')!)).toBe(2);
    // Older than what is known of a, and all the same news of b.
    await applyAll(text.tenant(1, { config: tenant({ tenant: 'b' }), series: new Map(), unmatched: 1, ticking: [] }));
    expect([runtimeOf('b').name, plane.snapshot.version]).toEqual(['b', 4]);
  });

  it('leaves what does not change as it is', async () => {
    await applyTenant('a');
    await applyTenant('b');
    const { domains } = plane.snapshot;
    const [a, b] = [runtimeOf('a'), runtimeOf('b')];
    await applyEndpoints('a', 1);
    expect([plane.snapshot.version, plane.snapshot.domains === domains, runtimeOf('a') === a]).toEqual([3, true, true]);
    await applyTenant('a');
    expect(runtimeOf('a')).not.toBe(a);
    expect(runtimeOf('b')).toBe(b);
  });

  it('carries endpoints over to the next configuration, and a push changes the next pick', async () => {
    await applyTenant('a');
    await applyEndpoints('a', 1);
    const cluster = runtimeOf('a').clusters.get('main')!;
    await applyTenant('a', { lanes: [{ name: 'gray', tag: 'gray' }] });
    expect(runtimeOf('a').clusters.get('main')).toBe(cluster);
    expect(portOf(cluster)).toBe(1);
    await applyEndpoints('a', 2);
    expect(portOf(cluster)).toBe(2);
  });

  it('begins with the lists that came before the configuration', async () => {
    await applyTenant('a', { routes: [{ id: 'all', upstream: { service: 'other' } }] });
    await applyEndpoints('a', 1);
    const [built] = [applyTenant('a')];
    expect(portOf(runtimeOf('a').clusters.get('main')!)).toBe(1);
    await built;
    await applyTenant('a', { routes: [{ id: 'all', upstream: { service: 'other' } }] });
    await applyTenant('a');
    expect(portOf(runtimeOf('a').clusters.get('main')!)).toBeNull();
  });

  it('takes note of endpoints that nobody uses, and of those of a tenant without a configuration', async () => {
    await applyEndpoints('a', 1);
    await breakTenant('a', ['a.example']);
    await applyEndpoints('a', 1);
    expect(plane.snapshot.version).toBe(3);
  });

  it('keeps the endpoints of what is gone for exchanges that are on their way, and no longer', async () => {
    await applyTenant('a');
    await applyEndpoints('a', 1);
    const old = runtimeOf('a').clusters.get('main')!;
    await applyTenant('a', { routes: [{ id: 'all', upstream: { service: 'other' } }] });
    expect(portOf(old)).toBe(1);
    wheel.pass(19_000);
    expect(portOf(old)).toBe(1);
    wheel.pass(2_000);
    expect(portOf(old)).toBeNull();
    expect(wheel.size).toBe(0);
  });

  it('answers for a broken tenant, and for one that is gone not at all', async () => {
    await applyTenant('a');
    await breakTenant('a', ['a.example', 'more.example']);
    expect(plane.snapshot.domains.find('more.example')).toEqual({
      name: 'a',
      domains: ['a.example', 'more.example'],
      available: false,
    });
    await remove('a');
    expect([plane.snapshot.domains.size, plane.snapshot.tenants.size]).toEqual([0, 0]);
    await remove('never heard of');
    expect(plane.snapshot.version).toBe(4);
  });

  it('moves a domain from one tenant to another', async () => {
    await applyTenant('a', { domains: ['x.example', 'a.example'] });
    await applyTenant('b', { domains: ['x.example'] });
    await applyTenant('a', { domains: ['a.example'] });
    expect(plane.snapshot.domains.find('x.example')!.name).toBe('b');
    expect(plane.snapshot.domains.find('a.example')!.name).toBe('a');
    await remove('a');
    expect([plane.snapshot.domains.find('x.example')!.name, plane.snapshot.domains.size]).toEqual(['b', 1]);
  });

  it('refuses what cannot be built, and stays as it was, plugins and endpoints included', async () => {
    await applyTenant('a', { plugins: [use('plugin', { v: 1 })] });
    await applyEndpoints('a', 1);
    const before = plane.snapshot;
    const impossible = {
      lanes: [{ name: 'gray', tag: 'gray' }],
      services: { main: service('https') },
      routes: [
        { id: 'all', upstream: { service: 'main' } },
        { id: 'bad', match: { path: { regex: '(' } }, respond: {} },
      ],
    };
    await expect(applyTenant('a', { plugins: [use('plugin', { v: 2 })], ...impossible })).rejects.toThrow(/route bad/);
    expect(plane.snapshot).toBe(before);
    expect(pool.reports()).toHaveLength(1);
    expect(
      runtimeOf('a')
        .clusters.get('main')!
        .endpoints.map(({ scheme }) => scheme),
    ).toEqual(['http']);
    await applyTenant('a');
    expect(plane.snapshot.version).toBe(4);
  });

  it('runs plugins as long as a configuration names them, and starts them on first use', async () => {
    const named = { plugins: [use('plugin', { v: 1 })] };
    await applyTenant('a', named);
    const chain = runtimeOf('a').runtimes[0]!.chain!;
    expect(chain.map(({ name }) => name)).toEqual(['plugin']);
    expect(pool.reports().map(({ stats }) => stats.starts)).toEqual([0]);
    await driveExchange(chain);
    await applyTenant('a', named);
    expect(pool.reports().map(({ stats }) => stats.starts)).toEqual([1]);
    await remove('a');
    expect(pool.reports()).toEqual([]);
  });

  it('gives up everything at its end', async () => {
    await applyTenant('a', { plugins: [use('plugin')] });
    await applyEndpoints('a', 1);
    const cluster = runtimeOf('a').clusters.get('main')!;
    plane.close();
    expect([portOf(cluster), pool.reports()]).toEqual([null, []]);
  });

  it('puts the chain of the gateway before the plugins of tenants', async () => {
    plane = new DataPlane(pool, [use('plugin', { from: 'gateway' })], silentLog, wheel);
    const routes = [{ id: 'all', respond: {}, plugins: [use('plugin')] }];
    await applyTenant('a', { plugins: [use('plugin')], routes });
    expect(runtimeOf('a').runtimes[0]!.chain).toHaveLength(3);
    expect(pool.reports().map(({ tenant }) => tenant)).toEqual(['', 'a']);
  });

  describe('while it builds a large tenant', () => {
    const applyLarge = (revision: string) => {
      const config = tenant({
        tenant: 'a',
        domains: ['a.example', `${revision}.example`],
        lanes: [{ name: 'gray', tag: revision }],
        routes: [{ id: 'all', match: {}, upstream: { service: 'main' } }],
      });
      const [route] = config.routes;
      const routes = Array.from({ length: 4000 }, (_, i) => {
        return { ...route!, match: [{ path: { exact: `/${revision}/${i}` } }] };
      });
      return applyAll(deltasOfConfig({ ...config, routes }));
    };
    const serves = (revision: string) =>
      runtimeOf('a').routes.match(request(`/${revision}/3999`)) !== null &&
      runtimeOf('a').lanes.lanes[0]!.tag === revision &&
      plane.snapshot.domains.find('a.example') === runtimeOf('a') &&
      plane.snapshot.domains.find(`${revision}.example`) === runtimeOf('a');

    it('serves the old one whole until the new one is', async () => {
      await applyLarge('old');
      await applyEndpoints('a', 1);
      const state = { applied: false };
      const building = applyLarge('new').then(() => (state.applied = true));
      let turns = 0;
      for (; !state.applied; turns++) {
        expect(serves('old')).not.toBe(serves('new'));
        expect(portOf(runtimeOf('a').clusters.get('main')!)).toBe(1);
        await new Promise(setImmediate);
      }
      await building;
      expect(serves('new')).toBe(true);
      expect(turns).toBeGreaterThan(1);
    });

    it('lets endpoints of other tenants pass by, while those of this one come after it', async () => {
      await applyTenant('b');
      const order: string[] = [];
      const note = (word: string) => () => void order.push(word);
      await Promise.all([
        applyLarge('new').then(note('tenant a')),
        applyEndpoints('a', 1).then(note('endpoints a')),
        applyTenant('c').then(note('tenant c')),
        applyEndpoints('b', 2).then(note('endpoints b')),
      ]);
      expect(order).toEqual(['endpoints b', 'tenant a', 'endpoints a', 'tenant c']);
      expect(portOf(runtimeOf('a').clusters.get('main')!)).toBe(1);
    });

    it('takes a list in parts that is as long as lists get', async () => {
      await applyTenant('a');
      const ports = Array.from({ length: 10_000 }, (_, i) => i + 1);
      const deltas = [...text.endpoints(++version, 'a', 'main', listOf(...ports))];
      expect(deltas.length).toBeGreaterThan(5);
      await applyAll(deltas);
      expect(runtimeOf('a').clusters.get('main')!.endpoints).toHaveLength(10_000);
    });

    it('takes lists of others between the parts of a long one', async () => {
      await applyTenant('b');
      const state = { applied: false };
      const building = applyLarge('new');
      const ports = Array.from({ length: 20_000 }, (_, i) => i + 1);
      const listing = applyEndpoints('a', ...ports).then(() => (state.applied = true));
      let pushes = 0;
      for (; !state.applied; pushes++) {
        await Promise.all([applyEndpoints('b', 1 + pushes), new Promise(setImmediate)]);
      }
      await Promise.all([building, listing]);
      expect(portOf(runtimeOf('b').clusters.get('main')!)).toBe(pushes);
      expect(runtimeOf('a').clusters.get('main')!.endpoints).toHaveLength(20_000);
    });

    it('drops it when it is closed', async () => {
      void applyLarge('new');
      plane.close();
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      expect(plane.snapshot.version).toBe(0);
    });
  });

  it('holds no more after a hundred changes than after the first', async () => {
    const change = async (round: number) => {
      const services = { main: service(), [`s${round % 7}`]: service() };
      await applyTenant('a', {
        services,
        plugins: [use('plugin', { round })],
        lanes: [{ name: 'l', tag: `t${round}` }],
      });
      await applyEndpoints('a', 1 + (round % 3));
      await applyTenant(`b${round % 2}`, { plugins: [use('plugin')] });
      if (round % 10 === 9) await remove('b0');
      if (round % 10 === 4) await breakTenant('b1', [`b1-${round}.example`]);
      wheel.pass(25_000);
    };
    const held = () => {
      const { tenants, domains } = plane.snapshot;
      const clusters = [...tenants.values()].flatMap((each) => (each.available ? [...each.clusters.values()] : []));
      const endpoints = clusters.flatMap((cluster) => cluster.endpoints);
      return [tenants.size, domains.size, clusters.length, endpoints.length, pool.reports().length, wheel.size];
    };
    for (let round = 0; round < 70; round++) await change(round);
    const first = held();
    for (let round = 70; round < 140; round++) await change(round);
    expect(held()).toEqual(first);
  });
});
