import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import { enableLinearRegex } from '../core/regex.ts';
import { SeriesTable } from '../core/series-table.ts';
import { createRegistries, type Registries } from '../discovery/registries.ts';
import { until } from '../exchange/probes.suite.ts';
import { tenant } from '../routing/fixture.suite.ts';
import { ControlPlane } from './control-plane.ts';
import type { CatalogueModule, Delta, RouteEntry, TenantPart } from './feed.ts';
import { Outbox } from './outbox.ts';
import { catalogued, ManualWheel, pluginServices, tenantOf, unloadable, use } from './runtime.suite.ts';

enableLinearRegex();

describe('a control plane', () => {
  let modules: CatalogueModule[];
  beforeAll(async () => {
    modules = [
      await catalogued('plugin', { callbacks: { proxy_on_configure: '(i32.const 1)' } }),
      await catalogued('refusing', { callbacks: { proxy_on_configure: '(i32.const 0)' } }),
      unloadable('missing'),
    ];
  });

  let deltas: Delta[];
  let plane: ControlPlane;
  let outbox: Outbox;
  beforeEach(() => {
    deltas = [];
    plane = planeOn(createRegistries({ registries: {} }, { log: silentLog }));
    outbox = attach();
  });

  const planeOn = (registries: Registries) =>
    new ControlPlane({
      registries,
      series: new SeriesTable(),
      modules,
      pluginServices: pluginServices(new ManualWheel()),
      log: silentLog,
    });

  /** A worker that carries out everything at once. */
  const attach = (): Outbox => {
    const attached: Outbox = new Outbox(plane, ({ id, delta }) => {
      // The catalogue comes first, and has nothing to do with what is asked here.
      if (delta.kind !== 'plugin') deltas.push(delta);
      attached.acknowledge(id);
    });
    plane.attach(attached);
    return attached;
  };

  const meta = { file: 'tenants/home.yaml', digest: 'd', acceptedBefore: false };
  const listed = { services: { main: { static: [{ address: '10.0.0.1:80' }] } } };
  const routes = [{ id: 'all', upstream: { service: 'main' } }];
  const kinds = () => deltas.map(({ kind, version }) => `${version} ${kind}`);

  it('publishes a tenant before its endpoints, each with the next version', async () => {
    expect([plane.version, plane.changedAt]).toEqual([0, 0]);
    plane.onTenant('home', tenantOf({ ...listed, routes, lanes: [{ name: 'gray', tag: 'g' }] }), meta);
    await until(() => deltas.length === 2);
    expect(kinds()).toEqual(['1 tenant', '2 endpoints']);
    const { head, routes: text } = deltas[0] as TenantPart;
    const [[route, series]] = JSON.parse(text) as [RouteEntry];
    expect([route.id, series.length]).toEqual(['all', 2]);
    expect(JSON.parse(head)).toMatchObject({ config: { tenant: 'home', routes: [] }, unmatched: expect.any(Number) });
    expect(plane.changedAt).toBeGreaterThan(0);
    expect(plane.services()).toMatchObject([{ tenant: 'home', service: 'main', list: { state: 'fresh' } }]);
    expect([...plane.tenants.keys()]).toEqual(['home']);
  });

  it('publishes a change that brings a service when its endpoints are there, before it the endpoints', async () => {
    plane.onTenant('home', tenantOf({ ...listed, routes }), meta);
    await until(() => deltas.length === 2);
    const other = { services: { other: { static: [{ address: '10.0.0.2:80' }] } } };
    plane.onTenant('home', tenantOf({ ...other, routes: [{ id: 'all', upstream: { service: 'other' } }] }), meta);
    // Nor that what it drops is empty.
    expect(deltas).toHaveLength(2);
    await until(() => deltas.length === 5);
    expect(deltas.slice(2)).toMatchObject([
      { kind: 'endpoints', service: 'other' },
      { kind: 'tenant' },
      { kind: 'endpoints', service: 'other' },
    ]);
  });

  it('does not let a domain wait that another tenant has given up', async () => {
    const of = (name: string, service: string, ...domains: string[]) =>
      plane.onTenant(
        name,
        tenantOf({
          tenant: name,
          domains,
          services: { [service]: listed.services.main },
          routes: [{ id: 'all', upstream: { service } }],
        }),
        meta,
      );
    of('a', 'one', 'a.example', 'moving.example');
    of('b', 'one', 'b.example');
    await until(() => deltas.length === 4);
    deltas.length = 0;
    const tenants = () => deltas.flatMap((delta) => (delta.kind === 'tenant' ? [delta.tenant] : []));
    plane.onSettling();
    of('a', 'one', 'a.example');
    of('b', 'two', 'b.example', 'moving.example');
    plane.onSettled();
    expect(tenants()).toEqual(['b', 'a']);
    plane.onSettling();
    of('a', 'two', 'a.example', 'new.example');
    plane.onSettled();
    expect(tenants()).toEqual(['b', 'a']);
    await until(() => tenants().length === 3);
  });

  it('changes lists in the file of a tenant with the configuration that does so', async () => {
    plane.onTenant('home', tenantOf({ ...listed, routes }), meta);
    await until(() => deltas.length === 2);
    const added = { ...listed.services, main: { static: [{ address: '10.0.0.3:80' }] }, other: listed.services.main };
    plane.onTenant('home', tenantOf({ services: added, routes }), meta);
    expect(deltas).toHaveLength(2);
    await until(() => deltas.length === 6);
    expect(deltas.slice(2)).toMatchObject([
      { kind: 'endpoints', service: 'main' },
      { kind: 'endpoints', service: 'other' },
      { kind: 'tenant' },
      { kind: 'endpoints', service: 'other' },
    ]);
  });

  it('does not wait for a registry that does not answer, nor holds back what is gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const file = { type: 'file' as const, path: '/nonexistent/services.yaml' };
    const registries = createRegistries({ registries: { nacos: file } }, { log: silentLog });
    onTestFinished(() => registries.close());
    plane = planeOn(registries);
    attach();
    const silent = (service: string) =>
      tenantOf({ discovery: { registry: 'nacos' }, routes: [{ id: 'all', upstream: { service } }] });
    plane.onTenant('home', silent('first'), meta);
    expect(kinds()).toEqual(['1 tenant']);
    plane.onTenant('home', silent('second'), meta);
    vi.advanceTimersByTime(LIMITS.firstListsMs - 1);
    plane.onTenant('home', silent('third'), meta);
    expect(deltas).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(kinds()).toEqual(['1 tenant', '2 tenant']);
    plane.onTenant('home', silent('fourth'), meta);
    plane.onTenantRemoved('home');
    vi.advanceTimersByTime(LIMITS.firstListsMs);
    expect(kinds()).toEqual(['1 tenant', '2 tenant', '3 tenant-removed']);
  });

  it('tells of who takes a domain over before it tells of who gave it up, in one look at the files', () => {
    const of = (name: string, ...domains: string[]) => plane.onTenant(name, tenantOf({ tenant: name, domains }), meta);
    of('a', 'a.example', 'moving.example');
    of('gone', 'gone.example');
    of('renamed', 'renamed.example');
    deltas.length = 0;
    plane.onSettling();
    plane.onTenantRemoved('gone');
    of('a', 'a.example');
    of('b', 'moving.example', 'gone.example');
    of('newname', 'renamed.example');
    plane.onTenantRemoved('renamed');
    expect(deltas).toEqual([]);
    plane.onSettled();
    expect(deltas.map((delta) => `${delta.kind} ${'tenant' in delta ? delta.tenant : ''}`)).toEqual([
      'tenant newname',
      'tenant b',
      'tenant a',
      'tenant-removed renamed',
      'tenant-removed gone',
    ]);
  });

  it('takes a tenant back', async () => {
    plane.onTenant('home', tenantOf({ ...listed, routes }), meta);
    await until(() => deltas.length === 2);
    plane.onTenantRemoved('home');
    expect(deltas.at(-1)).toEqual({ kind: 'tenant-removed', version: 3, tenant: 'home' });
    expect([plane.tenants.size, plane.services()]).toEqual([0, []]);
  });

  it('leaves a tenant with a last good version in force, and counts', () => {
    plane.onTenant('home', tenantOf({}), meta);
    plane.onTenantBroken('home', ['app.example.com'], [{ message: 'unknown key' }], { ...meta, lastGood: true });
    expect(kinds()).toEqual(['1 tenant']);
    expect(plane.loads).toEqual({ success: 1, failure: 1 });
    expect(plane.lastError).toEqual({ text: 'tenants/home.yaml: unknown key', at: expect.any(Number) });
    expect(plane.unavailable.size).toBe(0);
  });

  it('announces one without as unavailable, until it is mended', () => {
    plane.onTenantBroken('home', ['app.example.com'], [], { ...meta, lastGood: false });
    expect(deltas).toEqual([{ kind: 'tenant-unavailable', version: 1, tenant: 'home', domains: ['app.example.com'] }]);
    expect([...plane.unavailable]).toEqual([['home', ['app.example.com']]]);
    plane.onTenant('home', tenantOf({}), meta);
    expect([plane.unavailable.size, kinds().at(-1)]).toEqual([0, '2 tenant']);
  });

  it('refuses what cannot be compiled, before anybody hears of it', () => {
    const impossible = tenant({ routes: [{ id: 'all', match: [{ path: { regex: '(' } }], respond: {} }] });
    expect(() => plane.onTenant('home', impossible, meta)).toThrow();
    expect([deltas, plane.tenants.size, plane.loads.failure]).toEqual([[], 0, 1]);
    expect(plane.lastError.text).toMatch(/^tenants\/home\.yaml: /);
  });

  it.each([
    ['of the tenant', { plugins: [use('refusing')] }],
    ['of a route', { routes: [{ id: 'all', respond: {}, plugins: [use('refusing')] }] }],
  ])('refuses a configuration that a plugin %s refuses', (_what, parts) => {
    expect(() => plane.onTenant('home', tenantOf(parts), meta)).toThrow(/plugin refusing of tenant home/);
    expect([deltas, plane.tenants.size]).toEqual([[], 0]);
    expect(() => plane.checkChain([use('refusing')])).toThrow(/plugin refusing/);
  });

  it('lets a plugin pass whose module is missing: its uses fail by their policy', () => {
    plane.onTenant('home', tenantOf({ plugins: [use('missing'), use('plugin')] }), meta);
    plane.checkChain([use('missing'), use('plugin')]);
    expect(kinds()).toEqual(['1 tenant']);
  });

  describe('and whether a configuration compiles', () => {
    /** Counts how often its routes are looked at. */
    const counted = () => {
      const { routes: given, ...rest } = tenantOf({ routes: [{ id: 'all', respond: {} }] });
      const [route] = given;
      const { match } = route!;
      const looks = { count: 0 };
      const watched = Object.defineProperty({ ...route! }, 'match', { get: () => (looks.count++, match) });
      return { config: { ...rest, routes: [watched] }, looks };
    };
    // What is sent is looked at too.
    beforeEach(() => plane.detach(outbox));

    it('is tried once, before it is told of if there is time', async () => {
      const { config, looks } = counted();
      await plane.prepare(config);
      const { count } = looks;
      expect(count).toBeGreaterThan(0);
      plane.onTenant('home', config, meta);
      expect(looks.count).toBe(count);
      const other = counted();
      plane.onTenant('home', other.config, meta);
      expect(other.looks.count).toBe(count);
    });

    it('is not tried when it was accepted before', () => {
      const { config, looks } = counted();
      plane.onTenant('home', config, { ...meta, acceptedBefore: true });
      expect(looks.count).toBe(0);
    });

    it('is tried a little at a time, with the verdict when it is told of', async () => {
      const { routes: given, ...rest } = tenantOf({ routes: [{ id: 'all', respond: {} }] });
      const config = { ...rest, routes: Array.from({ length: 8000 }, (_, i) => ({ ...given[0]!, id: `r${i}` })) };
      const state = { prepared: false };
      const done = plane.prepare(config).then(() => (state.prepared = true));
      let turns = 0;
      for (; !state.prepared; turns++) await new Promise(setImmediate);
      await done;
      expect(turns).toBeGreaterThan(1);
      const impossible = tenant({ routes: [{ id: 'all', match: [{ path: { regex: '(' } }], respond: {} }] });
      await plane.prepare(impossible);
      expect(() => plane.onTenant('home', impossible, meta)).toThrow();
    });
  });

  it('brings everything to an outbox that comes later, and nothing to one that is detached', async () => {
    plane.onTenantBroken('file:b.yaml', ['b.example.com'], [], { ...meta, lastGood: false });
    plane.onTenant('home', tenantOf({ ...listed, routes }), meta);
    await until(() => deltas.length === 3);
    plane.detach(outbox);
    deltas = [];
    const late = attach();
    expect(kinds()).toEqual(['3 tenant', '3 endpoints', '3 tenant-unavailable']);
    expect([late.appliedVersion, await late.settled()]).toEqual([3, true]);
    plane.onTenantRemoved('home');
    expect(kinds().at(-1)).toBe('4 tenant-removed');
    expect(deltas).toHaveLength(4);
  });

  it('tries equal configurations of a plugin once', async () => {
    const counting = await catalogued('plugin', { callbacks: { proxy_on_vm_start: '(i32.const 1)' } });
    let opened = 0;
    const services = pluginServices(new ManualWheel());
    const sharedData = {
      open: (...args: [string, string]) => (opened++, services.sharedData.open(...args)),
      queues: services.sharedData.queues,
    };
    const other = new ControlPlane({
      registries: createRegistries({ registries: {} }, { log: silentLog }),
      series: new SeriesTable(),
      modules: [counting],
      pluginServices: { ...services, sharedData },
      log: silentLog,
    });
    const many = Array.from({ length: 50 }, (_, i) => ({
      id: `r${i}`,
      respond: {},
      plugins: [use('plugin', { v: i % 2 })],
    }));
    other.onTenant('home', tenantOf({ routes: many }), meta);
    expect(opened).toBe(2);
  });
});
