import type { PluginUse } from '../config/schema-common.ts';
import type { Steps } from '../core/steps.ts';
import { Plugin, type PluginServices } from '../wasm/plugin.ts';
import { calledService } from './callouts.ts';
import type { CatalogueModule } from './feed.ts';
import { versionOf } from './plugin-pool.ts';
import { useKey } from './plugin-uses.ts';

/** Who uses plugins: a tenant, or '' for the gateway's own chain. */
export interface PluginOwner {
  readonly name: string;
  readonly uses: readonly PluginUse[];
  /** Its services. */
  readonly services: readonly string[];
}

/** What the throw-away VMs run on. */
export type TrialServices = Omit<PluginServices, 'callouts' | 'room'>;

const encoder = new TextEncoder();

/**
 * Starts modules and configurations that are new on throw-away VMs, so that what refuses to start never gets to a
 * worker. Callouts that a plugin makes meanwhile are taken and never answered.
 */
export class PluginTrials {
  readonly #services: TrialServices;
  readonly #modules = new Map<string, CatalogueModule>();

  constructor(modules: readonly CatalogueModule[], services: TrialServices) {
    this.#services = services;
    for (const module of modules) this.#modules.set(module.name, module);
  }

  /** The modules in force, by name. */
  get modules(): ReadonlyMap<string, CatalogueModule> {
    return this.#modules;
  }

  /** From now on this module is in force. */
  setModule(module: CatalogueModule): void {
    this.#modules.set(module.name, module);
  }

  /**
   * Tries every use of an owner on the modules in force. Answers the keys of those that want ticks.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED
   */
  tryOwner(owner: PluginOwner): string[] {
    const ticking: string[] = [];
    for (const [key, use] of distinctUses(owner, null)) {
      const module = this.#modules.get(use.use);
      // A module that is missing is reported by readiness; the use applies its failure policy.
      if (module !== undefined && this.#try(module, owner, use)) ticking.push(key);
    }
    return ticking;
  }

  /**
   * Tries a module with every configuration in use, one in each step. Answers by owner the keys of those that want
   * ticks, in the same step in which it has found nothing more to try.
   * @param owners asked anew after each round, because configurations change meanwhile
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED
   */
  *tryModule(module: CatalogueModule, owners: () => Iterable<PluginOwner>): Steps<ReadonlyMap<string, string[]>> {
    /** By owner and key: whether it wants ticks. */
    const tried = new Map<string, boolean>();
    for (;;) {
      const before = tried.size;
      const ticking = new Map<string, string[]>();
      for (const owner of owners()) {
        const keys: string[] = [];
        for (const [key, use] of distinctUses(owner, module.name)) {
          const place = `${owner.name}\n${key}`;
          if (!tried.has(place)) {
            yield;
            tried.set(place, this.#try(module, owner, use));
          }
          if (tried.get(place) === true) keys.push(key);
        }
        ticking.set(owner.name, keys);
      }
      if (tried.size === before) return ticking;
    }
  }

  /** Whether it wants ticks. */
  #try(module: CatalogueModule, owner: PluginOwner, use: PluginUse): boolean {
    const version = versionOf(module, encoder.encode(JSON.stringify(use.config)));
    const callouts = {
      send: (request: Parameters<PluginServices['callouts']['send']>[0]) => {
        const called = calledService(request.service, request.caller);
        const known = called !== null && (called.tenant !== owner.name || owner.services.includes(called.service));
        return known ? { cancel() {} } : null;
      },
    };
    const plugin = new Plugin({ name: use.use, tenant: owner.name, version }, { ...this.#services, callouts });
    try {
      plugin.start();
      return plugin.ticks;
    } finally {
      plugin.close();
    }
  }
}

/** Uses of one plugin (null: of all) that differ, by their keys. */
function distinctUses({ uses }: PluginOwner, plugin: string | null): Map<string, PluginUse> {
  const distinct = new Map<string, PluginUse>();
  for (const use of uses) if (plugin === null || use.use === plugin) distinct.set(useKey(use), use);
  return distinct;
}
