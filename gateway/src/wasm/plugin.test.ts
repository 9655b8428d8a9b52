import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { NO_CALLOUTS } from './callout.ts';
import type { Context } from './context.ts';
import type { Generation, PluginVersion } from './generation.ts';
import { Action, type ContextHost, systemClock } from './host.ts';
import { prepareModule } from './module.ts';
import { Plugin } from './plugin.ts';
import { SharedDataMemory } from './shared-data.ts';
import { pluginModule, type PluginText } from './wat.suite.ts';

/** Time that moves when the test says so. */
class TestTime {
  now = 0;
  readonly wheel = new TimerWheel(10, () => this.now);

  pass(ms: number): void {
    this.now += ms;
    this.wheel.advance();
  }
}

interface Bench {
  readonly plugin: Plugin;
  readonly time: TestTime;
  readonly lines: string[];
}

async function version(text: PluginText, configuration = '{}'): Promise<PluginVersion> {
  const module = await prepareModule(pluginModule(text), { name: 't', memory: 1 << 20, startFuel: 100_000 });
  const fuel = { request: 100_000, tick: 100_000, configure: 100_000 };
  return { module, configuration: Buffer.from(configuration), fuel, bodyLimit: 1024 * 1024 };
}

async function bench(text: PluginText, sharedData = SharedDataMemory.ofOneThread()): Promise<Bench> {
  const lines: string[] = [];
  const add = (_fields: unknown, message: string): void => void lines.push(message);
  const log: Log = { debug: add, info: add, warn: add, error: add };
  const time = new TestTime();
  const services = {
    log,
    wheel: time.wheel,
    clock: systemClock,
    sharedData,
    callouts: NO_CALLOUTS,
    logLevel: 2,
    node: { id: 'n', cluster: 'c' },
  };
  return { plugin: new Plugin({ name: 'p', tenant: 't', version: await version(text) }, services), time, lines };
}

/** An exchange that only ends. */
class Stream implements ContextHost {
  readonly origin = null;
  readonly stream = null;
  readonly generation: Generation;
  readonly context: Context | null;
  failed = false;

  constructor(plugin: Plugin) {
    this.generation = plugin.acquire()!;
    this.context = this.generation.openStream(this);
  }

  headerMap(): null {
    return null;
  }

  buffer(): null {
    return null;
  }

  getProperty(): null {
    return null;
  }

  setProperty(): void {}

  addTime(): void {}

  onActions(actions: number): void {
    if ((actions & Action.done) !== 0) this.generation.completeStream(this.context!);
  }

  onVmFailed(): void {
    this.failed = true;
  }

  end(): void {
    this.generation.closeStream(this.context!);
  }
}

const say = (text: string): string =>
  `(i32.store8 (i32.const 0) (i32.const ${text.charCodeAt(0)})) (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))`;

/** Logs one letter per callback; every export there is. */
const TALKER: PluginText = {
  callbacks: {
    proxy_on_context_create: `(if (local.get 1) (then ${say('c')}) (else ${say('C')}))`,
    proxy_on_vm_start: `${say('V')} (i32.const 1)`,
    proxy_on_configure: `${say('G')} (i32.const 1)`,
    proxy_on_tick: say('T'),
    proxy_on_done: `(if (i32.eq (local.get 0) (i32.const 1)) (then ${say('D')}) (else ${say('d')})) (i32.const 1)`,
    proxy_on_log: say('l'),
    proxy_on_delete: `(if (i32.eq (local.get 0) (i32.const 1)) (then ${say('X')}) (else ${say('x')}))`,
  },
};

describe('the life of a plugin', () => {
  it('calls everything in order, and log only for streams', async () => {
    const { plugin, lines } = await bench(TALKER);
    plugin.start();
    const stream = new Stream(plugin);
    stream.end();
    plugin.close();
    expect(lines.join('')).toBe('CVGcdlxDX');
    expect(plugin.stats()).toMatchObject({ state: 'closed', instances: 0, memoryBytes: 0, exchanges: 1, starts: 1 });
  });

  it('makes its VM on first use when nobody started it', async () => {
    const { plugin } = await bench(TALKER);
    expect(plugin.stats()).toMatchObject({ state: 'idle', instances: 0 });
    expect(plugin.acquire()).not.toBeNull();
    expect(plugin.stats()).toMatchObject({ state: 'running', instances: 1, memoryBytes: 65_536 });
  });

  it('numbers contexts from 1 and never twice', async () => {
    const { plugin } = await bench({});
    const streams = [1, 2, 3].map(() => new Stream(plugin));
    expect(streams.map(({ context }) => context!.id)).toEqual([2, 3, 4]);
    for (const stream of streams) stream.end();
    expect(new Stream(plugin).context!.id).toBe(5);
  });

  it('lets streams finish on the old VM when it is replaced', async () => {
    const { plugin, lines } = await bench(TALKER);
    const old = new Stream(plugin);
    plugin.replace(await version(TALKER, '{"new":1}'));
    const young = new Stream(plugin);
    expect(young.generation).not.toBe(old.generation);
    expect(plugin.stats().instances).toBe(2);
    lines.length = 0;
    old.end();
    expect(lines.join('')).toBe('dlxDX');
    expect(plugin.stats().instances).toBe(1);
    expect(Buffer.from(young.generation.configuration).toString()).toBe('{"new":1}');
  });

  it('stays as it was when the new version does not start', async () => {
    const { plugin } = await bench(TALKER);
    const before = plugin.acquire();
    const refusing = await version({ callbacks: { proxy_on_configure: '(i32.const 0)' } });
    expect(() => plugin.replace(refusing)).toThrow(
      expect.objectContaining({ code: 'SLUICE_PLUGIN_START_FAILED' } satisfies Partial<GatewayError>),
    );
    expect(plugin.acquire()).toBe(before);
    expect(plugin.stats()).toMatchObject({ state: 'running', failures: 0, instances: 1 });
  });

  it('drops a replaced VM whose streams never end, after a while', async () => {
    const { plugin, time } = await bench(TALKER);
    const old = new Stream(plugin);
    plugin.replace(await version(TALKER));
    for (let waited = 0; waited <= LIMITS.pluginRetireMs; waited += 10_000) time.pass(10_000);
    expect(old.failed).toBe(true);
    expect(plugin.stats().instances).toBe(1);
    old.end();
  });

  it('leaves no timer behind', async () => {
    const ticking = `(drop (call $set_tick_period_milliseconds (i32.const 50))) (i32.const 1)`;
    const { plugin, time } = await bench({ callbacks: { ...TALKER.callbacks, proxy_on_vm_start: ticking } });
    plugin.start();
    new Stream(plugin).end();
    plugin.replace(await version(TALKER));
    plugin.close();
    expect(time.wheel.size).toBe(0);
  });
});

describe('done', () => {
  const LATER: PluginText = {
    callbacks: {
      ...TALKER.callbacks,
      proxy_on_done: `(global.set $last (local.get 0)) (i32.const 0)`,
      proxy_on_tick: `(drop (call $set_effective_context (global.get $last))) (drop (call $done))`,
      proxy_on_vm_start: '(drop (call $set_tick_period_milliseconds (i32.const 100))) (i32.const 1)',
    },
    fields: '(global $last (mut i32) (i32.const 0))',
  };

  it('may come later: log and delete wait for it', async () => {
    const { plugin, time, lines } = await bench(LATER);
    new Stream(plugin).end();
    expect(lines.join('')).toBe('CGc');
    time.pass(120);
    expect(lines.join('')).toBe('CGclx');
    time.pass(LIMITS.pluginDoneMs + 100);
    expect(lines.join('')).toBe('CGclx');
  });

  it('is not waited for without end', async () => {
    const { plugin, time, lines } = await bench({ callbacks: { ...TALKER.callbacks, proxy_on_done: '(i32.const 0)' } });
    new Stream(plugin).end();
    expect(lines.join('')).toBe('CVGc');
    time.pass(LIMITS.pluginDoneMs + 20);
    expect(lines.join('')).toBe('CVGclx');
    plugin.close();
    time.pass(LIMITS.pluginDoneMs + 20);
    expect(lines.join('')).toBe('CVGclxX');
    expect(plugin.stats().instances).toBe(0);
    expect(time.wheel.size).toBe(0);
  });
});

describe('ticks', () => {
  it('come once a period, never faster than the limit, and stop when asked', async () => {
    const period = `(drop (call $set_tick_period_milliseconds (i32.const 1))) (i32.const 1)`;
    const tick = `${say('T')} (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (if (i32.eq (global.get $n) (i32.const 3)) (then (drop (call $set_tick_period_milliseconds (i32.const 0)))))`;
    const { plugin, time, lines } = await bench({
      callbacks: { proxy_on_configure: period, proxy_on_tick: tick },
      fields: '(global $n (mut i32) (i32.const 0))',
    });
    plugin.start();
    time.pass(5);
    expect(lines.join('')).toBe('');
    time.pass(15);
    expect(lines.join('')).toBe('T');
    time.pass(1000);
    expect(lines.join('')).toBe('TT');
    for (let i = 0; i < 5; i++) time.pass(20);
    expect(lines.join('')).toBe('TTT');
    expect(time.wheel.size).toBe(0);
  });

  it('that fail end the VM; the next use makes another', async () => {
    const { plugin, time } = await bench({
      callbacks: {
        proxy_on_configure: '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
        proxy_on_tick: '(loop (br 0))',
      },
    });
    plugin.start();
    const stream = new Stream(plugin);
    time.pass(30);
    expect(stream.failed).toBe(true);
    expect(plugin.stats()).toMatchObject({ state: 'waiting', instances: 0, traps: { fuel: 1 } });
    stream.end();
    expect(plugin.acquire()).not.toBeNull();
  });
});

describe('a plugin that keeps failing', () => {
  it('is broken after some failures, and recovers', async () => {
    const { plugin } = await bench({
      callbacks: { proxy_on_context_create: '(if (local.get 1) (then (unreachable)))' },
    });
    for (let i = 0; i < LIMITS.pluginBreakerFailures; i++) {
      await expect.poll(() => plugin.acquire() !== null, { interval: 5 }).toBe(true);
      expect(new Stream(plugin).context).toBeNull();
    }
    expect(plugin.stats()).toMatchObject({ state: 'broken', traps: { trap: LIMITS.pluginBreakerFailures } });
    expect(plugin.acquire()).toBeNull();
    plugin.replace(await version(TALKER));
    expect(plugin.stats().state).toBe('idle');
    for (let i = 0; i < 3; i++) new Stream(plugin).end();
    expect(plugin.stats().state).toBe('running');
  });

  it('does not wait after failures between much good service', async () => {
    const fail = '(if (i32.eq (i32.rem_u (local.get 0) (i32.const 200)) (i32.const 199)) (then (unreachable)))';
    const { plugin } = await bench({ callbacks: { proxy_on_delete: fail } });
    for (let i = 0; i < 1000; i++) new Stream(plugin).end();
    expect(plugin.stats().traps.trap).toBeGreaterThan(3);
    expect(plugin.stats().state).toBe('running');
  });

  it('that refuses its configuration from the start says so once per try', async () => {
    const { plugin, lines } = await bench({ callbacks: { proxy_on_configure: '(i32.const 0)' } });
    expect(() => plugin.start()).toThrow(/refused its configuration/);
    expect(plugin.acquire()).toBeNull();
    expect(plugin.stats().failures).toBe(2);
    expect(plugin.acquire()).toBeNull();
    expect(lines.filter((line) => line.includes('refused'))).toHaveLength(2);
  });
});

describe('shared data', () => {
  it('outlives the VM', async () => {
    const store = SharedDataMemory.ofOneThread();
    const text: PluginText = {
      callbacks: {
        proxy_on_configure: `
          (if (call $get_shared_data (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 68) (i32.const 72))
            (then (drop (call $set_shared_data (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 0))))
            (else ${say('K')})) (i32.const 1)`,
      },
    };
    const { plugin, lines } = await bench(text, store);
    plugin.start();
    expect(lines).toEqual([]);
    plugin.replace(await version(text));
    expect(lines).toEqual(['K']);
  });
});
