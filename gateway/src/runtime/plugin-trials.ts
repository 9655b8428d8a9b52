import type { Plain } from '../config/document.ts';
import { pluginConfigProblems } from '../config/plugin-config.ts';
import type { PluginUse } from '../config/schema-common.ts';
import { GatewayError } from '../core/errors.ts';
import type { Steps } from '../core/steps.ts';
import type { CalloutRequest, Callouts, RedisCalls } from '../wasm/host.ts';
import { calledService } from '../wasm/permissions.ts';
import { Plugin, type PluginServices } from '../wasm/plugin.ts';
import type { CatalogueModule } from './feed.ts';
import { versionOf } from './plugin-pool.ts';
import { useKey } from './plugin-uses.ts';

/** Who uses plugins: a tenant, or '' for the gateway's own chain. */
export interface PluginOwner {
  readonly name: string;
  readonly uses: readonly PluginUse[];
  /** Has it a service that plugins call so? */
  readonly hasService: (name: string) => boolean;
}

/** What the throw-away VMs run on. */
export type TrialServices = Omit<PluginServices, 'callouts' | 'redis' | 'room'>;

const encoder = new TextEncoder();
/** Problems of one configuration that a message has room for. */
const TOLD_PROBLEMS = 5;

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

  /** This one is in force no longer. */
  removeModule(name: string): void {
    this.#modules.delete(name);
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
   * ticks, in the same step in which it has found nothing more to try. Where no module is in force yet, nobody has
   * anything to lose: uses that refuse this one are logged, and do not keep it from the others.
   * @param owners asked anew after each round, because configurations change meanwhile
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED: a use refuses it, or all do
   */
  *tryModule(module: CatalogueModule, owners: () => Iterable<PluginOwner>): Steps<ReadonlyMap<string, string[]>> {
    const refusals: unknown[] | null = this.#modules.get(module.name)?.module === null ? [] : null;
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
            tried.set(place, this.#tryOrNote(module, owner, use, refusals));
          }
          if (tried.get(place) === true) keys.push(key);
        }
        ticking.set(owner.name, keys);
      }
      if (tried.size !== before) continue;
      if (refusals !== null && refusals.length > 0 && refusals.length === tried.size) throw refusals[0];
      return ticking;
    }
  }

  /** @param refusals takes what goes wrong; null: it is thrown. */
  #tryOrNote(module: CatalogueModule, owner: PluginOwner, use: PluginUse, refusals: unknown[] | null): boolean {
    try {
      return this.#try(module, owner, use);
    } catch (error) {
      if (refusals === null) throw error;
      refusals.push(error);
      const fields = { plugin: use.use, tenant: owner.name, reason: (error as Error).message };
      this.#services.log.warn(fields, 'a use refuses the module that has come; its failure policy holds');
      return false;
    }
  }

  /** Whether it wants ticks. */
  #try(module: CatalogueModule, owner: PluginOwner, use: PluginUse): boolean {
    checkConfig(module, owner, use);
    const version = versionOf(module, encoder.encode(JSON.stringify(use.config)));
    const known = ({ service, caller }: Pick<CalloutRequest, 'service' | 'caller'>): boolean => {
      const called = calledService(service, caller);
      return called !== null && (called.tenant !== owner.name || owner.hasService(called.service));
    };
    const callouts: Callouts = {
      send: (request) => (known(request) ? { cancel() {} } : null),
      openGrpc: (request) => (known(request) ? { send: () => true, close() {}, cancel() {} } : null),
    };
    const redis: RedisCalls = {
      prepare: known,
      send: ({ target }) => (known(target) ? { cancel() {} } : null),
    };
    const services: PluginServices = { ...this.#services, callouts, redis };
    const plugin = new Plugin({ name: use.use, tenant: owner.name, version }, services);
    try {
      plugin.start();
      return plugin.ticks;
    } finally {
      plugin.close();
    }
  }
}

/**
 * Holds a configuration against the manifest, before a VM is made for it. What its file says is known elsewhere; here the
 * values of secrets are in it, and must not be told.
 * @throws GatewayError SLUICE_PLUGIN_START_FAILED
 */
function checkConfig({ module }: CatalogueModule, { name }: PluginOwner, use: PluginUse): void {
  const schema = module?.manifest?.config ?? null;
  const problems = schema === null ? [] : pluginConfigProblems(schema, use.config as Plain);
  if (problems.length === 0) return;
  const words = problems.slice(0, TOLD_PROBLEMS).map(({ key, code, message, remedy }) => {
    return `${key}: ${code === 'SLUICE_CONFIG_VALUE' ? 'the value is not valid here' : message} — ${remedy}`;
  });
  const whose = name === '' ? 'the gateway' : `tenant ${name}`;
  throw new GatewayError('SLUICE_PLUGIN_START_FAILED', `plugin ${use.use} of ${whose}: ${words.join('; ')}`);
}

/** Uses of one plugin (null: of all) that differ, by their keys. */
function distinctUses({ uses }: PluginOwner, plugin: string | null): Map<string, PluginUse> {
  const distinct = new Map<string, PluginUse>();
  for (const use of uses) if (plugin === null || use.use === plugin) distinct.set(useKey(use), use);
  return distinct;
}
