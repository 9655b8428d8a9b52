import { beforeAll, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { createWasmFilter } from '../filters/wasm-filter.ts';
import { driveExchange } from '../testing/drive.ts';
import type { PluginStats } from '../wasm/plugin-stats.ts';
import { Plugin } from '../wasm/plugin.ts';
import type { PluginVersion } from '../wasm/generation.ts';
import type { PluginText } from '../wasm/wat.suite.ts';
import { versionOf } from './plugin-pool.ts';
import { catalogued, ManualWheel, pluginServices } from './runtime.suite.ts';
import { WorkerRoom } from './vm-room.ts';

async function versionWith(text: PluginText): Promise<PluginVersion> {
  return versionOf(await catalogued('plugin', text), Buffer.from('{}'))!;
}

let passing: PluginVersion;
let holding: PluginVersion;
let ticking: PluginVersion;
/** Takes 4 pages more with each exchange. */
let growing: PluginVersion;
beforeAll(async () => {
  passing = await versionWith({});
  holding = await versionWith({ callbacks: { proxy_on_request_headers: '(i32.const 1)' } });
  growing = await versionWith({
    callbacks: { proxy_on_request_headers: '(drop (memory.grow (i32.const 4))) (i32.const 0)' },
  });
  const tick = '(drop (call $set_tick_period_milliseconds (i32.const 60000))) (i32.const 1)';
  ticking = await versionWith({ callbacks: { proxy_on_configure: tick, proxy_on_tick: '' } });
});

function rig(most: number, ofTenant: number, memory = Number.POSITIVE_INFINITY) {
  const wheel = new ManualWheel();
  const room = new WorkerRoom(wheel, { most, mostOf: () => ofTenant, memoryOf: () => memory });
  const services = { ...pluginServices(wheel), room };
  const plugin = (tenant: string, version = passing) => new Plugin({ name: 'plugin', tenant, version }, services);
  return { wheel, room, plugin };
}

/** Code of the answer to an exchange that needs the plugin; null: it passed. */
async function use(plugin: Plugin): Promise<string | null> {
  return (await driveExchange([createWasmFilter(plugin, { onFailure: 'closed' })])).error;
}

/** An exchange that the plugin holds until its time is up. */
function hold(plugin: Plugin) {
  return driveExchange([createWasmFilter(plugin, { onFailure: 'closed' })]);
}

const states = (plugins: readonly Plugin[]) => plugins.map((plugin) => plugin.stats().state);

describe('room for VMs', () => {
  it('is made by the idle one that was used longest ago', async () => {
    const { room, plugin } = rig(10, 2);
    const [a, b, c] = [plugin('t'), plugin('t'), plugin('t')];
    for (const each of [a, b, a, c]) expect(await use(each)).toBeNull();
    expect(states([a, b, c])).toEqual(['running', 'idle', 'running']);
    expect(room.count).toBe(2);
    expect(await use(b)).toBeNull();
    expect(states([a, b, c])).toEqual(['idle', 'running', 'running']);
    expect(b.stats()).toMatchObject({ starts: 2, evictions: 1, exchanges: 2 } satisfies Partial<PluginStats>);
  });

  it('of one tenant is not that of another', async () => {
    const { plugin } = rig(10, 1);
    const plugins = [plugin('t'), plugin('u'), plugin(''), plugin('')];
    for (const each of plugins) expect(await use(each)).toBeNull();
    expect(states(plugins)).toEqual(plugins.map(() => 'running'));
  });

  it('is there for the worker as a whole', async () => {
    const { plugin, room } = rig(2, 10);
    const plugins = [plugin('t'), plugin('u'), plugin('')];
    for (const each of plugins) expect(await use(each)).toBeNull();
    expect(states(plugins)).toEqual(['idle', 'running', 'running']);
    expect(room.count).toBe(2);
  });

  it('is found with a short look, however many there are', async () => {
    const { plugin, room } = rig(1000, 10);
    const plugins = Array.from({ length: 1000 }, (_, index) => plugin(`t${Math.floor(index / 10)}`));
    for (const each of plugins) each.start();
    const looked = vi.spyOn(Plugin.prototype, 'idle', 'get');
    const looks = async (name: string) => {
      looked.mockClear();
      expect(await use(plugin(name))).toBeNull();
      return looked.mock.calls.length;
    };
    const unused = await looks('u');
    for (const each of plugins) if (each.stats().state === 'running') expect(await use(each)).toBeNull();
    const used = [await looks('v'), await looks('w')];
    looked.mockRestore();
    expect(states(plugins.slice(0, 3))).toEqual(['idle', 'idle', 'running']);
    expect([unused, ...used].filter((count) => count > 500)).toEqual([]);
    expect(room.count).toBe(1000);
  });

  it('is refused while all are busy, and granted afterwards', async () => {
    const { wheel, plugin } = rig(10, 2);
    const [busy, ticks, late] = [plugin('t', holding), plugin('t', ticking), plugin('t')];
    ticks.start();
    const held = hold(busy);
    expect(await use(late)).toBe('SLUICE_PLUGIN_NO_ROOM');
    late.start();
    expect(states([busy, ticks, late])).toEqual(['running', 'running', 'idle']);
    wheel.pass(LIMITS.pluginPauseMs + 100);
    expect((await held).error).toBe('SLUICE_PLUGIN_PAUSE_TIMEOUT');
    expect(await use(late)).toBeNull();
    expect(states([busy, ticks, late])).toEqual(['idle', 'running', 'running']);
  });

  it('is not asked for by a replacement', async () => {
    const { room, plugin } = rig(1, 1);
    const a = plugin('t');
    await use(a);
    a.replace(holding);
    expect([states([a]), room.count]).toEqual([['running'], 1]);
    a.close();
    expect(room.count).toBe(0);
  });
});

describe('memory of a tenant', () => {
  const PAGE = 65_536;

  it('is made free by those that are idle, before one grows or starts', async () => {
    const { plugin } = rig(10, 10, 6 * PAGE);
    const [idle, grows, other] = [plugin('t'), plugin('t', growing), plugin('u')];
    for (const each of [idle, other]) expect(await use(each)).toBeNull();
    expect(await use(grows)).toBeNull();
    expect(states([idle, grows, other])).toEqual(['running', 'running', 'running']);
    expect(await use(grows)).toBe('SLUICE_PLUGIN_FAILED');
    expect(states([idle, other])).toEqual(['idle', 'running']);
    expect(grows.stats()).toMatchObject({ traps: { memory: 1 }, memoryBytes: 0 });
    expect(grows.stats().lastFailure).toContain('more memory than they may');
    expect(await use(grows)).toBeNull();
    expect(await use(idle)).toBeNull();
    expect(grows.stats().memoryBytes + idle.stats().memoryBytes).toBe(6 * PAGE);
  });

  it('is refused to a new VM while all are busy', async () => {
    const { plugin, wheel } = rig(10, 10, 2 * PAGE);
    const [busy, ticks, late, foreign] = [plugin('t', holding), plugin('t', ticking), plugin('t'), plugin('')];
    ticks.start();
    const held = hold(busy);
    expect(await use(late)).toBe('SLUICE_PLUGIN_NO_ROOM');
    expect(await use(foreign)).toBeNull();
    wheel.pass(LIMITS.pluginPauseMs + 100);
    await held;
    expect(await use(late)).toBeNull();
    for (const each of [busy, ticks, late]) each.close();
    expect(await use(plugin('t', growing))).toBe('SLUICE_PLUGIN_FAILED');
  });

  it('does not bound the gateway’s own chain', async () => {
    const { plugin } = rig(10, 10, PAGE);
    const own = plugin('', growing);
    expect(await use(own)).toBeNull();
    expect(own.stats().memoryBytes).toBe(5 * PAGE);
  });
});

describe('a VM that nobody uses', () => {
  it('ends, and comes back with the next exchange', async () => {
    const { wheel, room, plugin } = rig(10, 10);
    const [used, unused, ticks] = [plugin('t'), plugin('t'), plugin('t', ticking)];
    ticks.start();
    await use(used);
    await use(unused);
    wheel.pass(LIMITS.pluginIdleMs + 100);
    await use(used);
    wheel.pass(LIMITS.pluginIdleMs + 100);
    expect(states([used, unused, ticks])).toEqual(['running', 'idle', 'running']);
    expect(await use(unused)).toBeNull();
    for (const each of [used, unused, ticks]) each.close();
    expect([room.count, wheel.size]).toEqual([0, 0]);
  });

  it('ends also where there are many', async () => {
    const { wheel, room, plugin } = rig(1000, 1000);
    const plugins = Array.from({ length: 450 }, () => plugin('t'));
    for (const each of plugins) each.start();
    wheel.pass(LIMITS.pluginIdleMs + 20);
    // A look at so many takes several turns, and the first one only takes note.
    for (let turns = 0; turns < 5; turns++) wheel.pass(20);
    expect(room.count).toBe(450);
    for (let turns = 0; turns < 5; turns++) wheel.pass(turns === 0 ? LIMITS.pluginIdleMs : 20);
    expect([room.count, wheel.size]).toEqual([0, 0]);
  });
});
