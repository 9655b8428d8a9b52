import { describe, expect, it } from 'vitest';
import { loadPlugin, type PluginTestHost, TestClock } from '../testing/index.ts';
import { GuestTexts, NO_BYTES, OUT, RESULT } from '../wasm/guest-script.suite.ts';
import { pluginModule, type PluginText } from '../wasm/wat.suite.ts';

function load(text: PluginText, config?: unknown): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(text), { config });
}

const REQUEST = '(i32.const 0)';
const RESPONSE = '(i32.const 2)';

/** Copies a property into a request header. */
function copyProperty(t: GuestTexts, property: string, header: string): string {
  return `(if (i32.eqz (call $get_property ${t.of(property)} ${OUT}))
    (then (drop (call $replace_header_map_value ${REQUEST} ${t.of(header)} ${RESULT}))))`;
}

function reply(t: GuestTexts, status: number, body: string, ...headers: string[]): string {
  return `(drop (call $send_local_response (i32.const ${status}) ${t.of('plugin said no')} ${body === '' ? NO_BYTES : t.of(body)}
    ${headers.length === 0 ? NO_BYTES : t.pairs(...headers)} (i32.const -1)))`;
}

describe('request headers', () => {
  it('are read, added, replaced and removed, whatever their case', async () => {
    const t = new GuestTexts();
    const body = `
      (drop (call $get_header_map_value ${REQUEST} ${t.of('X-One')} ${OUT}))
      (drop (call $add_header_map_value ${REQUEST} ${t.of('x-copy')} ${RESULT}))
      (drop (call $replace_header_map_value ${REQUEST} ${t.of('X-Two')} ${t.of('new')}))
      (drop (call $remove_header_map_value ${REQUEST} ${t.of('x-three')}))
      (i32.const 0)`;
    const host = await load({ callbacks: { proxy_on_request_headers: body }, fields: t.fields });
    const headers = [
      ['x-ONE', 'caf\xe9'],
      ['x-two', 'a'],
      ['x-two', 'b'],
      ['x-three', 'c'],
    ] as const;
    const { request } = await host.exchange({ request: { headers } });
    expect(request!.headers).toEqual({ 'x-one': 'caf\xe9', 'x-two': 'new', 'x-copy': 'caf\xe9' });
  });

  it('include pseudo headers, which change the exchange', async () => {
    const t = new GuestTexts();
    const body = `
      (drop (call $get_header_map_value ${REQUEST} ${t.of(':path')} ${OUT}))
      (drop (call $add_header_map_value ${REQUEST} ${t.of('x-path')} ${RESULT}))
      (drop (call $get_header_map_value ${REQUEST} ${t.of('host')} ${OUT}))
      (drop (call $add_header_map_value ${REQUEST} ${t.of('x-host')} ${RESULT}))
      (drop (call $replace_header_map_value ${REQUEST} ${t.of(':path')} ${t.of('/new?q=1')}))
      (drop (call $replace_header_map_value ${REQUEST} ${t.of(':method')} ${t.of('PUT')}))
      (drop (call $replace_header_map_value ${REQUEST} ${t.of('host')} ${t.of('other.example.com')}))
      (i32.const 0)`;
    const host = await load({ callbacks: { proxy_on_request_headers: body }, fields: t.fields });
    const { request } = await host.exchange({ request: { path: '/old', headers: { Host: 'a.example.com' } } });
    expect(request).toEqual({
      method: 'PUT',
      path: '/new?q=1',
      authority: 'other.example.com',
      headers: { host: 'other.example.com', 'x-path': '/old', 'x-host': 'a.example.com' },
      body: '',
    });
  });

  it('round-trip as pairs: pseudo headers first, order and repeats kept', async () => {
    const body = `
      (drop (call $get_header_map_pairs ${REQUEST} ${OUT}))
      (drop (call $set_property (i32.const 64) (i32.const 1) ${RESULT}))
      (if (call $set_header_map_pairs ${REQUEST} ${RESULT}) (then (unreachable)))
      (i32.const 0)`;
    const host = await load({ callbacks: { proxy_on_request_headers: body } });
    const headers = [
      ['X-A', '1'],
      ['Host', 'a.example.com'],
      ['x-b', ''],
      ['X-A', '2'],
      ['Content-Length', '3'],
    ] as const;
    const { request, exchange } = await host.exchange({ request: { method: 'POST', headers, body: 'abc' } });
    expect(request!.headers).toEqual({ host: 'a.example.com', 'content-length': '3', 'x-a': '1, 2', 'x-b': '' });
    const seen = Buffer.from(exchange.properties!.values().next().value!);
    expect(seen.readUInt32LE(0)).toBe(8);
    expect(seen.toString('latin1')).toContain(
      ':method\0POST\0:path\0/\0:authority\0a.example.com\0:scheme\0http\0x-a\x001\0',
    );
  });

  it('keep pseudo headers and framing that an assigned set leaves out', async () => {
    const t = new GuestTexts();
    const pairs = t.pairs('x-new', '1', 'content-length', '999', ':path', '/p');
    const host = await load({
      callbacks: { proxy_on_request_headers: `(call $set_header_map_pairs ${REQUEST} ${pairs})` },
      fields: t.fields,
    });
    const sent = { method: 'POST', headers: { 'x-old': '1', 'content-length': '3' }, body: 'abc' };
    const { request } = await host.exchange({ request: sent });
    expect(request).toMatchObject({ method: 'POST', path: '/p' });
    expect(request!.headers).toEqual({ 'content-length': '3', 'x-new': '1' });
  });

  it('cannot change framing or connection', async () => {
    const t = new GuestTexts();
    const names = ['content-length', 'Transfer-Encoding', 'connection', 'upgrade'];
    const calls = names.map(
      (name) => `(if (call $replace_header_map_value ${REQUEST} ${t.of(name)} ${t.of('0')}) (then (unreachable)))
      (if (call $add_header_map_value ${REQUEST} ${t.of(name)} ${t.of('1')}) (then (unreachable)))
      (if (call $remove_header_map_value ${REQUEST} ${t.of(name)}) (then (unreachable)))`,
    );
    const callbacks = { proxy_on_request_headers: `${calls.join('')} (i32.const 0)` };
    const host = await load({ callbacks, fields: t.fields });
    const sent = { method: 'POST', headers: { 'Content-Length': '3' }, body: 'abc' };
    expect((await host.exchange({ request: sent })).request!.headers).toEqual({ 'content-length': '3' });
  });

  it('change nothing when one of an assigned set is refused', async () => {
    const t = new GuestTexts();
    const pairs = t.pairs('x-new', '1', 'x-bad', 'a\r\nb');
    const host = await load({
      callbacks: { proxy_on_request_headers: `(drop (call $set_header_map_pairs ${REQUEST} ${pairs})) (i32.const 0)` },
      fields: t.fields,
    });
    const { request } = await host.exchange({ request: { headers: { 'x-old': '1' } } });
    expect(request!.headers).toEqual({ 'x-old': '1' });
  });

  it('answer OK and nothing for an absent header to guests of 0.1.0', async () => {
    const t = new GuestTexts();
    const body = `(if (call $get_header_map_value ${REQUEST} ${t.of('x-none')} ${OUT}) (then (unreachable)))
      (i32.load (i32.const 68))`;
    const marker = 'proxy_abi_version_0_1_0';
    const host = await load({ callbacks: { proxy_on_request_headers: body }, fields: t.fields, marker });
    expect((await host.exchange()).error).toBeNull();
  });
});

describe('response headers', () => {
  it('are changed, :status included; request headers are readable but not writable', async () => {
    const t = new GuestTexts();
    const body = `
      (drop (call $get_header_map_value ${REQUEST} ${t.of('x-in')} ${OUT}))
      (drop (call $add_header_map_value ${RESPONSE} ${t.of('x-out')} ${RESULT}))
      (drop (call $replace_header_map_value ${RESPONSE} ${t.of(':status')} ${t.of('418')}))
      (if (i32.ne (call $add_header_map_value ${REQUEST} ${t.of('x-late')} ${RESULT}) (i32.const 2)) (then (unreachable)))
      (i32.const 0)`;
    const request = `(drop (call $get_header_map_value ${REQUEST} ${t.of('x-in')} ${OUT})) (i32.const 0)`;
    const host = await load({
      callbacks: { proxy_on_request_headers: request, proxy_on_response_headers: body },
      fields: t.fields,
    });
    const { response, error } = await host.exchange({
      request: { headers: { 'x-in': 'v' } },
      upstream: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'hello' },
    });
    expect(error).toBeNull();
    const headers = { 'content-length': '5', 'content-type': 'text/plain', 'x-out': 'v' };
    expect(response).toEqual({ status: 418, headers, body: 'hello' });
  });
});

describe('a local response', () => {
  it('answers in place of the upstream, even if the callback continues, and passes its own response callback', async () => {
    const t = new GuestTexts();
    const callbacks = {
      proxy_on_request_headers: `${reply(t, 401, 'denied', 'www-authenticate', 'Key', ':status', '200')} (i32.const 0)`,
      proxy_on_response_headers: `(drop (call $add_header_map_value ${RESPONSE} ${t.of('x-seen')} ${t.of('yes')})) (i32.const 0)`,
    };
    const host = await load({ callbacks, fields: t.fields });
    const { request, response, exchange } = await host.exchange();
    expect(request).toBeNull();
    expect(response).toEqual({
      status: 401,
      headers: { 'www-authenticate': 'Key', 'content-type': 'text/plain', 'content-length': '6', 'x-seen': 'yes' },
      body: 'denied',
    });
    expect(exchange.details).toBe('plugin_said_no');
  });

  it('replaces the answer of the upstream', async () => {
    const t = new GuestTexts();
    const body = `${reply(t, 502, 'hidden', 'content-type', 'text/html')} (i32.const 0)`;
    const host = await load({ callbacks: { proxy_on_response_headers: body }, fields: t.fields });
    const { request, response } = await host.exchange({ upstream: { body: 'secret', headers: { 'x-up': '1' } } });
    expect(request).not.toBeNull();
    expect(response).toEqual({
      status: 502,
      headers: { 'content-type': 'text/html', 'content-length': '6' },
      body: 'hidden',
    });
  });

  it('counts once', async () => {
    const t = new GuestTexts();
    const body = `${reply(t, 401, '')} ${reply(t, 200, 'open')} (i32.const 1)`;
    const host = await load({ callbacks: { proxy_on_request_headers: body }, fields: t.fields });
    expect((await host.exchange()).response).toEqual({
      status: 401,
      headers: { 'content-length': '0' },
      body: '',
    });
  });

  it('with a forged head is refused', async () => {
    const t = new GuestTexts();
    const call = `(call $send_local_response (i32.const 200) ${NO_BYTES} ${NO_BYTES} ${t.pairs('x', 'a\r\nset-cookie: b')} (i32.const -1))`;
    const body = `(if (i32.ne ${call} (i32.const 2)) (then (unreachable))) (i32.const 0)`;
    const host = await load({ callbacks: { proxy_on_request_headers: body }, fields: t.fields });
    expect((await host.exchange()).request).not.toBeNull();
  });
});

describe('pausing', () => {
  /** Pauses with `result`; a tick resumes the stream, or answers for it. */
  const paused = (result: number, onTick: string, fields = ''): PluginText => ({
    callbacks: {
      proxy_on_vm_start: '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
      proxy_on_request_headers: `(global.set $stream (local.get 0)) (i32.const ${result})`,
      proxy_on_tick: `(if (global.get $stream) (then
        (drop (call $set_effective_context (global.get $stream))) ${onTick} (global.set $stream (i32.const 0))))`,
    },
    fields: `(global $stream (mut i32) (i32.const 0)) ${fields}`,
  });
  const CONTINUE = '(drop (call $continue_stream (i32.const 0)))';

  it.each([1, 3, 4, 99])('result %i holds the request until a tick lets it go', async (result) => {
    const host = await load(paused(result, CONTINUE));
    const { response, request } = await host.exchange();
    expect(request).not.toBeNull();
    expect(response?.status).toBe(200);
    host.close();
  });

  it('of a response that is injected bit by bit lasts as long as something comes', async () => {
    const t = new GuestTexts();
    // Eight times with 200 ms in between, and never more.
    const tick = `(if (global.get $stream) (then
      (drop (call $set_effective_context (global.get $stream)))
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (if (i32.ge_s (global.get $left) (global.get $last)) (then
        (drop (call $inject_encoded_data_to_filter_chain ${t.of('.')} (i32.eqz (global.get $left))))))))`;
    const outcome = async (last: number): Promise<string> => {
      const clock = new TestClock();
      const text = pluginModule({
        callbacks: {
          proxy_on_vm_start: '(drop (call $set_tick_period_milliseconds (i32.const 200))) (i32.const 1)',
          proxy_on_response_headers: '(global.set $stream (local.get 0)) (i32.const 4)',
          proxy_on_response_body: '(i32.const 3)',
          proxy_on_tick: tick,
        },
        fields: `(global $stream (mut i32) (i32.const 0)) (global $left (mut i32) (i32.const 8))
          (global $last i32 (i32.const ${last})) ${t.fields}`,
        marker: 'proxy_abi_version_0_2_100',
      });
      const host = await loadPlugin(text, { clock, pauseMs: 500 });
      const exchange = host.exchange({ upstream: { body: 'replaced' } });
      for (let ticks = 0; ticks < 20; ticks++) await clock.advance(200);
      const { response } = await exchange;
      host.close();
      return response === null ? 'reset' : response.body;
    };
    expect(await outcome(0)).toBe('........');
    expect(await outcome(4)).toBe('reset');
  });

  it('result 2 continues', async () => {
    const host = await load({ callbacks: { proxy_on_request_headers: '(i32.const 2)' } });
    expect((await host.exchange()).response?.status).toBe(200);
  });

  it('ends with a local response from a tick', async () => {
    const t = new GuestTexts();
    const tick = reply(t, 403, 'late');
    const host = await load(paused(1, tick, t.fields));
    expect((await host.exchange()).response).toMatchObject({ status: 403, body: 'late' });
    host.close();
  });

  it('ends when the stream is closed: no answer', async () => {
    const host = await load(paused(1, '(drop (call $close_stream (i32.const 0)))'));
    expect((await host.exchange()).response).toBeNull();
    host.close();
  });

  it('ends at once when the callback itself asked to continue', async () => {
    const host = await load({ callbacks: { proxy_on_request_headers: `${CONTINUE} (i32.const 1)` } });
    expect((await host.exchange()).response?.status).toBe(200);
  });

  it('ends by the failure policy when the VM dies under it', async () => {
    const text = pluginModule(paused(1, '(unreachable)'));
    const closed = await loadPlugin(text);
    const all = await Promise.all([closed.exchange(), closed.exchange(), closed.exchange()]);
    expect(all.map(({ error }) => error)).toEqual(Array.from({ length: 3 }, () => 'SLUICE_PLUGIN_FAILED'));
    const open = await loadPlugin(text, { onFailure: 'open' });
    const both = await Promise.all([open.exchange(), open.exchange()]);
    expect(both.map(({ response }) => response?.status)).toEqual([200, 200]);
    closed.close();
    open.close();
  });
});

describe('properties', () => {
  it('describe exchange and plugin', async () => {
    const t = new GuestTexts();
    const names = [
      'request.path',
      'request\0url_path',
      'request\0query\0',
      'source.address',
      'plugin_name',
      'route_name',
    ];
    names.push('request\0headers\0x-in', 'sluice.lane');
    const body = names.map((name, i) => copyProperty(t, name, `x-${i}`)).join('\n');
    const host = await load({ callbacks: { proxy_on_request_headers: `${body} (i32.const 0)` }, fields: t.fields });
    const { request } = await host.exchange({
      request: { path: '/a?b=c', headers: { 'X-In': 'v' } },
      prepare: (exchange) => {
        exchange.route = 'r1';
        exchange.lane = 'gray';
      },
    });
    const seen = names.map((_, i) => request!.headers[`x-${i}`]);
    expect(seen).toEqual(['/a?b=c', '/a', 'b=c', '192.0.2.1:40000', 'plugin', 'r1', 'v', 'gray']);
  });

  it('set on the request are there in the log phase; numbers are 8 bytes', async () => {
    const t = new GuestTexts();
    const key = t.of('my\0key');
    const callbacks = {
      proxy_on_request_headers: `(drop (call $set_property ${key} ${t.of('stored')})) (i32.const 0)`,
      proxy_on_log: `
        (drop (call $get_property ${key} ${OUT})) (drop (call $log (i32.const 2) ${RESULT}))
        (drop (call $get_property ${t.of('response\0code')} ${OUT}))
        (if (i64.ne (i64.load (i32.load (i32.const 64))) (i64.const 204)) (then (unreachable)))
        (if (i32.ne (i32.load (i32.const 68)) (i32.const 8)) (then (unreachable)))
        (drop (call $get_header_map_value ${REQUEST} ${t.of('x-in')} ${OUT})) (drop (call $log (i32.const 2) ${RESULT}))`,
    };
    const host = await load({ callbacks, fields: t.fields });
    const sent = { request: { headers: { 'x-in': 'still here' } }, upstream: { status: 204 } };
    const { logs } = await host.exchange(sent);
    expect(logs.map(({ message }) => message)).toEqual(['stored', 'still here']);
  });
});

describe('configuration', () => {
  it('reaches the plugin as JSON', async () => {
    const callbacks = {
      proxy_on_configure: `
        (drop (call $get_buffer_bytes (i32.const 7) (i32.const 0) (local.get 1) ${OUT}))
        (drop (call $log (i32.const 2) ${RESULT})) (i32.const 1)`,
    };
    const host = await load({ callbacks }, { greeting: 'hé' });
    expect(host.logs[0]?.message).toBe('{"greeting":"hé"}');
  });
});
