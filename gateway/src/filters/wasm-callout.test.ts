import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { loadPlugin, type LoadOptions, type PluginTestHost, type TestCallout, TestClock } from '../testing/index.ts';
import { type AskingGuest, askingGuest, GET_CHECK } from '../wasm/callout.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';

const ok = () => ({ status: 200 });

/** A guest that asks `auth`, which lets everything pass unless told otherwise. */
async function asking(guest: Partial<AskingGuest> = {}, options: LoadOptions = {}): Promise<PluginTestHost> {
  return loadPlugin(pluginModule(askingGuest({ service: 'auth', ...guest })), { services: { auth: ok }, ...options });
}

async function statusOf(guest: Partial<AskingGuest>, options?: LoadOptions): Promise<number | undefined> {
  return (await (await asking(guest, options)).exchange()).response?.status;
}

describe('a callout', () => {
  it('decides about the request that waits for it', async () => {
    const seen: TestCallout[] = [];
    const auth = (callout: TestCallout) => {
      seen.push(callout);
      return seen.length === 1 ? { status: 200 } : { status: 401, body: 'who are you?' };
    };
    const headers = [...GET_CHECK, 'X-Key', 'k', 'host', 'elsewhere'];
    const host = await asking({ headers, body: 'question' }, { services: { auth } });
    expect((await host.exchange()).response?.status).toBe(200);
    const refused = await host.exchange();
    expect([refused.response, refused.request]).toMatchObject([{ status: 403, body: 'who are you?' }, null]);
    expect(seen[0]).toEqual({
      method: 'GET',
      path: '/check',
      authority: 'auth.internal',
      headers: { 'x-key': 'k' },
      body: 'question',
      timeoutMs: 5000,
    });
    expect(host.stats.callouts).toEqual({ success: 2 });
  });

  it('that fails is told without headers', async () => {
    const host = await asking({}, { services: { auth: () => null } });
    expect((await host.exchange()).response?.status).toBe(599);
    expect(host.stats.callouts).toEqual({ reset: 1 });
  });

  it('waits no longer than the gateway lets it', async () => {
    const times: number[] = [];
    const auth = ({ timeoutMs }: TestCallout) => (times.push(timeoutMs), ok());
    for (const timeout of [0, 1, 10_000_000]) await statusOf({ timeout }, { services: { auth } });
    expect(times).toEqual([LIMITS.pluginCalloutMs, 1, LIMITS.pluginCalloutMs]);
  });

  const BAD = 552;
  const without = (name: string) => GET_CHECK.filter((_, i) => GET_CHECK[i - (i % 2)] !== name);
  const having = (name: string, value: string) => [...without(name), name, value];
  it.each<[string, Partial<AskingGuest>]>([
    ['to an unknown service', { service: 'other' }],
    ['without a method', { headers: without(':method') }],
    ['without a path', { headers: without(':path') }],
    ['without an authority', { headers: without(':authority') }],
    ['with a negative timeout', { timeout: -1 }],
    ['with trailers', { trailers: ['a', 'b'] }],
    ['that would open a tunnel', { headers: having(':method', 'CONNECT') }],
    ['with a method that is none', { headers: having(':method', 'GET /') }],
    ['with a path that ends the line', { headers: having(':path', '/a HTTP/1.1\r\nx: y') }],
    ['with a relative path', { headers: having(':path', 'a') }],
    ['with a broken authority', { headers: having(':authority', 'a\r\nb') }],
    ['with a header that breaks the head', { headers: [...GET_CHECK, 'x', 'a\r\nb: c'] }],
    ['with too large a body', { bodyLength: LIMITS.pluginCalloutBodyBytes + 1, memory: '20' }],
  ])('%s is refused', async (_what, guest) => {
    expect(await statusOf(guest)).toBe(BAD);
  });

  it('is refused when the exchange has too many under way', async () => {
    const services = { auth: () => new Promise<null>(() => {}) };
    const times = LIMITS.pluginCalloutsPerExchange + 1;
    const host = await asking({ times }, { services });
    expect((await host.exchange()).response?.status).toBe(560);
    expect(host.stats.callouts).toEqual({ refused: 1, cancelled: LIMITS.pluginCalloutsPerExchange });
  });

  it('outside of guest memory is refused', async () => {
    expect(await statusOf({ bodyLength: 10_000_000 })).toBe(556);
  });
});

describe('what the guest sees while it is told', () => {
  const check = (condition: string): string => `(if (i32.eqz ${condition}) (then (unreachable)))`;
  const is = (call: string, expected: number): string => check(`(i32.eq ${call} (i32.const ${expected}))`);

  it('is the response, to read only; then it is gone', async () => {
    const gone = `
      ${is('(call $get_header_map_size (i32.const 6) (i32.const 100))', 2)}
      ${is('(call $get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 9) (i32.const 100) (i32.const 104))', 1)}`;
    const told = `
      ${is('(local.get 2)', 3)} ${is('(local.get 3)', 5)} ${is('(local.get 4)', 0)}
      ${is('(call $get_buffer_bytes (i32.const 4) (i32.const 1) (i32.const 99) (i32.const 100) (i32.const 104))', 0)}
      ${is('(i32.load (i32.const 104))', 4)} ${is('(i32.load8_u (i32.load (i32.const 100)))', 'e'.charCodeAt(0))}
      ${is('(call $add_header_map_value (i32.const 6) (i32.const 512) (i32.const 7) (i32.const 512) (i32.const 7))', 2)}
      ${is('(call $get_header_map_pairs (i32.const 7) (i32.const 100) (i32.const 104))', 0)} ${is('(i32.load (i32.const 104))', 0)}
      ${is('(call $get_status (i32.const 100) (i32.const 104) (i32.const 108))', 0)} ${is('(i32.load (i32.const 100))', 0)}
      (drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))
      (drop (call $continue_stream (i32.const 0)))`;
    const callbacks = { proxy_on_http_call_response: told, proxy_on_response_headers: `${gone} (i32.const 0)` };
    const services = { auth: () => ({ headers: { 'X-A': '1' }, body: 'hello' }) };
    const host = await asking({ callbacks }, { services });
    expect((await host.exchange()).error, host.stats.lastFailure).toBeNull();
  });

  it('of a failure is that it was reset', async () => {
    const told = `${is('(local.get 2)', 0)} ${is('(local.get 3)', 0)}
      ${is('(call $get_status (i32.const 100) (i32.const 104) (i32.const 108))', 0)} ${is('(i32.load (i32.const 100))', 11)}
      (drop (call $set_effective_context (i32.load (call $owner (local.get 1)))))
      (drop (call $continue_stream (i32.const 0)))`;
    const host = await asking({ callbacks: { proxy_on_http_call_response: told } }, { services: { auth: () => null } });
    expect((await host.exchange()).error, host.stats.lastFailure).toBeNull();
  });
});

describe('a callback of a callout', () => {
  it('that traps fails the exchange by the policy', async () => {
    const callbacks = { proxy_on_http_call_response: '(unreachable)' };
    expect((await (await asking({ callbacks })).exchange()).error).toBe('SLUICE_PLUGIN_FAILED');
    expect((await (await asking({ callbacks }, { onFailure: 'open' })).exchange()).response?.status).toBe(200);
  });

  it('that never ends is stopped by its fuel', async () => {
    const host = await asking(
      { callbacks: { proxy_on_http_call_response: '(loop (br 0))' } },
      { fuel: { request: 10_000 } },
    );
    expect((await host.exchange()).error).toBe('SLUICE_PLUGIN_FAILED');
    expect(host.stats.traps.fuel).toBe(1);
  });

  it('never comes while the guest runs, nor to a dead one', async () => {
    // The first answer of two ends the guest; the other has nobody to come to.
    const host = await asking({ times: 2, callbacks: { proxy_on_http_call_response: '(unreachable)' } });
    expect((await host.exchange()).error).toBe('SLUICE_PLUGIN_FAILED');
    expect(host.stats).toMatchObject({ callouts: { success: 1, cancelled: 1 }, traps: { trap: 1 } });
  });
});

describe('a request that waits for a callout', () => {
  it('is let go by the failure policy when the guest makes nothing of the answer', async () => {
    const clock = new TestClock();
    const host = await asking({ callbacks: { proxy_on_http_call_response: '' } }, { clock });
    const outcome = host.exchange();
    await expect.poll(() => host.stats.callouts).toEqual({ success: 1 });
    await clock.advance(LIMITS.pluginPauseMs);
    expect((await outcome).error).toBe('SLUICE_PLUGIN_PAUSE_TIMEOUT');
  });
});
