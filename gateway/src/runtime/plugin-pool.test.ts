import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { driveExchange } from '../testing/drive.ts';
import type { CatalogueModule } from './feed.ts';
import { PluginPool } from './plugin-pool.ts';
import { catalogued, ManualWheel, pluginServices, unloadable, use } from './runtime.suite.ts';

describe('a plugin pool', () => {
  let modules: CatalogueModule[];
  beforeAll(async () => {
    modules = [
      await catalogued('plugin', { callbacks: { proxy_on_request_headers: '(i32.const 0)' } }),
      await catalogued('refusing', { callbacks: { proxy_on_configure: '(i32.const 0)' } }),
      unloadable('missing'),
    ];
  });

  let wheel: ManualWheel;
  let pool: PluginPool;
  beforeEach(() => {
    wheel = new ManualWheel();
    pool = new PluginPool(modules, pluginServices(wheel));
  });

  const claim = (owner: string, uses: Parameters<ReturnType<PluginPool['begin']>['filters']>[0]) => {
    const claims = pool.begin(owner);
    const filters = claims.filters(uses);
    claims.commit();
    return filters;
  };
  const owners = () => pool.reports().map(({ plugin, tenant }) => `${tenant}/${plugin}`);

  it('shares one VM among equal uses of one tenant, and none between tenants', () => {
    claim('a', [use('plugin', { v: 1 }), use('plugin', { v: 1 }, { priority: 5 }), use('plugin', { v: 2 })]);
    claim('b', [use('plugin', { v: 1 })]);
    expect(owners()).toEqual(['a/plugin', 'a/plugin', 'b/plugin']);
    expect(pool.reports().map(({ stats }) => stats.instances)).toEqual([1, 1, 1]);
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
    expect((await driveExchange([old!])).error).toBeNull();
    wheel.pass(10_000);
    expect((await driveExchange([old!])).error).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(wheel.size).toBe(0);
  });

  it('starts anew what is used again after it was given up', () => {
    claim('a', [use('plugin')]);
    claim('a', []);
    claim('a', [use('plugin')]);
    wheel.pass(30_000);
    expect(pool.reports()).toMatchObject([{ stats: { state: 'running', starts: 1 } }]);
  });

  it('gives up what a refused configuration alone had opened', () => {
    claim('a', [use('plugin', { v: 1 })]);
    const claims = pool.begin('a');
    claims.filters([use('plugin', { v: 1 }), use('plugin', { v: 2 })]);
    expect(pool.reports()).toHaveLength(2);
    claims.abandon();
    wheel.pass(30_000);
    expect(pool.reports()).toMatchObject([{ stats: { state: 'running' } }]);
  });

  it('applies the failure policy for a module that is missing or unknown', async () => {
    const [closed, open] = claim('a', [use('missing'), use('never heard of', {}, { onFailure: 'open' })]);
    expect((await driveExchange([closed!])).error).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect((await driveExchange([open!])).response?.status).toBe(200);
  });

  it('keeps a plugin that does not start, for its uses to fail by their policy', async () => {
    const [closed] = claim('a', [use('refusing')]);
    expect((await driveExchange([closed!])).error).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    expect(pool.reports()).toMatchObject([{ plugin: 'refusing', stats: { instances: 0 } }]);
  });

  it('ends everything when it is closed, what was given up before included', async () => {
    const [old] = claim('a', [use('plugin', { v: 1 })]);
    const [current] = claim('a', [use('plugin', { v: 2 })]);
    pool.close();
    for (const filter of [old!, current!]) {
      expect((await driveExchange([filter])).error).toBe('SLUICE_PLUGIN_UNAVAILABLE');
    }
    expect(pool.reports()).toEqual([]);
  });
});
