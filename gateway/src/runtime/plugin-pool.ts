import type { PluginUse } from '../config/schema-common.ts';
import type { FilterFactory } from '../filters/filter.ts';
import { UnavailableFilter } from '../filters/unavailable-filter.ts';
import { createWasmFilter } from '../filters/wasm-filter.ts';
import { Plugin, type PluginServices } from '../wasm/plugin.ts';
import type { CatalogueModule, PluginReport } from './feed.ts';
import { Retirement } from './retirement.ts';

const encoder = new TextEncoder();

/** The uses of one owner as they run on the request: higher priority first, equal ones in file order. */
export function inRunningOrder(uses: readonly PluginUse[]): PluginUse[] {
  return [...uses].sort((a, b) => b.priority - a.priority);
}

interface Entry {
  readonly plugin: Plugin;
  readonly catalogue: CatalogueModule;
  readonly key: string;
}

/** The plugins in use on one thread. Uses of one tenant with equal module and configuration share one VM. */
export class PluginPool {
  readonly #services: PluginServices;
  readonly #catalogue = new Map<string, CatalogueModule>();
  readonly #entries = new Map<string, Entry>();
  /** Keys that each owner (tenant, '' = the gateway) uses. */
  readonly #owners = new Map<string, ReadonlySet<string>>();
  readonly #retirement: Retirement;

  constructor(catalogue: readonly CatalogueModule[], services: PluginServices) {
    this.#services = services;
    this.#retirement = new Retirement(services.wheel);
    for (const entry of catalogue) this.#catalogue.set(entry.name, entry);
  }

  /**
   * Opens the uses of one owner anew; what it used before and does not use now is closed when `commit` is called, after
   * the snapshot that used it is out of force.
   */
  begin(owner: string): PluginClaims {
    return new PluginClaims(this, owner);
  }

  reports(): PluginReport[] {
    return [...this.#entries.values()].map(({ plugin, catalogue }) => ({
      plugin: plugin.name,
      tenant: plugin.tenant,
      digest: catalogue.module?.digest ?? '',
      abi: catalogue.module?.abi ?? '',
      stats: plugin.stats(),
      metrics: plugin.samples(),
    }));
  }

  /** Ends all plugins. */
  close(): void {
    for (const { plugin } of this.#entries.values()) plugin.close();
    this.#entries.clear();
    this.#owners.clear();
    this.#retirement.close();
  }

  /** @internal The plugin behind a use, started if it is new; null when its module is not there. */
  open(owner: string, use: PluginUse): Entry | null {
    const catalogue = this.#catalogue.get(use.use);
    if (catalogue === undefined || catalogue.module === null) return null;
    const configuration = JSON.stringify(use.config);
    const key = `${owner}\n${use.use}\n${configuration}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const plugin = new Plugin(
      {
        name: use.use,
        tenant: owner,
        module: catalogue.module,
        configuration: encoder.encode(configuration),
        fuel: catalogue.fuel,
      },
      this.#services,
    );
    const entry = { plugin, catalogue, key };
    this.#entries.set(key, entry);
    try {
      plugin.start();
    } catch {
      // Logged by the plugin, which tries again on use; until then each use applies its failure policy.
    }
    return entry;
  }

  /** @internal Makes `keys` the plugins of the owner and closes its others. */
  settle(owner: string, keys: ReadonlySet<string>): void {
    this.#closeAll(this.#owners.get(owner) ?? new Set<string>(), keys);
    if (keys.size === 0) this.#owners.delete(owner);
    else this.#owners.set(owner, keys);
  }

  /** @internal Closes those of `keys` that the owner did not have before. */
  discard(owner: string, keys: ReadonlySet<string>): void {
    this.#closeAll(keys, this.#owners.get(owner) ?? new Set<string>());
  }

  #closeAll(keys: ReadonlySet<string>, except: ReadonlySet<string>): void {
    for (const key of keys) {
      if (except.has(key)) continue;
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (entry !== undefined) this.#retirement.add(entry.plugin);
    }
  }
}

/** The uses of one owner while its new configuration is built. */
export class PluginClaims {
  readonly #pool: PluginPool;
  readonly #owner: string;
  readonly #keys = new Set<string>();

  constructor(pool: PluginPool, owner: string) {
    this.#pool = pool;
    this.#owner = owner;
  }

  /** Filters for a list of uses, in running order. */
  filters(uses: readonly PluginUse[]): FilterFactory[] {
    return inRunningOrder(uses).map((use) => this.#filter(use));
  }

  /** Closes what the owner used before and did not ask for again. */
  commit(): void {
    this.#pool.settle(this.#owner, this.#keys);
  }

  /** The new configuration was refused: closes what it alone had opened. */
  abandon(): void {
    this.#pool.discard(this.#owner, this.#keys);
  }

  #filter(use: PluginUse): FilterFactory {
    const entry = this.#pool.open(this.#owner, use);
    if (entry === null) return new UnavailableFilter(use.use, use.onFailure);
    this.#keys.add(entry.key);
    return createWasmFilter(entry.plugin, { onFailure: use.onFailure });
  }
}
