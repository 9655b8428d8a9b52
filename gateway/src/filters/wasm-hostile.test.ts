import { describe, expect, it } from 'vitest';
import { loadPlugin, type PluginTestHost, type TestResult } from '../testing/index.ts';
import { assemble, pluginModule, type PluginText } from '../wasm/wat.suite.ts';

const FUEL = { request: 200_000, tick: 200_000, configure: 200_000 };

function load(text: PluginText, onFailure: 'closed' | 'open' = 'closed'): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(text), { fuel: FUEL, memory: 1024 * 1024, onFailure });
}

function expectPolicy(result: TestResult, onFailure: 'closed' | 'open'): void {
  expect(result.response?.status).toBe(onFailure === 'closed' ? 503 : 200);
  expect(result.error).toBe(onFailure === 'closed' ? 'SLUICE_PLUGIN_FAILED' : null);
}

/** Callbacks that do harm only when the request says so; otherwise the plugin behaves. */
const WHEN_ASKED = `(func $asked (result i32)
  (i32.eqz (call $get_header_map_value (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68))))
  (data (i32.const 0) "x-bad")`;
const FOREVER = '(loop (br 0))';

const bodies: Readonly<Record<string, string>> = {
  proxy_on_context_create: `(if (i32.and (i32.ne (local.get 1) (i32.const 0)) (call $asked)) (then ${FOREVER}))`,
  proxy_on_request_headers: `(if (call $asked) (then ${FOREVER})) (i32.const 0)`,
  proxy_on_response_headers: `(if (call $asked) (then ${FOREVER})) (i32.const 0)`,
  proxy_on_done: `(if (call $asked) (then ${FOREVER})) (i32.const 1)`,
  proxy_on_log: `(if (call $asked) (then ${FOREVER}))`,
  proxy_on_delete: `(if (call $asked) (then ${FOREVER}))`,
};
/** Callbacks whose failure comes too late to change the answer. */
const LATE = ['proxy_on_done', 'proxy_on_log', 'proxy_on_delete'];

describe.each(['closed', 'open'] as const)('an endless loop, failure policy %s', (onFailure) => {
  it.each(Object.keys(bodies))('in %s ends that exchange only', async (name) => {
    const host = await load({ callbacks: { [name]: bodies[name]! }, fields: WHEN_ASKED }, onFailure);
    const bystander = await load({ callbacks: { proxy_on_request_headers: '(i32.const 0)' } });
    for (let round = 1; round <= 3; round++) {
      const bad = await host.exchange({ request: { headers: { 'x-bad': '1' } } });
      expectPolicy(bad, LATE.includes(name) ? 'open' : onFailure);
      expect(host.stats.traps.fuel).toBe(round);
      expect(bad.logs.find((line) => line.level === 'error')?.fields).toMatchObject({
        plugin: 'plugin',
        tenant: 'test',
        callback: name,
        cause: 'fuel',
      });
      // Another plugin notices nothing, and the next VM serves as soon as it may be built.
      expect((await bystander.exchange()).response?.status).toBe(200);
      await expect.poll(() => host.exchange().then(() => host.stats.instances), { interval: 20 }).toBe(1);
    }
    expect(host.stats.starts).toBe(4);
  });
});

const request = (body: string, fields = ''): PluginText => ({
  callbacks: { proxy_on_request_headers: body },
  fields,
});
const SOME_HEADER = '(data (i32.const 0) "x-any")';
const any = { request: { headers: { 'x-any': 'some value' } } };

/** Runs a host call in the request callback and answers its status. */
async function statusOf(call: string): Promise<number> {
  const keep = '(drop (call $set_property (i32.const 16) (i32.const 1) (i32.const 32) (i32.const 4)))';
  const host = await load(request(`(i32.store (i32.const 32) ${call}) ${keep} (i32.const 0)`, SOME_HEADER));
  const result = await host.exchange(any);
  expect(result.error).toBeNull();
  return Buffer.from(result.exchange.properties!.values().next().value!).readUInt32LE(0);
}

describe('a host call refuses', () => {
  const OUT = '(i32.const 64) (i32.const 68)';
  it.each<[string, string, number]>([
    ['a name outside memory', `(call $get_header_map_value (i32.const 0) (i32.const -4) (i32.const 5) ${OUT})`, 6],
    ['a name of 4 GiB', `(call $get_header_map_value (i32.const 0) (i32.const 0) (i32.const -1) ${OUT})`, 6],
    [
      'an out slot outside memory',
      '(call $get_header_map_value (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 65533) (i32.const 68))',
      6,
    ],
    ['a map that does not exist', `(call $get_header_map_value (i32.const 8) (i32.const 0) (i32.const 5) ${OUT})`, 2],
    ['a map that is not there yet', `(call $get_header_map_value (i32.const 2) (i32.const 0) (i32.const 5) ${OUT})`, 2],
    ['a header that is not there', `(call $get_header_map_value (i32.const 0) (i32.const 0) (i32.const 4) ${OUT})`, 1],
    ['a log level above critical', '(call $log (i32.const 6) (i32.const 0) (i32.const 1))', 2],
    ['a log line outside memory', '(call $log (i32.const 2) (i32.const 65530) (i32.const 100))', 6],
    ['a body as a buffer', `(call $get_buffer_bytes (i32.const 0) (i32.const 0) (i32.const 9) ${OUT})`, 1],
    ['a buffer that does not exist', `(call $get_buffer_bytes (i32.const 10) (i32.const 0) (i32.const 9) ${OUT})`, 2],
    ['a context that does not exist', '(call $set_effective_context (i32.const 77))', 2],
    ['to be done before the end', '(call $done)', 1],
    ['a stream that does not exist', '(call $continue_stream (i32.const 4))', 2],
    [
      'a status code of an informational answer',
      '(call $send_local_response (i32.const 100) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))',
      2,
    ],
    ['malformed pairs', '(call $set_header_map_pairs (i32.const 0) (i32.const 0) (i32.const 5))', 2],
    ['an unknown metric', '(call $increment_metric (i32.const 9) (i64.const 1))', 1],
    [
      'a callout without a head',
      '(call $http_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))',
      2,
    ],
  ])('%s', async (_name, body, status) => {
    expect(await statusOf(body)).toBe(status);
  });
});

describe('floods are bounded', () => {
  it('of log lines', async () => {
    const text = request(
      `(loop (drop (call $log (i32.const 2) (i32.const 0) (i32.const 5))) (br 0)) (i32.const 0)`,
      SOME_HEADER,
    );
    const host = await load(text, 'open');
    for (let i = 0; i < 5; i++) await host.exchange();
    expect(host.logs.filter((line) => line.message === 'x-any').length).toBeLessThanOrEqual(200);
    expect(host.stats.logLinesDropped).toBeGreaterThan(100);
  });

  it('of headers', async () => {
    const text = request(
      `(loop (br_if 0 (i32.eqz (call $add_header_map_value (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 60000))))) (i32.const 0)`,
      `${SOME_HEADER} (func $fill (memory.fill (i32.const 0) (i32.const 0x61) (i32.const 65536))) (start $fill)`,
    );
    const host = await loadPlugin(pluginModule(text));
    const { request: seen } = await host.exchange();
    expect(JSON.stringify(seen!.headers).length).toBeLessThan(300_000);
  });

  it('of properties, metrics and shared data', async () => {
    const key = '(i32.store (i32.const 8) (global.get $n)) (global.set $n (i32.add (global.get $n) (i32.const 1)))';
    const fields = '(global $n (mut i32) (i32.const 0))';
    const body = `(loop ${key}
      (drop (call $set_property (i32.const 8) (i32.const 4) (i32.const 0) (i32.const 4000)))
      (drop (call $define_metric (i32.const 0) (i32.const 8) (i32.const 4) (i32.const 16)))
      (drop (call $set_shared_data (i32.const 8) (i32.const 4) (i32.const 0) (i32.const 4000) (i32.const 0)))
      (br_if 0 (i32.lt_u (global.get $n) (i32.const 1000)))) (i32.const 0)`;
    const host = await loadPlugin(pluginModule(request(body, fields)), { fuel: { request: 100_000_000 } });
    const { exchange, error } = await host.exchange();
    expect(error).toBeNull();
    expect(exchange.properties!.size).toBeLessThanOrEqual(16);
    expect(host.metrics.length).toBeLessThanOrEqual(256);
  });
});

describe('imports that nobody knows', () => {
  it('are stubs, even with names that would bend an object', async () => {
    const bytes =
      assemble(`(module (import "__proto__" "polluted" (func $a (result i32))) (import "env" "__proto__" (func $b (result i32)))
      (import "env" "proxy_new_thing" (func $c (result i32))) (import "wasi_snapshot_preview1" "path_link" (func $d (result i32)))
      (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (i32.add (i32.add (call $a) (call $b)) (i32.add (call $c) (call $d))) (i32.const 88)) (then (unreachable))) (i32.const 0)))`);
    const host = await loadPlugin(bytes);
    expect((await host.exchange()).error).toBeNull();
    expect(host.logs[0]).toMatchObject({
      level: 'warn',
      fields: {
        imports: ['__proto__.polluted', 'env.__proto__', 'env.proxy_new_thing', 'wasi_snapshot_preview1.path_link'],
      },
    });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
