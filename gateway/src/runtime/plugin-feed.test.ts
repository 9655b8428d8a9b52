import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { SeriesTable } from '../core/series-table.ts';
import { createRegistries } from '../discovery/registries.ts';
import { ControlPlane } from './control-plane.ts';
import { DataPlane } from './data-plane.ts';
import type { CatalogueModule, Delta } from './feed.ts';
import { Outbox } from './outbox.ts';
import { PluginPool } from './plugin-pool.ts';
import { catalogued, ManualWheel, pluginServices, tenantOf, unloadable, use } from './runtime.suite.ts';

const meta = { file: 'tenants/home.yaml', digest: 'd', acceptedBefore: false };
const ticks = (condition: string): string => `(if ${condition}
  (then (drop (call $set_tick_period_milliseconds (i32.const 60000))))) (i32.const 1)`;

/** A worker at the end of the feed, on this thread. */
class Worker {
  readonly deltas: Delta[] = [];
  readonly pool: PluginPool;
  readonly outbox: Outbox;
  readonly plane: DataPlane;

  constructor(controlPlane: ControlPlane, chain: readonly ReturnType<typeof use>[]) {
    const wheel = new ManualWheel();
    this.pool = new PluginPool(pluginServices(wheel));
    this.plane = new DataPlane(this.pool, chain, silentLog, wheel);
    this.outbox = new Outbox(controlPlane, ({ id, delta }) => {
      this.deltas.push(delta);
      void this.plane.apply(structuredClone(delta)).then(() => this.outbox.acknowledge(id));
    });
    controlPlane.attach(this.outbox);
  }

  get states(): string[] {
    return this.pool
      .reports()
      .map(({ plugin, tenant, digest, stats }) => [tenant, plugin, stats.state, digest.slice(0, 4)].join(' '));
  }
}

describe('plugins on their way to a worker', () => {
  let plane: ControlPlane;
  let first: CatalogueModule;
  let second: CatalogueModule;
  const chain = [use('plugin', { chain: true })];
  const start = (modules: readonly CatalogueModule[]) => {
    plane = new ControlPlane({
      registries: createRegistries({ registries: {} }, { log: silentLog }),
      series: new SeriesTable(),
      modules,
      pluginServices: pluginServices(new ManualWheel()),
      log: silentLog,
    });
  };
  const shortOf = ({ module }: CatalogueModule) => module!.digest.slice(0, 4);
  const respond = (uses: readonly ReturnType<typeof use>[]) =>
    tenantOf({ plugins: uses, routes: [{ id: 'all', respond: {} }] });

  beforeEach(async () => {
    // The first one never wants ticks, the second one for the shortest configuration and for the gateway's chain.
    first = await catalogued('plugin', { callbacks: { proxy_on_tick: '' } });
    const wish = '(i32.or (i32.eq (local.get 1) (i32.const 7)) (i32.eq (local.get 1) (i32.const 14)))';
    second = await catalogued('plugin', { callbacks: { proxy_on_tick: '', proxy_on_configure: ticks(wish) } });
    start([first, unloadable('missing')]);
  });

  it('come before the tenants that use them', async () => {
    plane.onTenant('home', respond([use('plugin', { v: 1 })]), meta);
    const worker = new Worker(plane, chain);
    await worker.outbox.settled();
    expect(worker.deltas.map(({ kind }) => kind)).toEqual(['plugin', 'plugin', 'tenant']);
    expect(worker.states).toEqual([` plugin idle ${shortOf(first)}`, `home plugin idle ${shortOf(first)}`]);
  });

  it('are replaced when they change, and those that want ticks now are started', async () => {
    plane.checkChain(chain);
    plane.onTenant('home', respond([use('plugin', { v: 1 }), use('plugin', { v: 22 })]), meta);
    const worker = new Worker(plane, chain);
    await worker.outbox.settled();
    await plane.replaceModule(second);
    await worker.outbox.settled();
    expect(worker.states).toEqual([
      ` plugin running ${shortOf(second)}`,
      `home plugin running ${shortOf(second)}`,
      `home plugin idle ${shortOf(second)}`,
    ]);
    // A worker that begins now gets the same.
    const replacement = new Worker(plane, chain);
    await replacement.outbox.settled();
    expect(replacement.states).toEqual(worker.states);
  });

  it('reach nobody when a configuration in use refuses them', async () => {
    plane.onTenant('home', respond([use('plugin', { v: 1 })]), meta);
    const worker = new Worker(plane, []);
    await worker.outbox.settled();
    const { version } = plane;
    const refusing = await catalogued('plugin', { callbacks: { proxy_on_configure: '(i32.const 0)' } });
    await expect(plane.replaceModule(refusing)).rejects.toMatchObject({ code: 'SLUICE_PLUGIN_START_FAILED' });
    expect([plane.version, worker.states]).toEqual([version, [`home plugin idle ${shortOf(first)}`]]);
    // The old one is what tenants are tried on.
    plane.onTenant('home', respond([use('plugin', { v: 2 })]), meta);
  });

  it('arrive late where there was none', async () => {
    start([unloadable('plugin')]);
    plane.onTenant('home', respond([use('plugin', { v: 1 })]), meta);
    const worker = new Worker(plane, []);
    await worker.outbox.settled();
    expect(worker.states).toEqual([]);
    await plane.replaceModule(second);
    await worker.outbox.settled();
    expect(worker.states).toEqual([`home plugin running ${shortOf(second)}`]);
  });

  it('are taken back when nobody uses them', async () => {
    const other = await catalogued('other');
    start([first]);
    plane.checkChain(chain);
    plane.onTenant('home', respond([use('plugin', { v: 1 })]), meta);
    const worker = new Worker(plane, chain);
    await worker.outbox.settled();
    expect(plane.removePlugin('plugin')).toEqual(['', 'home']);
    await plane.replaceModule(other);
    expect(plane.removePlugin('other')).toEqual([]);
    await worker.outbox.settled();
    expect(worker.deltas.slice(-2)).toMatchObject([
      { kind: 'plugin', module: { name: 'other' } },
      { kind: 'plugin-removed', plugin: 'other' },
    ]);
    expect([...plane.pluginNames()]).toEqual(['plugin']);
    // Nobody knows it any more.
    const { version } = plane;
    expect([plane.removePlugin('other'), plane.version]).toEqual([[], version]);
    const replacement = new Worker(plane, chain);
    await replacement.outbox.settled();
    expect(replacement.deltas.map(({ kind }) => kind)).toEqual(['plugin', 'tenant']);
  });
});
