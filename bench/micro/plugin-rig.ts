import { readFile } from 'node:fs/promises';
import { BodyBudgets } from '../../gateway/src/core/body-budget.ts';
import { LIMITS } from '../../gateway/src/core/limits.ts';
import { TimerWheel } from '../../gateway/src/core/wheel.ts';
import { Exchange } from '../../gateway/src/exchange/exchange.ts';
import { PairHeaders } from '../../gateway/src/exchange/headers.ts';
import { type ChainHost, FilterChain } from '../../gateway/src/filters/chain.ts';
import { CONTINUE, type FilterFactory, NOWHERE } from '../../gateway/src/filters/filter.ts';
import { createWasmFilter } from '../../gateway/src/filters/wasm-filter.ts';
import { fakeExchange } from '../../gateway/src/testing/fake-exchange.ts';
import { LogLevel } from '../../gateway/src/wasm/abi.ts';
import { systemClock } from '../../gateway/src/wasm/host.ts';
import { type PreparedModule, prepareModule } from '../../gateway/src/wasm/module.ts';
import { Plugin, type PluginServices } from '../../gateway/src/wasm/plugin.ts';
import { SharedDataMemory } from '../../gateway/src/wasm/shared-data.ts';
import { parsed } from './heads.ts';

const MEMORY = 16 * 1024 * 1024;
const FUEL = { request: 500_000_000, tick: 10_000_000, configure: 500_000_000 };

const services: PluginServices = {
  log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  wheel: new TimerWheel(),
  clock: systemClock,
  sharedData: SharedDataMemory.ofOneThread(),
  callouts: { send: () => null, openGrpc: () => null },
  logLevel: LogLevel.info,
  node: { id: 'bench', cluster: 'bench' },
};

/** A module as the gateway prepares it. */
export async function prepared(file: string): Promise<PreparedModule> {
  return prepareModule(await readFile(file), { name: file, memory: MEMORY, startFuel: FUEL.configure });
}

/** A plugin of this module that has started, as the gateway runs it. */
export function started(module: PreparedModule, configuration: string): Plugin {
  const version = {
    module,
    configuration: Buffer.from(configuration),
    fuel: FUEL,
    bodyLimit: LIMITS.pluginBodyBytes,
  };
  const plugin = new Plugin({ name: 'bench', tenant: 'bench', version }, services);
  plugin.start();
  if (plugin.stats().state !== 'running') throw new Error(plugin.stats().lastFailure);
  return plugin;
}

/** Filters that run these plugins. */
export function filtersOf(...plugins: readonly Plugin[]): FilterFactory[] {
  return plugins.map((plugin) => createWasmFilter(plugin, { onFailure: 'closed' }));
}

/** What a chain asks for that nobody holds up. */
const asked: Partial<ChainHost> = {
  responseStarted: false,
  onResponseReady: ignore,
  onResponseData: () => true,
  onResponseEnd: ignore,
  resumeResponse: ignore,
  destination: NOWHERE,
};
const host = new Proxy(asked as ChainHost, {
  get(known, name, receiver) {
    if (Reflect.has(known, name)) return Reflect.get(known, name, receiver) as unknown;
    throw new Error(`the chain asks for ${String(name)}`);
  },
});
const budgets = new BodyBudgets(() => Number.POSITIVE_INFINITY);
const { connection, sink } = fakeExchange();

/** An exchange without bodies, from the parsed head of its request to its end. */
export function exchange(filters: readonly FilterFactory[]): Exchange {
  const [x, chain] = begin(filters);
  if (chain.startResponse(true) !== CONTINUE) throw new Error('the plugin of this benchmark stops its response');
  chain.finish();
  return x;
}

/** The same with a body of so many chunks in the response. */
export function exchangeOf(chunks: number, chunk: Buffer, filters: readonly FilterFactory[]): Exchange {
  const [x, chain] = begin(filters);
  chain.startResponse(false);
  if (!chain.filtersResponse) throw new Error('the plugin of this benchmark wants no bodies');
  for (let i = 0; i < chunks; i++) chain.pushResponse(chunk);
  chain.endResponse(null);
  chain.finish();
  return x;
}

function begin(filters: readonly FilterFactory[]): [Exchange, FilterChain] {
  const { method, target, authority, headers } = parsed();
  const x = new Exchange(connection, 'HTTP/1.1', method, target, authority, headers, null, sink);
  x.status = 200;
  x.responseHeaders = new PairHeaders(['content-type', 'application/json']);
  const chain = new FilterChain(filters, x, host, budgets);
  if (chain.startRequest(true) !== CONTINUE) throw new Error('the plugin of this benchmark stops its request');
  return [x, chain];
}

function ignore(): void {}
