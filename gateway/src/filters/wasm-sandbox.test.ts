import { describe, expect, it } from 'vitest';
import { type LoadOptions, loadPlugin, type PluginTestHost, TestClock } from '../testing/index.ts';
import { pluginModule, type PluginText } from '../wasm/wat.suite.ts';

function load(text: PluginText, options: LoadOptions = {}): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(text), options);
}

/** Puts the status of a host call into the answer's status: 200 + status. */
const answer = (call: string): string =>
  `(drop (call $send_local_response (i32.add (i32.const 200) ${call}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 0)`;

const property = (path: string): PluginText => ({
  callbacks: {
    proxy_on_request_headers: answer(
      `(call $get_property (i32.const 100) (i32.const ${path.length}) (i32.const 0) (i32.const 4))`,
    ),
  },
  fields: `(data (i32.const 100) "${path}")`,
});

/** Burns about so many instructions. */
const burn = (instructions: number): string =>
  `(local $n i32) (local.set $n (i32.const ${Math.round(instructions / 9)}))
   (loop $more (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $more (i32.gt_s (local.get $n) (i32.const 0))))`;

describe('properties', () => {
  it('that are not allowed are as if they were not there', async () => {
    const open = await load(property('request.path'));
    expect((await open.exchange()).response!.status).toBe(200);
    const closed = await load(property('request.path'), { permissions: { properties: ['response'] } });
    expect((await closed.exchange()).response!.status).toBe(201);
  });
});

describe('the environment', () => {
  const wasi = (name: string): string =>
    `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param i32 i32) (result i32)))`;
  /** Logs what it finds: its size and the second variable. */
  const reading: PluginText = {
    imports: wasi('environ_sizes_get') + wasi('environ_get'),
    callbacks: {
      proxy_on_configure: `(drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
        (drop (call $environ_get (i32.const 16) (i32.const 256)))
        (drop (call $log (i32.const 2) (i32.const 256) (i32.load (i32.const 4))))
        (drop (call $log (i32.const 2) (i32.load (i32.const 20)) (i32.const 3))) (i32.load (i32.const 0))`,
    },
  };

  it('is what the operator gives, and nothing of the gateway', async () => {
    const host = await load(reading, { permissions: { environment: { A: 'one', B: 'zwölf' } } });
    expect(host.logs.map(({ message }) => message)).toEqual(['A=one\0B=zwölf\0', 'B=z']);
  });

  it('is empty by default', async () => {
    await expect(load(reading)).rejects.toThrow(/refused its configuration/);
  });
});

describe('the clock', () => {
  const timing: PluginText = {
    callbacks: {
      proxy_on_request_headers: `(drop (call $get_current_time_nanoseconds (i32.const 0)))
        ${answer('(i32.wrap_i64 (i64.rem_u (i64.div_u (i64.load (i32.const 0)) (i64.const 1000000)) (i64.const 10)))')}`,
    },
  };
  const clock = { now: () => 1_234_567_890_123n, monotonic: () => 5n };

  it('is as precise as the machine’s, or moves in steps', async () => {
    const precise = await load(timing, { clock });
    expect((await precise.exchange()).response!.status).toBe(207);
    const coarse = await load(timing, { clock, permissions: { clock: 'coarse' } });
    expect((await coarse.exchange()).response!.status).toBe(200);
  });
});

describe('budgets by kind', () => {
  const LITTLE = 50_000;
  const kinds: readonly [string, string, string][] = [
    ['requestHeaders', 'proxy_on_request_headers', '(i32.const 0)'],
    ['responseHeaders', 'proxy_on_response_headers', '(i32.const 0)'],
    ['requestBody', 'proxy_on_request_body', '(i32.const 0)'],
    ['responseBody', 'proxy_on_response_body', '(i32.const 0)'],
    ['log', 'proxy_on_log', ''],
  ];
  const exchange = { request: { method: 'POST', body: 'x' }, upstream: { body: 'y' } };

  it.each(kinds)('%s is for %s alone', async (kind, callback, result) => {
    const text = { callbacks: { [callback]: `${burn(LITTLE)} ${result}` } };
    const enough = await load(text, { fuel: { [kind]: 3 * LITTLE, request: 2000, bodyByte: 0 } });
    await enough.exchange(exchange);
    expect(enough.stats.traps.fuel).toBe(0);
    const tooLittle = await load(text, { fuel: { [kind]: LITTLE / 5, bodyByte: 0 } });
    await tooLittle.exchange(exchange);
    expect(tooLittle.stats.traps.fuel).toBe(1);
    expect(tooLittle.logs.find(({ level }) => level === 'error')?.fields).toMatchObject({
      callback,
      cause: 'fuel',
      fuelBudget: LITTLE / 5,
    });
  });

  it('start is baked into the module', async () => {
    const text = { callbacks: { _initialize: burn(LITTLE) } };
    await expect(load(text, { fuel: { start: LITTLE / 5 } })).rejects.toThrow(/_initialize failed.*CPU/);
    expect((await load(text, { fuel: { start: 3 * LITTLE } })).stats.starts).toBe(1);
  });

  it('bodies bring fuel along, for all callbacks together', async () => {
    const size = 20_000;
    const whole = `(if (result i32) (local.get 2) (then ${burn(LITTLE * 6).replace('(local $n i32)', '')} (i32.const 0)) (else (i32.const 1)))`;
    const text = { callbacks: { proxy_on_request_body: `(local $n i32) ${whole}` } };
    const chunks = Array.from({ length: 10 }, () => 'x'.repeat(size / 10));
    const big = { request: { method: 'POST', body: chunks } };
    const paid = await load(text, { fuel: { requestBody: 2000, bodyByte: 40 } });
    expect((await paid.exchange(big)).response!.status).toBe(200);
    expect(paid.stats.traps.fuel).toBe(0);
    const unpaid = await load(text, { fuel: { requestBody: 2000, bodyByte: 1 } });
    expect((await unpaid.exchange(big)).error).toBe('SLUICE_PLUGIN_FAILED');
    expect(unpaid.stats.traps.fuel).toBe(1);
  });
});

describe('the pause of a plugin', () => {
  it('ends after its own time, by its policy, which the log is told of', async () => {
    for (const [onFailure, status] of [
      ['closed', 503],
      ['open', 200],
    ] as const) {
      const clock = new TestClock();
      const host = await load(
        { callbacks: { proxy_on_request_headers: '(i32.const 1)' } },
        { onFailure, clock, pauseMs: 500 },
      );
      let failures = '';
      const done = host.exchange({
        prepare: (exchange) =>
          Object.defineProperty(exchange, 'pluginFailures', {
            get: () => failures,
            set: (value: string) => (failures = value),
          }),
      });
      await clock.advance(499);
      expect(failures).toBe('');
      await clock.advance(1);
      expect((await done).response!.status).toBe(status);
      expect(failures).toBe('plugin:pause');
    }
  });

  it('is the only one of a body that goes on without it', async () => {
    const clock = new TestClock();
    const text = { callbacks: { proxy_on_response_body: '(i32.const 2)' } };
    const host = await load(text, { onFailure: 'open', clock, pauseMs: 500, bodyLimit: 10 });
    const pieces = Array.from({ length: 20 }, () => '0123456789');
    const done = host.exchange({ upstream: { body: pieces } });
    await clock.advance(500);
    expect((await done).response!.body).toBe(pieces.join(''));
    host.close();
  });
});
