import { parseTenant } from '../config/parse-tenant.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { silentLog } from '../core/log.ts';
import { TimerWheel } from '../core/wheel.ts';
import { LogLevel } from '../wasm/abi.ts';
import { NO_CALLOUTS } from '../wasm/callout.ts';
import { systemClock } from '../wasm/host.ts';
import { prepareModule } from '../wasm/module.ts';
import type { PluginServices } from '../wasm/plugin.ts';
import { SharedDataMemory } from '../wasm/shared-data.ts';
import { type PluginText, pluginModule } from '../wasm/wat.suite.ts';
import type { CatalogueModule } from './feed.ts';

/** A timer wheel whose time the test moves. */
export class ManualWheel extends TimerWheel {
  readonly #clock: { now: number };

  constructor() {
    const clock = { now: 0 };
    super(10, () => clock.now);
    this.#clock = clock;
  }

  pass(milliseconds: number): void {
    this.#clock.now += milliseconds;
    this.advance();
  }
}

export function pluginServices(wheel: TimerWheel): PluginServices {
  return {
    log: silentLog,
    wheel,
    clock: systemClock,
    sharedData: SharedDataMemory.ofOneThread(),
    callouts: NO_CALLOUTS,
    logLevel: LogLevel.error,
    node: { id: 'test', cluster: 'test' },
  };
}

/** A plugin of the catalogue that is written in the test. */
export async function catalogued(name: string, text: PluginText = {}): Promise<CatalogueModule> {
  const module = await prepareModule(pluginModule(text), { name, memory: 1024 * 1024, startFuel: 100_000 });
  return { name, module, bodyLimit: 1024 * 1024, fuel: { request: 100_000, tick: 100_000, configure: 100_000 } };
}

/** A plugin of the catalogue whose module could not be loaded. */
export function unloadable(name: string): CatalogueModule {
  return { name, module: null, bodyLimit: 1024, fuel: { request: 1000, tick: 1000, configure: 1000 } };
}

/** A tenant file as it is handed over, checked; every plugin and the registries `nacos` and `other` exist. */
export function tenantOf(parts: Readonly<Record<string, unknown>>): TenantConfig {
  const text = JSON.stringify({ tenant: 'home', domains: ['app.example.com'], ...parts });
  const plugins = ['plugin', 'refusing', 'missing'].map((name) => ({ name }));
  const { config, problems } = parseTenant('home.yaml', text, {
    gateway: { plugins, registries: { nacos: {}, other: {} } },
  });
  if (config === null) throw new Error(JSON.stringify(problems));
  return config;
}

export function use(name: string, config: unknown = {}, more: Partial<{ priority: number; onFailure: 'open' }> = {}) {
  return { use: name, priority: 0, onFailure: 'closed' as const, config, ...more };
}
