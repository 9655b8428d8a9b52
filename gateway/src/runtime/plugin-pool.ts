import { isDeepStrictEqual } from 'node:util';
import type { PluginUse } from '../config/schema-common.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { Steps } from '../core/steps.ts';
import type { Expirable, WheelTimer } from '../core/wheel.ts';
import type { FilterFactory } from '../filters/filter.ts';
import { createWasmFilter } from '../filters/wasm-filter.ts';
import type { PluginVersion } from '../wasm/generation.ts';
import { Plugin, type PluginServices } from '../wasm/plugin.ts';
import type { CatalogueModule, PluginReport } from './feed.ts';
import { countsOf, PluginTotals } from './plugin-totals.ts';
import { useKey } from './plugin-uses.ts';
import { Retirement } from './retirement.ts';

const encoder = new TextEncoder();

/** The uses of one owner as they run on the request: higher priority first, equal ones in file order. */
export function inRunningOrder(uses: readonly PluginUse[]): PluginUse[] {
  return [...uses].sort((a, b) => b.priority - a.priority);
}

interface Entry {
  readonly plugin: Plugin;
  readonly key: string;
  readonly configuration: Uint8Array;
}

const NO_ROOM_TO_TICK = 'no room for the instance of a plugin that wants ticks: it gets none before its next use';
const NO_KEYS: ReadonlySet<string> = new Set();

/**
 * The plugins in use on one thread. Uses of one tenant with equal module and configuration share one VM, which is made
 * when it is first used, or at once where it wants ticks.
 */
export class PluginPool implements Expirable {
  readonly #services: PluginServices;
  readonly #log: Log;
  readonly #catalogue = new Map<string, CatalogueModule>();
  readonly #entries = new Map<string, Entry>();
  /** Keys that each owner (tenant, '' = the gateway) uses. */
  readonly #owners = new Map<string, ReadonlySet<string>>();
  readonly #retirement: Retirement;
  /** Out of use, and still counting what exchanges under way make of them. */
  readonly #retiring = new Set<Plugin>();
  /** Counts of those that were closed, of plugins that their owner uses with another configuration. */
  readonly #former = new PluginTotals();
  /** Plugins some of whose VMs could not be replaced. */
  readonly #late = new Set<string>();
  #retry: WheelTimer | null = null;

  constructor(services: PluginServices) {
    this.#services = services;
    this.#log = services.log;
    this.#retirement = new Retirement(services.wheel);
  }

  /**
   * Opens the uses of one owner anew; what it used before and does not use now is closed when `commit` is called, after
   * the snapshot that used it is out of force.
   */
  begin(owner: string): PluginClaims {
    return new PluginClaims(this, owner);
  }

  /**
   * Takes over a module of the catalogue, or what it is granted. VMs of an older one are replaced, one in each step; exchanges in flight finish
   * on them. A VM whose replacement does not start stays, and is tried again later.
   */
  *setModule(module: CatalogueModule): Steps<void> {
    this.#catalogue.set(module.name, module);
    for (const { plugin, configuration } of this.#entries.values()) {
      if (plugin.name !== module.name) continue;
      const version = versionOf(module, configuration);
      if (version === null || (plugin.version !== null && sameCode(plugin.version, version))) continue;
      this.#replace(plugin, version);
      yield;
    }
  }

  /** Holds the module no longer. VMs of uses that are left, because their tenant could not be replaced, stay. */
  removeModule(name: string): void {
    this.#catalogue.delete(name);
    this.#late.delete(name);
  }

  /** Tries again what could not be replaced, until it fails again. */
  onTimeout(): void {
    this.#retry = null;
    const late = [...this.#late];
    this.#late.clear();
    for (const name of late) {
      if (this.#late.size > 0) this.#late.add(name);
      else this.#replaceAll(this.#catalogue.get(name)!);
    }
  }

  #replaceAll(module: CatalogueModule): void {
    const steps = this.setModule(module);
    while (steps.next().done !== true) if (this.#late.size > 0) return;
  }

  /** Makes the VMs of those uses of an owner that want ticks, one in each step. @param ticking keys of uses */
  *startTicking(owner: string, ticking: readonly string[]): Steps<void> {
    for (const key of ticking) {
      const plugin = this.#entries.get(`${owner}\n${key}`)?.plugin;
      if (plugin === undefined) continue;
      try {
        plugin.start();
        if (plugin.version !== null && plugin.stats().instances === 0)
          this.#log.warn({ plugin: plugin.name, tenant: owner }, NO_ROOM_TO_TICK);
      } catch {
        // Logged by the plugin, which tries again on use.
      }
      yield;
    }
  }

  /** Of the uses there are, and what those before them have counted that had another configuration. */
  reports(): PluginReport[] {
    const uses = [...this.#entries.values()].flatMap(({ plugin }) => reportOf(plugin));
    const retiring = [...this.#retiring].filter(({ tenant, name }) => this.#runs(tenant, name)).flatMap(reportOf);
    return [...uses, ...retiring.filter(hasCounted).map(countsOf), ...this.#former.reports];
  }

  /** Ends all plugins. */
  close(): void {
    for (const { plugin } of this.#entries.values()) plugin.close();
    this.#entries.clear();
    this.#owners.clear();
    this.#retirement.close();
    this.#forget();
    this.#services.wheel.cancel(this.#retry);
  }

  /** @internal The plugin behind a use. */
  open(owner: string, use: PluginUse): Entry {
    const key = `${owner}\n${useKey(use)}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const catalogue = this.#catalogue.get(use.use);
    const configuration = encoder.encode(JSON.stringify(use.config));
    const version = catalogue === undefined ? null : versionOf(catalogue, configuration);
    const plugin = new Plugin({ name: use.use, tenant: owner, version }, this.#services);
    const entry = { plugin, key, configuration };
    this.#entries.set(key, entry);
    return entry;
  }

  /** @internal Makes `keys` the plugins of the owner and closes its others. */
  settle(owner: string, keys: ReadonlySet<string>): void {
    this.#closeAll(this.#owners.get(owner) ?? NO_KEYS, keys);
    if (keys.size === 0) this.#owners.delete(owner);
    else this.#owners.set(owner, keys);
    this.#forget();
  }

  /** @internal Closes those of `keys` that the owner did not have before. */
  discard(owner: string, keys: ReadonlySet<string>): void {
    this.#closeAll(keys, this.#owners.get(owner) ?? NO_KEYS);
  }

  #replace(plugin: Plugin, version: PluginVersion): void {
    try {
      plugin.replace(version);
    } catch (error) {
      const { name, tenant } = plugin;
      this.#log.error(
        { plugin: name, tenant, reason: (error as Error).message },
        'plugin stays with its former module',
      );
      this.#late.add(name);
      this.#retry ??= this.#services.wheel.schedule(this, LIMITS.pluginBackoffLongestMs);
    }
  }

  #closeAll(keys: ReadonlySet<string>, except: ReadonlySet<string>): void {
    for (const key of keys) {
      if (except.has(key)) continue;
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (entry !== undefined) this.#retire(entry.plugin);
    }
  }

  #retire(plugin: Plugin): void {
    this.#retiring.add(plugin);
    const close = (): void => {
      plugin.close();
      this.#retiring.delete(plugin);
      this.#former.add(reportOf(plugin).filter(hasCounted));
      this.#forget();
    };
    this.#retirement.add({ close });
  }

  /** What an owner no longer runs with any configuration counts no more. */
  #forget(): void {
    this.#former.retain((tenant, name) => this.#runs(tenant, name));
  }

  #runs(owner: string, name: string): boolean {
    for (const key of this.#owners.get(owner) ?? NO_KEYS) if (this.#entries.get(key)?.plugin.name === name) return true;
    return false;
  }
}

/** Empty without a module. */
function reportOf(plugin: Plugin): PluginReport[] {
  const module = plugin.version?.module;
  if (module === undefined) return [];
  const { name, tenant } = plugin;
  const { digest, abi } = module;
  return [{ plugin: name, tenant, digest, abi, stats: plugin.stats(), metrics: plugin.samples() }];
}

function hasCounted({ stats: { starts, exchanges } }: PluginReport): boolean {
  return starts > 0 || exchanges > 0;
}

/** @internal What a plugin is made of; null when its module is not there. */
export function versionOf(
  { name: _name, module, ...grants }: CatalogueModule,
  configuration: Uint8Array,
): PluginVersion | null {
  return module === null ? null : { module, configuration, ...grants };
}

/** Whether two versions of one configuration are the same module, compiled and granted alike. */
function sameCode({ module: a, ...grantsOfA }: PluginVersion, { module: b, ...grantsOfB }: PluginVersion): boolean {
  return (
    a.digest === b.digest &&
    a.memory === b.memory &&
    a.startFuel === b.startFuel &&
    isDeepStrictEqual(grantsOfA, grantsOfB)
  );
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
    const { plugin, key } = this.#pool.open(this.#owner, use);
    this.#keys.add(key);
    const { onFailure, allowOnHeadersStopIteration } = use;
    return createWasmFilter(plugin, { onFailure, allowOnHeadersStopIteration });
  }
}
