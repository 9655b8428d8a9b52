import { afterEach, describe, expect, it } from 'vitest';
import { type PluginText, pluginModule } from '../../wasm/wat.suite.ts';
import { ask, codeOf, eventually, HttpUpstream } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Takes some 200 000 instructions. */
const BUSY: PluginText = {
  callbacks: {
    proxy_on_request_headers: `(local $n i32) (local.set $n (i32.const 20000))
      (loop $more (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $more (local.get $n))) (i32.const 0)`,
  },
};

/** Two tenants, each with the plugin; and what the operator says of it. */
async function start(text: PluginText, entry: object, tenants: object, onFailure = 'closed'): Promise<GatewayRig> {
  const server = await new HttpUpstream('main', (_request, response) => response.end('main')).open();
  cleanups.push(() => server.close());
  const plugins = [{ use: 'guest', onFailure }];
  const files: GatewayFiles = {
    files: { 'guest.wasm': pluginModule(text) },
    gateway: {
      plugins: [{ name: 'guest', source: 'file:guest.wasm', ...entry }],
      tenants: { directory: 'tenants', ...tenants },
    },
    tenants: { a: tenantA({ plugins }), b: { ...tenantA({ domains: ['b.example'], plugins }), tenant: 'b' } },
    services: { main: [server.address] },
  };
  const rig = await GatewayRig.start(files);
  cleanups.push(() => rig.stop());
  await eventually(() => rig.view('services').then((all) => all.every(({ state }) => state === 'fresh'))).toBe(true);
  return rig;
}

const failuresIn = (rig: GatewayRig): unknown[] => rig.directory.lines.map((line) => line['plugin_failures']);

describe('the share of a tenant', () => {
  it('of time ends its plugins, with a code, and no other tenant’s', { timeout: 60_000 }, async () => {
    // Enough for the other tenant to begin with, and never given back within the test.
    const rig = await start(BUSY, {}, { limits: { pluginCpu: 0 }, overrides: { a: { limits: { pluginCpu: 1 } } } });
    const codes: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const { status, ...answer } = await ask(rig.port, {});
      codes.push(status === 200 ? null : codeOf({ status, ...answer }));
    }
    expect(codes).toEqual([null, 'SLUICE_PLUGIN_CPU_EXHAUSTED', 'SLUICE_PLUGIN_CPU_EXHAUSTED']);
    for (let i = 0; i < 3; i++) expect((await ask(rig.port, { host: 'b.example' })).status).toBe(200);
    expect(await rig.metric('sluice_plugin_refusals_total{tenant="a",plugin="guest",reason="cpu"}')).toBe(2);
    await eventually(() => rig.directory.lines.length).toBe(6);
    expect(failuresIn(rig)).toEqual(['', 'guest:cpu', 'guest:cpu', '', '', '']);
  });

  it('of memory ends what grows beyond it, and the log says so where the exchange goes on', {
    timeout: 60_000,
  }, async () => {
    const leaking = { callbacks: { proxy_on_request_headers: '(drop (memory.grow (i32.const 32))) (i32.const 0)' } };
    const rig = await start(leaking, {}, { limits: { pluginMemory: '4MiB' } }, 'open');
    for (let i = 0; i < 3; i++) expect((await ask(rig.port, {})).status).toBe(200);
    await eventually(() => rig.directory.lines.length).toBe(3);
    expect(failuresIn(rig)).toEqual(['', 'guest:failed', '']);
    expect(await rig.metric('sluice_plugin_traps_total{tenant="a",plugin="guest",cause="memory"}')).toBe(1);
  });
});

describe('permissions of the catalogue', () => {
  it('keep a module out that imports what it may not call, and say so', { timeout: 60_000 }, async () => {
    const asking = { callbacks: { proxy_on_request_headers: '(call $set_tick_period_milliseconds (i32.const 5)) ' } };
    const rig = await start(asking, { allow: { hostCalls: { deny: ['proxy_set_tick_*'] } } }, {});
    const answer = await ask(rig.port, {});
    expect([answer.status, codeOf(answer)]).toEqual([503, 'SLUICE_PLUGIN_UNAVAILABLE']);
    const [plugin] = await rig.view('plugins');
    expect(plugin).toMatchObject({ plugin: 'guest', state: 'failed' });
    expect(String(plugin!['lastError'])).toContain('env.proxy_set_tick_period_milliseconds');
  });

  it('reach the guest: what it may read, and its environment', { timeout: 60_000 }, async () => {
    // Answers with the second variable, or 500 when the path can be read.
    const reading: PluginText = {
      imports: `(import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))`,
      callbacks: {
        proxy_on_request_headers: `(drop (call $environ_get (i32.const 16) (i32.const 256)))
          (drop (call $send_local_response (if (result i32) (call $get_property (i32.const 100) (i32.const 12) (i32.const 0) (i32.const 4)) (then (i32.const 210)) (else (i32.const 500)))
            (i32.const 0) (i32.const 0) (i32.load (i32.const 20)) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 1)`,
      },
      fields: '(data (i32.const 100) "request.path")',
    };
    const allow = { properties: ['request.host'], environment: { REGION: 'eu', TOKEN: 'abc' } };
    const rig = await start(reading, { allow }, {});
    const answer = await ask(rig.port, {});
    expect([answer.status, answer.text]).toEqual([210, 'TOKEN=abc']);
    const shown = JSON.stringify([await rig.view('plugins'), await rig.admin('/metrics')]);
    expect(shown).not.toContain('TOKEN');
  });
});
