import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { MemoryBody } from '../exchange/memory.ts';
import { until } from '../exchange/probes.suite.ts';
import { driveExchange, loadPlugin, type PluginTestHost } from '../testing/index.ts';
import { LogLevel } from '../wasm/abi.ts';
import { NO_CALLOUTS } from '../wasm/callout.ts';
import { systemClock } from '../wasm/host.ts';
import { prepareModule } from '../wasm/module.ts';
import { Plugin } from '../wasm/plugin.ts';
import { SharedDataMemory } from '../wasm/shared-data.ts';
import { assemble, pluginModule } from '../wasm/wat.suite.ts';
import { createWasmFilter } from './wasm-filter.ts';

/** Assertion inside a guest: traps unless both are the same. */
const same = (actual: string, expected: string): string => `(if (i32.ne ${actual} ${expected}) (then (unreachable)))`;
const same64 = (actual: string, expected: string): string => `(if (i64.ne ${actual} ${expected}) (then (unreachable)))`;
const clock = { now: () => 1_700_000_000_123_456_789n, monotonic: () => 42n };

async function expectPasses(host: PluginTestHost): Promise<void> {
  const { error } = await host.exchange();
  expect(error, host.stats.lastFailure).toBeNull();
}

describe('time, metrics and shared data', () => {
  it('work as the ABI says', async () => {
    const body = `
      ${same('(call $get_current_time_nanoseconds (i32.const 8))', '(i32.const 0)')}
      ${same64('(i64.load (i32.const 8))', '(i64.const 1700000000123456789)')}
      ${same('(call $define_metric (i32.const 0) (i32.const 100) (i32.const 4) (i32.const 16))', '(i32.const 0)')}
      ${same('(call $increment_metric (i32.load (i32.const 16)) (i64.const 5))', '(i32.const 0)')}
      ${same('(call $get_metric (i32.load (i32.const 16)) (i32.const 24))', '(i32.const 0)')}
      ${same64('(i64.load (i32.const 24))', '(i64.const 5)')}
      ${same('(call $get_shared_data (i32.const 100) (i32.const 4) (i32.const 32) (i32.const 36) (i32.const 40))', '(i32.const 1)')}
      ${same('(call $set_shared_data (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4) (i32.const 0))', '(i32.const 0)')}
      ${same('(call $get_shared_data (i32.const 100) (i32.const 4) (i32.const 32) (i32.const 36) (i32.const 40))', '(i32.const 0)')}
      ${same('(i32.load (i32.load (i32.const 32)))', '(i32.load (i32.const 100))')}
      ${same('(call $set_shared_data (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 4) (i32.const 99))', '(i32.const 8)')}
      ${same('(call $set_shared_data (i32.const 100) (i32.const 4) (i32.const 100) (i32.const 0) (i32.load (i32.const 40)))', '(i32.const 0)')}
      (i32.const 0)`;
    const text = { callbacks: { proxy_on_request_headers: body }, fields: '(data (i32.const 100) "hits")' };
    const host = await loadPlugin(pluginModule(text), { clock });
    await expectPasses(host);
    expect(host.metrics).toEqual([{ name: 'hits', type: 'counter', value: 5, count: 0 }]);
  });

  it('foreign functions are unknown', async () => {
    const host = await loadPlugin(
      assemble(`(module (import "env" "proxy_call_foreign_function" (func $f (param i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          ${same('(call $f (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))', '(i32.const 1)')}
          (i32.const 0)))`),
    );
    await expectPasses(host);
  });
});

describe('WASI', () => {
  const WASI = 'wasi_snapshot_preview1';
  const module = (wasi: string): Uint8Array =>
    assemble(`(module
      (import "${wasi}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "${wasi}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (import "${wasi}" "random_get" (func $random (param i32 i32) (result i32)))
      (import "${wasi}" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
      (import "${wasi}" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "${wasi}" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
      (import "${wasi}" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (data (i32.const 0) "one\\0atw") (data (i32.const 8) "o\\0athree")
      (data (i32.const 32) "\\00\\00\\00\\00\\06\\00\\00\\00\\08\\00\\00\\00\\07\\00\\00\\00")
      (func (export "_initialize")
        ${same('(call $write (i32.const 1) (i32.const 32) (i32.const 2) (i32.const 64))', '(i32.const 0)')}
        ${same('(i32.load (i32.const 64))', '(i32.const 13)')}
        ${same('(call $write (i32.const 3) (i32.const 32) (i32.const 2) (i32.const 64))', '(i32.const 8)')}
        ${same('(call $write (i32.const 1) (i32.const -8) (i32.const 2) (i32.const 64))', '(i32.const 21)')}
        ${same('(call $clock (i32.const 0) (i64.const 0) (i32.const 64))', '(i32.const 0)')}
        ${same64('(i64.load (i32.const 64))', '(i64.const 1700000000123456789)')}
        ${same('(call $clock (i32.const 1) (i64.const 0) (i32.const 64))', '(i32.const 0)')}
        ${same64('(i64.load (i32.const 64))', '(i64.const 42)')}
        ${same('(call $clock (i32.const 2) (i64.const 0) (i32.const 64))', '(i32.const 58)')}
        ${same('(call $random (i32.const 128) (i32.const 16))', '(i32.const 0)')}
        ${same('(i64.eqz (i64.or (i64.load (i32.const 128)) (i64.load (i32.const 136))))', '(i32.const 0)')}
        ${same('(call $random (i32.const 0) (i32.const 65537))', '(i32.const 28)')}
        ${same('(call $environ (i32.const 64) (i32.const 68))', '(i32.const 0)')}
        ${same64('(i64.load (i32.const 64))', '(i64.const 0)')}
        ${same('(call $poll (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 64))', '(i32.const 0)')}
        ${same('(call $prestat (i32.const 3) (i32.const 64))', '(i32.const 8)')}
        ${same('(call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))', '(i32.const 52)')}))`);

  it.each([WASI, 'wasi_unstable'])('%s serves what compilers link in; output becomes lines', async (wasi) => {
    const host = await loadPlugin(module(wasi), { clock });
    expect(host.logs.filter(({ level }) => level === 'info').map(({ message }) => message)).toEqual([
      'one',
      'two',
      'three',
    ]);
  });
});

describe('a plugin that never lets go', () => {
  let now = 0;
  let wheel: TimerWheel;
  beforeEach(() => {
    now = 0;
    wheel = new TimerWheel(10, () => now);
  });

  async function holding(callbacks: Readonly<Record<string, string>>): Promise<Plugin> {
    const bytes = pluginModule({ callbacks });
    const module = await prepareModule(bytes, { name: 'p', memory: 1 << 20, startFuel: 1000 });
    const fuel = { request: 1000, tick: 1000, configure: 1000 };
    return new Plugin(
      { name: 'p', tenant: 't', version: { module, configuration: Buffer.from('{}'), fuel, bodyLimit: 4 } },
      {
        log: silentLog,
        wheel,
        clock: systemClock,
        sharedData: SharedDataMemory.ofOneThread(),
        callouts: NO_CALLOUTS,
        logLevel: LogLevel.info,
        node: { id: '', cluster: '' },
      },
    );
  }

  const PHASES = ['request_headers', 'request_body', 'request_trailers', 'response_headers', 'response_body'];

  it.each(PHASES.flatMap((phase) => [[phase, 'closed', 503] as const, [phase, 'open', 200] as const]))(
    'of the %s is ended by its failure policy %s',
    async (phase, onFailure, status) => {
      const plugin = await holding({ [`proxy_on_${phase}`]: '(i32.const 1)' });
      const trailers = phase === 'request_trailers' ? { trailers: { 'x-sum': '1' } } : {};
      const filter = createWasmFilter(plugin, { onFailure });
      const outcome = driveExchange([filter], { body: 'abc', ...trailers }, { body: 'def' });
      await until(() => wheel.size === 1);
      now = LIMITS.pluginPauseMs - 20;
      wheel.advance();
      expect(wheel.size).toBe(1);
      now = LIMITS.pluginPauseMs + 20;
      wheel.advance();
      const { response, error } = await outcome;
      expect(response!.status).toBe(status);
      expect(error).toBe(onFailure === 'closed' ? 'SLUICE_PLUGIN_PAUSE_TIMEOUT' : null);
      expect(wheel.size).toBe(0);
    },
  );

  it('is not one that waits for the rest of a body, unless it makes it wait', async () => {
    for (const [result, timers] of [
      [1, 0],
      [2, 1],
    ]) {
      const plugin = await holding({ proxy_on_request_body: `(i32.const ${result})` });
      const source = new MemoryBody();
      source.write(result === 1 ? 'abc' : 'abcd');
      const filter = createWasmFilter(plugin, { onFailure: 'closed' });
      const outcome = driveExchange([filter], {}, {}, (exchange) => {
        exchange.body = source;
      });
      await until(() => plugin.stats().calls > 0);
      expect(wheel.size).toBe(timers);
      source.fail('SLUICE_REQUEST_TIMEOUT');
      await outcome;
      expect(wheel.size).toBe(0);
    }
  });
});
