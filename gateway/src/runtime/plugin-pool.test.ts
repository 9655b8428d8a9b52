import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { runThrough } from '../core/steps.ts';
import { MemoryLog } from '../discovery/fixtures.suite.ts';
import { driveExchange } from '../testing/drive.ts';
import type { CatalogueModule } from './feed.ts';
import { PluginPool } from './plugin-pool.ts';
import { useKey } from './plugin-uses.ts';
import { catalogued, ManualWheel, pluginServices, unloadable, use } from './runtime.suite.ts';

const answering = (status: number) => ({
  proxy_on_request_headers: `(drop (call $send_local_response (i32.const ${status}) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (i32.const 1)`,
});
const TICKING = '(drop (call $set_tick_period_milliseconds (i32.const 100))) (i32.const 1)';

let wheel: ManualWheel;
let log: MemoryLog;
let pool: PluginPool;

beforeEach(() => {
  wheel = new ManualWheel();
  log = new MemoryLog();
  pool = new PluginPool({ ...pluginServices(wheel), log });
});

const claim = (owner: string, uses: Parameters<ReturnType<PluginPool['begin']>['filters']>[0]) => {
  const claims = pool.begin(owner);
  const filters = claims.filters(uses);
  claims.commit();
  return filters;
};
type Filters = ReturnType<typeof claim>;
const statusOf = async (filter: Filters[number] | undefined) => (await driveExchange([filter!])).response?.status;
const errorOf = async (filter: Filters[number] | undefined) => (await driveExchange([filter!])).error;
const stats = () => pool.reports().map(({ stats }) => stats);

describe('a plugin pool', () => {
  let modules: CatalogueModule[];
  beforeAll(async () => {
    modules = [
      await catalogued('plugin', { callbacks: { proxy_on_request_headers: '(i32.const 0)' } }),
      await catalogued('refusing', { callbacks: { proxy_on_configure: '(i32.const 0)' } }),
      unloadable('missing'),
    ];
  });
  beforeEach(() => {
    for (const module of modules) runThrough(pool.setModule(module));
  });

  const owners = () => pool.reports().map(({ plugin, tenant }) => `${tenant}/${plugin}`);

  it('makes VMs when they are first used, one for equal uses of one tenant, and none for two tenants', async () => {
    const uses = [use('plugin', { v: 1 }), use('plugin', { v: 1 }, { priority: 5 }), use('plugin', { v: 2 })];
    const filters = [...claim('a', uses), ...claim('b', [use('plugin', { v: 1 })])];
    expect(owners()).toEqual(['a/plugin', 'a/plugin', 'b/plugin']);
    expect(stats().map(({ state, starts }) => `${state} ${starts}`)).toEqual(['idle 0', 'idle 0', 'idle 0']);
    for (const filter of filters) expect(await errorOf(filter)).toBeNull();
    expect(stats().map(({ state, starts }) => `${state} ${starts}`)).toEqual(['running 1', 'running 1', 'running 1']);
  });

  it('orders by priority, equal ones as in the file', () => {
    const names = claim('a', [use('plugin', 1), use('missing', 2, { priority: 9 }), use('refusing', 3)]);
    expect(names.map(({ name }) => name)).toEqual(['missing', 'plugin', 'refusing']);
  });

  it('closes what is no longer used, but not before exchanges under way are done with it', async () => {
    const [old] = claim('a', [use('plugin', { v: 1 })]);
    claim('a', [use('plugin', { v: 2 })]);
    expect(owners()).toEqual(['a/plugin']);
    wheel.pass(15_000);
    expect(await errorOf(old)).toBeNull();
    wheel.pass(10_000);
    expect(await errorOf(old)).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(wheel.size).toBe(0);
  });

  it('starts anew what is used again after it was given up', async () => {
    claim('a', [use('plugin')]);
    claim('a', []);
    const [again] = claim('a', [use('plugin')]);
    wheel.pass(30_000);
    expect(await errorOf(again)).toBeNull();
    expect(stats()).toMatchObject([{ state: 'running', starts: 1 }]);
  });

  it('counts on where a use gets another configuration, until the plugin is given up', async () => {
    const exchanges = () => stats().reduce((sum, stat) => sum + stat.exchanges, 0);
    const [old] = claim('a', [use('plugin', { v: 1 })]);
    expect(await errorOf(old)).toBeNull();
    const [next] = claim('a', [use('plugin', { v: 2 })]);
    // One exchange that was under way.
    expect([await errorOf(old), await errorOf(next), exchanges()]).toEqual([null, null, 3]);
    wheel.pass(30_000);
    expect([exchanges(), stats().map(({ instances }) => instances)]).toEqual([3, [1, 0]]);
    claim('a', [use('plugin', { v: 3 })]);
    wheel.pass(30_000);
    expect([exchanges(), stats().length]).toEqual([3, 2]);
    claim('a', [use('missing')]);
    expect(stats()).toEqual([]);
    wheel.pass(30_000);
    expect(stats()).toEqual([]);
  });

  it('gives up what a refused configuration alone had opened', async () => {
    const [served] = claim('a', [use('plugin', { v: 1 })]);
    const claims = pool.begin('a');
    claims.filters([use('plugin', { v: 1 }), use('plugin', { v: 2 })]);
    expect(pool.reports()).toHaveLength(2);
    claims.abandon();
    wheel.pass(30_000);
    expect(await errorOf(served)).toBeNull();
    expect(stats()).toMatchObject([{ state: 'running' }]);
  });

  it('applies the failure policy for a module that is missing or unknown', async () => {
    const [closed, open] = claim('a', [use('missing'), use('never heard of', {}, { onFailure: 'open' })]);
    expect(await errorOf(closed)).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(await statusOf(open)).toBe(200);
    expect(pool.reports()).toEqual([]);
  });

  it('keeps a plugin that does not start, for its uses to fail by their policy', async () => {
    const [closed] = claim('a', [use('refusing')]);
    expect(await errorOf(closed)).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(pool.reports()).toMatchObject([{ plugin: 'refusing', stats: { instances: 0, state: 'waiting' } }]);
  });

  it('ends everything when it is closed, what was given up before included', async () => {
    const [old] = claim('a', [use('plugin', { v: 1 })]);
    const [current] = claim('a', [use('plugin', { v: 2 })]);
    pool.close();
    for (const filter of [old, current]) expect(await errorOf(filter)).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(pool.reports()).toEqual([]);
  });
});

describe('a module that changes', () => {
  it('replaces VMs one by one, and is what later ones are made of', async () => {
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: answering(201) })));
    const [a, b, unused] = claim('a', [use('plugin', 1), use('plugin', 2), use('plugin', 3)]);
    expect([await statusOf(a), await statusOf(b)]).toEqual([201, 201]);
    const steps = pool.setModule(await catalogued('plugin', { callbacks: answering(202) }));
    expect(steps.next().done).toBe(false);
    expect([await statusOf(a), await statusOf(b)]).toEqual([202, 201]);
    runThrough(steps);
    expect([await statusOf(b), await statusOf(unused)]).toEqual([202, 202]);
    expect(stats().map(({ starts, instances }) => [starts, instances])).toEqual([
      [2, 1],
      [2, 1],
      [1, 1],
    ]);
    expect(new Set(pool.reports().map(({ digest }) => digest)).size).toBe(1);
  });

  it('costs nothing when it is the same', async () => {
    const module = await catalogued('plugin', { callbacks: answering(201) });
    runThrough(pool.setModule(module));
    const [filter] = claim('a', [use('plugin')]);
    await statusOf(filter);
    runThrough(pool.setModule({ ...module }));
    expect(stats()).toMatchObject([{ starts: 1 }]);
  });

  it('and does not start leaves the VMs that there are', async () => {
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: answering(201) })));
    const [filter] = claim('a', [use('plugin')]);
    expect(await statusOf(filter)).toBe(201);
    const digest = pool.reports()[0]!.digest;
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: { proxy_on_configure: '(i32.const 0)' } })));
    expect(await statusOf(filter)).toBe(201);
    expect(pool.reports()).toMatchObject([{ digest, stats: { lastFailure: expect.stringContaining('refused') } }]);
    const stays = { level: 'error', message: 'plugin stays with its former module' };
    expect(log.lines).toMatchObject([stays]);
    wheel.pass(LIMITS.pluginBackoffLongestMs + 20);
    expect(log.lines).toMatchObject([stays, stays]);
    pool.close();
    expect(wheel.size).toBe(0);
  });

  it('and starts only at the second try is tried again', async () => {
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: answering(201) })));
    const filters = claim('a', [use('plugin', 1), use('plugin', 2)]);
    for (const filter of filters) await statusOf(filter);
    // What it finds in the shared data is what the first try has left there.
    const reluctant = `(if (result i32)
      (call $get_shared_data (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 68) (i32.const 72))
      (then (drop (call $set_shared_data (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 0)))
        (i32.const 0))
      (else (i32.const 1)))`;
    const callbacks = { ...answering(202), proxy_on_configure: reluctant };
    runThrough(pool.setModule(await catalogued('plugin', { callbacks })));
    expect(await Promise.all(filters.map(statusOf))).toEqual([201, 202]);
    wheel.pass(LIMITS.pluginBackoffLongestMs + 20);
    expect(await Promise.all(filters.map(statusOf))).toEqual([202, 202]);
    expect(wheel.size).toBe(0);
  });

  it('and was missing before serves those who waited for it', async () => {
    runThrough(pool.setModule(unloadable('plugin')));
    const [filter] = claim('a', [use('plugin')]);
    expect(await errorOf(filter)).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: answering(201) })));
    expect(await statusOf(filter)).toBe(201);
  });

  it('and comes after those who use it', async () => {
    const [filter] = claim('a', [use('plugin')]);
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: answering(201) })));
    expect(await statusOf(filter)).toBe(201);
  });
});

describe('a use that wants ticks', () => {
  it('has a VM before anybody asks', async () => {
    runThrough(
      pool.setModule(await catalogued('plugin', { callbacks: { proxy_on_configure: TICKING, proxy_on_tick: '' } })),
    );
    claim('a', [use('plugin', 1), use('plugin', 2)]);
    runThrough(pool.startTicking('a', [useKey(use('plugin', 2)), 'gone\n{}']));
    expect(stats().map(({ state }) => state)).toEqual(['idle', 'running']);
    wheel.pass(150);
    expect(stats().map(({ calls }) => calls)).toEqual([0, 2]);
  });

  it('and does not start is logged, and others start', async () => {
    const picky = '(i32.eq (local.get 1) (i32.const 1))';
    runThrough(pool.setModule(await catalogued('plugin', { callbacks: { proxy_on_configure: picky } })));
    claim('a', [use('plugin', 10), use('plugin', 2)]);
    runThrough(pool.startTicking('a', [useKey(use('plugin', 10)), useKey(use('plugin', 2))]));
    expect(stats().map(({ state }) => state)).toEqual(['waiting', 'running']);
    expect(log.lines).toMatchObject([{ level: 'error' }]);
  });
});
