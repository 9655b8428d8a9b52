import { expect, it, onTestFinished } from 'vitest';
import { pluginModule } from '../../wasm/wat.suite.ts';
import { ask } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';

/** Adds one to the number under "count", again while others get in between, and answers with its four bytes. */
const COUNTING = pluginModule({
  callbacks: {
    proxy_on_request_headers: `(local $count i32)
      (loop $again
        (if (i32.eqz (call $get_shared_data (i32.const 100) (i32.const 5) (i32.const 32) (i32.const 36) (i32.const 40)))
          (then (local.set $count (i32.load (i32.load (i32.const 32)))))
          (else (i32.store (i32.const 40) (i32.const -1))))
        (i32.store (i32.const 200) (i32.add (local.get $count) (i32.const 1)))
        (br_if $again (call $set_shared_data (i32.const 100) (i32.const 5) (i32.const 200) (i32.const 4) (i32.load (i32.const 40)))))
      (drop (call $send_local_response (i32.const 200) (i32.const 0) (i32.const 0)
        (i32.const 200) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const -1)))
      (i32.const 1)`,
  },
  fields: '(data (i32.const 100) "count")',
});

it('shared data is one over all workers, apart for each tenant, and outlives a worker', {
  timeout: 60_000,
}, async () => {
  const plugins = [{ use: 'counting' }];
  const rig = await GatewayRig.start({
    gateway: { workers: 2, plugins: [{ name: 'counting', source: 'file:counting.wasm' }] },
    files: { 'counting.wasm': COUNTING },
    tenants: {
      a: tenantA({ plugins, routes: [{ id: 'all', respond: {} }] }),
      b: tenantA({ tenant: 'b', domains: ['b.example'], plugins, routes: [{ id: 'all', respond: {} }] }),
    },
  });
  onTestFinished(async () => void (await rig.stop()));
  const count = async (host: string) => (await ask(rig.port, { host })).text.charCodeAt(0);
  const counts = await Promise.all(Array.from({ length: 60 }, () => count('a.example')));
  expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  expect(await count('b.example')).toBe(1);

  await rig.process.supervisor.terminate(0);
  await expect.poll(() => count('a.example').catch(() => null), { interval: 20, timeout: 30_000 }).toBe(61);
  expect(await rig.metric('sluice_plugin_shared_data_bytes')).toBe(8192);
  expect(await rig.metric('sluice_plugin_shared_data_refused_total')).toBe(0);
});
