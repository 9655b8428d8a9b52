import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointList } from '../core/endpoint.ts';
import { silentLog } from '../core/log.ts';
import { OTHER_SERIES } from '../core/metrics.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { tenant } from '../routing/fixture.suite.ts';
import { DataPlane } from './data-plane.ts';
import type { CatalogueModule, Delta } from './feed.ts';
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
    pool = new PluginPool([module], pluginServices(wheel));
    plane = new DataPlane(pool, [], silentLog, wheel);
    version = 0;
  });

  type Change = Delta extends infer D ? (D extends Delta ? Omit<D, 'version'> : never) : never;
  const apply = (change: Change) => plane.apply({ ...change, version: ++version });
  const applyTenant = (name: string, parts: Record<string, unknown> = {}) => {
    const to = (service: string) => [{ id: 'all', upstream: { service } }];
    const config = tenant({ tenant: name, domains: [`${name}.example`], routes: to('main'), ...parts });
    apply({ kind: 'tenant', config, series: new Map([['all', [7, 8]]]) });
  };
  const runtimeOf = (name: string) => plane.snapshot.tenants.get(name) as TenantRuntime;
  const portOf = (
    cluster: { pick: TenantRuntime['clusters'] extends ReadonlyMap<string, infer C> ? C : never }['pick'],
  ) => cluster.pick('', false, null)?.record.port ?? null;

  it('begins with nothing', () => {
    expect(plane.snapshot).toMatchObject({ version: 0 });
    expect(plane.snapshot.domains.find('a.example')).toBeUndefined();
  });

  it('serves a tenant under its domains, with its series', () => {
    applyTenant('a');
    const a = runtimeOf('a');
    expect(plane.snapshot.domains.find('A.example:80')).toBe(a);
    expect(a.runtimes.map(({ chain, series }) => ({ chain, series }))).toEqual([{ chain: null, series: [7, 8] }]);
    expect(a.unmatchedSeries).toBe(OTHER_SERIES);
    expect([...a.laneIndex]).toEqual([['', 0]]);
  });

  it('ignores what is not newer', () => {
    applyTenant('a');
    const before = plane.snapshot;
    plane.apply({ kind: 'tenant-removed', version: 1, tenant: 'a' });
    expect(plane.snapshot).toBe(before);
  });

  it('leaves what does not change as it is', () => {
    applyTenant('a');
    applyTenant('b');
    const { domains } = plane.snapshot;
    const [a, b] = [runtimeOf('a'), runtimeOf('b')];
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    expect([plane.snapshot.version, plane.snapshot.domains === domains, runtimeOf('a') === a]).toEqual([3, true, true]);
    applyTenant('a');
    expect(runtimeOf('a')).not.toBe(a);
    expect(runtimeOf('b')).toBe(b);
  });

  it('carries endpoints over to the next configuration, and a push changes the next pick', () => {
    applyTenant('a');
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    const cluster = runtimeOf('a').clusters.get('main')!;
    applyTenant('a', { lanes: [{ name: 'gray', tag: 'gray' }] });
    expect(runtimeOf('a').clusters.get('main')).toBe(cluster);
    expect(portOf(cluster)).toBe(1);
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(2) });
    expect(portOf(cluster)).toBe(2);
  });

  it('takes note of endpoints that nobody uses, and of those of a tenant without a configuration', () => {
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    apply({ kind: 'tenant-unavailable', tenant: 'a', domains: ['a.example'] });
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    expect(plane.snapshot.version).toBe(3);
  });

  it('keeps the endpoints of what is gone for exchanges that are on their way, and no longer', () => {
    applyTenant('a');
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    const old = runtimeOf('a').clusters.get('main')!;
    applyTenant('a', { routes: [{ id: 'all', upstream: { service: 'other' } }] });
    expect(portOf(old)).toBe(1);
    wheel.pass(19_000);
    expect(portOf(old)).toBe(1);
    wheel.pass(2_000);
    expect(portOf(old)).toBeNull();
    expect(wheel.size).toBe(0);
  });

  it('answers for a broken tenant, and for one that is gone not at all', () => {
    applyTenant('a');
    apply({ kind: 'tenant-unavailable', tenant: 'a', domains: ['a.example', 'more.example'] });
    expect(plane.snapshot.domains.find('more.example')).toEqual({
      name: 'a',
      domains: ['a.example', 'more.example'],
      available: false,
    });
    apply({ kind: 'tenant-removed', tenant: 'a' });
    expect([plane.snapshot.domains.size, plane.snapshot.tenants.size]).toEqual([0, 0]);
    apply({ kind: 'tenant-removed', tenant: 'never heard of' });
    expect(plane.snapshot.version).toBe(4);
  });

  it('moves a domain from one tenant to another', () => {
    applyTenant('a', { domains: ['x.example', 'a.example'] });
    applyTenant('b', { domains: ['x.example'] });
    applyTenant('a', { domains: ['a.example'] });
    expect(plane.snapshot.domains.find('x.example')!.name).toBe('b');
    expect(plane.snapshot.domains.find('a.example')!.name).toBe('a');
  });

  it('refuses what cannot be built, and stays as it was, plugins included', () => {
    applyTenant('a', { plugins: [use('plugin', { v: 1 })] });
    const before = plane.snapshot;
    const impossible = { routes: [{ id: 'all', match: { path: { regex: '(' } }, respond: {} }] };
    expect(() => applyTenant('a', { plugins: [use('plugin', { v: 2 })], ...impossible })).toThrow();
    expect(plane.snapshot).toBe(before);
    expect(pool.reports()).toHaveLength(1);
    applyTenant('a');
    expect(plane.snapshot.version).toBe(3);
  });

  it('runs plugins as long as a configuration names them', () => {
    const named = { plugins: [use('plugin', { v: 1 })] };
    applyTenant('a', named);
    const [chain] = runtimeOf('a').runtimes.map(({ chain }) => chain!.map(({ name }) => name));
    expect(chain).toEqual(['plugin']);
    applyTenant('a', named);
    expect(pool.reports().map(({ stats }) => stats.starts)).toEqual([1]);
    apply({ kind: 'tenant-removed', tenant: 'a' });
    expect(pool.reports()).toEqual([]);
  });

  it('gives up everything at its end', () => {
    applyTenant('a', { plugins: [use('plugin')] });
    apply({ kind: 'endpoints', tenant: 'a', service: 'main', list: listOf(1) });
    const cluster = runtimeOf('a').clusters.get('main')!;
    plane.close();
    expect([portOf(cluster), pool.reports()]).toEqual([null, []]);
  });

  it('puts the chain of the gateway before the plugins of tenants', () => {
    const chained = new DataPlane(pool, [use('plugin', { from: 'gateway' })], silentLog, wheel);
    const config = tenant({ plugins: [use('plugin')], routes: [{ id: 'all', respond: {}, plugins: [use('plugin')] }] });
    chained.apply({ kind: 'tenant', version: 1, config, series: new Map() });
    const runtime = chained.snapshot.tenants.get('home') as TenantRuntime;
    expect(runtime.runtimes[0]!.chain).toHaveLength(3);
    expect(pool.reports().map(({ tenant }) => tenant)).toEqual(['', 'home']);
  });
});
