import { readFile } from 'node:fs/promises';
import { BodyBudgets } from '../../gateway/src/core/body-budget.ts';
import { LIMITS } from '../../gateway/src/core/limits.ts';
import { TimerWheel } from '../../gateway/src/core/wheel.ts';
import { Exchange } from '../../gateway/src/exchange/exchange.ts';
import { type ChainHost, FilterChain } from '../../gateway/src/filters/chain.ts';
import { CONTINUE, type FilterFactory } from '../../gateway/src/filters/filter.ts';
import { createWasmFilter } from '../../gateway/src/filters/wasm-filter.ts';
import { fakeExchange } from '../../gateway/src/testing/fake-exchange.ts';
import { TestServices } from '../../gateway/src/testing/test-services.ts';
import { LogLevel } from '../../gateway/src/wasm/abi.ts';
import { systemClock } from '../../gateway/src/wasm/host.ts';
import { prepareModule } from '../../gateway/src/wasm/module.ts';
import { Plugin } from '../../gateway/src/wasm/plugin.ts';
import { SharedDataMemory } from '../../gateway/src/wasm/shared-data.ts';
import { benchPlugin } from '../subjects/gateway.ts';
import { time } from './harness.ts';
import { parsed } from './heads.ts';

const MEMORY = 16 * 1024 * 1024;
const FUEL = { request: 5_000_000, tick: 10_000_000, configure: 20_000_000 };
const ignore = (): void => {};

async function filter(): Promise<FilterFactory> {
  const name = await benchPlugin();
  const module = await prepareModule(await readFile(name), { name, memory: MEMORY, startFuel: FUEL.configure });
  const configuration = Buffer.from(JSON.stringify({ set: 'x-plugin' }));
  const plugin = new Plugin(
    {
      name: 'bench',
      tenant: 'bench',
      version: { module, configuration, fuel: FUEL, bodyLimit: LIMITS.pluginBodyBytes },
    },
    {
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      wheel: new TimerWheel(),
      clock: systemClock,
      sharedData: SharedDataMemory.ofOneThread(),
      callouts: new TestServices({}),
      logLevel: LogLevel.info,
      node: { id: 'bench', cluster: 'bench' },
    },
  );
  plugin.start();
  return createWasmFilter(plugin, { onFailure: 'closed' });
}

/** Nothing but heads passes here. */
const host = new Proxy({} as ChainHost, {
  get: (_, name) => () => {
    throw new Error(`the chain calls ${String(name)}`);
  },
});
const budgets = new BodyBudgets(() => Number.POSITIVE_INFINITY);
const { connection, sink } = fakeExchange();

/** An exchange that runs through a chain of so many plugins, one of them the same again and again. */
function exchange(filters: readonly FilterFactory[]): Exchange {
  const { method, target, authority, headers } = parsed();
  const x = new Exchange(connection, 'HTTP/1.1', method, target, authority, headers, null, sink);
  const chain = new FilterChain(filters, x, host, budgets);
  if (chain.startRequest(true) !== CONTINUE) throw new Error('the plugin of this benchmark stops its request');
  chain.finish();
  return x;
}

const one = await filter();
const [none, single, ten]: FilterFactory[][] = [[], [one], Array.from({ length: 10 }, () => one)];
time('an exchange without plugins', () => exchange(none!));
time('the same with 1 plugin that reads a header and sets one', () => exchange(single!));
time('the same with 10 plugins', () => exchange(ten!));
