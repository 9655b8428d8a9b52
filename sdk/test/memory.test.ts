import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../gateway/src/core/log.ts';
import { TimerWheel } from '../../gateway/src/core/wheel.ts';
import { createWasmFilter } from '../../gateway/src/filters/wasm-filter.ts';
import { driveExchange } from '../../gateway/src/testing/index.ts';
import { LogLevel } from '../../gateway/src/wasm/abi.ts';
import { type Callouts, systemClock } from '../../gateway/src/wasm/host.ts';
import { prepareModule } from '../../gateway/src/wasm/module.ts';
import { Plugin } from '../../gateway/src/wasm/plugin.ts';
import { SharedDataMemory } from '../../gateway/src/wasm/shared-data.ts';
import { compilePlugin } from '../compile.ts';
import { guest } from './guests.ts';

/** How many exchanges run; SLUICE_MEMORY_EXCHANGES=1000000 is the long run. */
const EXCHANGES = Number(process.env['SLUICE_MEMORY_EXCHANGES'] ?? 40_000);
/** Run at a time, as in a gateway. */
const AT_ONCE = 50;
/** A tenth of all calls a service, by either protocol; some are over before the answer. */
const WHATS = ['', '', '', '', '', 'abandon', '', '', 'http', 'grpc'];

const services: Callouts = {
  send({ service }, handler) {
    const headers = [':status', '200', 'x-user', 'zoe'];
    const response = { headers, body: Buffer.from('a body'), trailers: [] };
    let cancelled = service === 'silent';
    setImmediate(() => cancelled || handler.onCalloutDone(response, 'success'));
    return { cancel: () => void (cancelled = true) };
  },
  openGrpc({ service }, handler) {
    let cancelled = service === 'silent';
    setImmediate(() => {
      if (cancelled) return;
      handler.onGrpcMessage(Buffer.from('a message'));
      handler.onGrpcEnd({ status: 0, message: '', trailers: [], result: 'success' });
    });
    return { cancel: () => void (cancelled = true), close() {}, send: () => true };
  },
};

async function start(): Promise<Plugin> {
  const { path } = await compilePlugin(guest('memory'));
  const module = await prepareModule(await readFile(path), { name: 'memory', memory: 16 << 20, startFuel: 20_000_000 });
  const fuel = { request: 5_000_000, tick: 10_000_000, configure: 20_000_000 };
  const version = { module, configuration: Buffer.from(''), fuel, bodyLimit: 1 << 20 };
  const plugin = new Plugin(
    { name: 'memory', tenant: 'test', version },
    {
      log: silentLog,
      wheel: new TimerWheel(),
      clock: systemClock,
      sharedData: SharedDataMemory.ofOneThread(),
      callouts: services,
      logLevel: LogLevel.info,
      node: { id: 'test', cluster: 'sluice' },
    },
  );
  plugin.start();
  return plugin;
}

describe('the memory of a plugin', () => {
  it(`is flat over ${EXCHANGES} exchanges, and its tables are empty after them`, async () => {
    const plugin = await start();
    const filters = [createWasmFilter(plugin, { onFailure: 'closed' })];
    const run = async (what: string): Promise<void> => {
      const body = what === 'abandon' ? undefined : ['some ', 'text'];
      const headers = { 'x-do': what, 'user-agent': 'curl/8.0', accept: '*/*' };
      const { response } = await driveExchange(
        filters,
        { method: 'POST', path: '/a/path?with=query', headers, ...(body === undefined ? {} : { body }) },
        { headers: { 'content-type': 'text/plain' }, body: 'an answer' },
      );
      expect(response?.status).toBe(what === 'abandon' ? 204 : 200);
    };
    const runMany = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => run(WHATS[i % WHATS.length]!)));
      }
    };
    await runMany(2000);
    const { memoryBytes } = plugin.stats();
    await runMany(EXCHANGES);
    expect(plugin.stats()).toMatchObject({ memoryBytes, failures: 0 });
    expect(memoryBytes).toBeLessThanOrEqual(4 * 64 * 1024);
    await driveExchange(filters, { headers: { 'x-do': 'sizes' } });
    const values = Object.fromEntries(plugin.samples().map(({ name, value }) => [name, value]));
    const all = EXCHANGES + 2000;
    // The plugin itself and the exchange that asks; of each that was abandoned both calls.
    expect(values).toEqual({ seen: all, failed: all / 5, contexts: 2, http_calls: 0, grpc_calls: 0 });
    plugin.close();
  }, 1_200_000);
});
