import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { NO_CALLOUTS } from './callout.ts';
import type { CpuShare } from './cpu-share.ts';
import { systemClock } from './host.ts';
import { Plugin, type PluginServices } from './plugin.ts';
import { TestExchange, versionOf } from './plugin-rig.suite.ts';
import { SharedDataMemory } from './shared-data.ts';
import type { PluginText } from './wat.suite.ts';

interface Rig {
  readonly plugin: Plugin;
  readonly pass: (ms: number) => void;
  readonly errors: string[];
}

async function rig(text: PluginText, recycleBytes?: number, more: Partial<PluginServices> = {}): Promise<Rig> {
  const clock = { now: 0 };
  const wheel = new TimerWheel(10, () => clock.now);
  const errors: string[] = [];
  const add = (_fields: unknown, message: string): void => void errors.push(message);
  const services: PluginServices = {
    log: { ...silentLog, warn: add, error: add },
    wheel,
    clock: systemClock,
    sharedData: SharedDataMemory.ofOneThread(),
    callouts: NO_CALLOUTS,
    logLevel: 2,
    node: { id: 'n', cluster: 'c' },
    ...more,
  };
  const version = { ...(await versionOf(text)), ...(recycleBytes === undefined ? {} : { recycleBytes }) };
  const pass = (ms: number): void => {
    // In steps, since what a timer does may set the next one.
    for (let rest = ms; rest > 0; rest -= 100) {
      clock.now += Math.min(rest, 100);
      wheel.advance();
    }
  };
  return { plugin: new Plugin({ name: 'p', tenant: 't', version }, services), pass, errors };
}

const TICKS = '(drop (call $set_tick_period_milliseconds (i32.const 20))) (i32.const 1)';
const LEAKS: PluginText = {
  callbacks: { proxy_on_request_headers: '(drop (memory.grow (i32.const 8))) (i32.const 0)' },
};
const PAGE = 65_536;

/** A share that the test says is used up. */
class TestShare implements CpuShare {
  exhausted = false;
  overdrawn = false;
  spent = 0;

  spend(fuel: number): void {
    this.spent += fuel;
  }
}

describe('a VM that ticks and dies', () => {
  const text: PluginText = {
    callbacks: { proxy_on_configure: TICKS, proxy_on_tick: '', proxy_on_request_headers: '(unreachable)' },
  };

  it('is built anew by itself, without an exchange', async () => {
    const { plugin, pass } = await rig(text);
    plugin.start();
    new TestExchange(plugin).begin();
    expect(plugin.stats()).toMatchObject({ instances: 0, starts: 1, traps: { trap: 1 } });
    pass(LIMITS.pluginBackoffMs + 20);
    expect(plugin.stats()).toMatchObject({ instances: 1, starts: 2 });
    expect(plugin.ticks).toBe(true);
  });

  it('stays away when the plugin is closed meanwhile', async () => {
    const { plugin, pass } = await rig(text);
    plugin.start();
    new TestExchange(plugin).begin();
    plugin.close();
    pass(LIMITS.pluginBackoffLongestMs);
    expect(plugin.stats()).toMatchObject({ state: 'closed', instances: 0, starts: 1 });
  });

  it('waits until there is time for it', async () => {
    const share = new TestShare();
    const { plugin, pass } = await rig(text, undefined, { cpuOf: () => share });
    plugin.start();
    new TestExchange(plugin).begin();
    share.exhausted = true;
    pass(2000);
    expect(plugin.stats().instances).toBe(0);
    share.exhausted = false;
    pass(200);
    expect(plugin.stats().instances).toBe(1);
  });

  it('is not missed when it did not tick', async () => {
    const { plugin, pass } = await rig({ callbacks: { proxy_on_request_headers: '(unreachable)' } });
    new TestExchange(plugin).begin();
    pass(LIMITS.pluginBackoffLongestMs);
    expect(plugin.stats()).toMatchObject({ instances: 0, starts: 1 });
  });
});

describe('a VM that has grown', () => {
  it('is dropped when it is idle, and memory with it', async () => {
    const { plugin, pass } = await rig(LEAKS, 4 * PAGE);
    const exchange = new TestExchange(plugin);
    exchange.begin();
    expect(plugin.stats().memoryBytes).toBe(9 * PAGE);
    exchange.end();
    expect(plugin.stats().instances).toBe(1);
    pass(LIMITS.pluginRecycleMs + 200);
    expect(plugin.stats()).toMatchObject({ instances: 0, recycles: 1, evictions: 0, failures: 0 });
    new TestExchange(plugin).end();
    expect(plugin.stats()).toMatchObject({ memoryBytes: PAGE, starts: 2 });
  });

  it('is replaced while it is in use; exchanges end on it', async () => {
    const { plugin, pass } = await rig(LEAKS, 4 * PAGE);
    const first = new TestExchange(plugin);
    first.begin();
    const second = new TestExchange(plugin);
    first.end();
    pass(LIMITS.pluginRecycleMs + 200);
    expect(plugin.stats()).toMatchObject({ instances: 2, recycles: 1 });
    expect(new TestExchange(plugin).generation).not.toBe(second.generation);
    second.end();
    expect(second.failed).toBe(false);
    expect(plugin.stats().instances).toBe(1);
  });

  it('is left alone below the threshold, and when it was born so large', async () => {
    for (const [memory, threshold] of [
      ['1', 10 * PAGE],
      ['12', 4 * PAGE],
    ] as const) {
      const { plugin, pass } = await rig({ memory }, threshold);
      new TestExchange(plugin).end();
      pass(LIMITS.pluginRecycleMs + 200);
      expect(plugin.stats()).toMatchObject({ instances: 1, recycles: 0 });
    }
  });

  it('stays when a new one does not start', async () => {
    // It configures itself once only: shared data remembers.
    const once = `(if (result i32) (i32.eqz (call $get_shared_data (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 12) (i32.const 16)))
      (then (i32.const 0)) (else (drop (call $set_shared_data (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))) (i32.const 1)))`;
    const { plugin, pass, errors } = await rig(
      { callbacks: { ...LEAKS.callbacks, proxy_on_configure: once } },
      4 * PAGE,
    );
    const exchange = new TestExchange(plugin);
    exchange.begin();
    new TestExchange(plugin).end();
    pass(LIMITS.pluginRecycleMs + 200);
    expect(errors.join()).toContain('keeps its instance');
    expect(plugin.stats()).toMatchObject({ instances: 1, recycles: 0, state: 'running' });
    exchange.end();
    expect(exchange.failed).toBe(false);
  });

  it('can ask for it, but not again and again', async () => {
    const { plugin, pass } = await rig({});
    for (let i = 0; i < 100; i++) {
      const exchange = new TestExchange(plugin);
      exchange.generation.rebuildWhenIdle();
      exchange.end();
      pass(50);
    }
    expect(plugin.stats()).toMatchObject({ starts: 1 });
    pass(LIMITS.pluginRecycleMs);
    new TestExchange(plugin).end();
    expect(plugin.stats()).toMatchObject({ starts: 2, recycles: 1 });
  });
});

describe('a tenant that has used up its time', () => {
  it('gets no VM, with a code of its own, and no ticks', async () => {
    const share = new TestShare();
    const { plugin, pass } = await rig({ callbacks: { proxy_on_configure: TICKS, proxy_on_tick: '' } }, undefined, {
      cpuOf: (tenant) => (tenant === 't' ? share : null),
    });
    plugin.start();
    pass(100);
    expect(share.spent).toBe(plugin.stats().fuel);
    const { calls } = plugin.stats();
    share.exhausted = true;
    expect(plugin.acquire()).toBeNull();
    expect(plugin.refusal).toBe('SLUICE_PLUGIN_CPU_EXHAUSTED');
    pass(1000);
    expect(plugin.stats()).toMatchObject({ calls, instances: 1, refusals: { cpu: 1, unavailable: 0 } });
    share.exhausted = false;
    pass(100);
    expect(plugin.stats().calls).toBeGreaterThan(calls);
    expect(plugin.acquire()).not.toBeNull();
  });
});
