import type { PluginUse } from '../config/schema-common.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { OTHER_SERIES } from '../core/metrics.ts';
import type { SeriesTable } from '../core/series-table.ts';
import { runThrough, type Steps } from '../core/steps.ts';
import type { Registries } from '../discovery/registries.ts';
import { compileTenantSteps } from '../routing/compile.ts';
import { compileLanesSteps } from '../routing/lanes.ts';
import { servicesOf, UNMATCHED_ROUTE } from './build.ts';
import type { CatalogueModule, Delta, FeedKey, PluginRemoved, PluginState } from './feed.ts';
import { FeedText, type TenantState } from './feed-text.ts';
import type { FeedSource, Outbox } from './outbox.ts';
import { type PluginOwner, PluginTrials, type TrialServices } from './plugin-trials.ts';
import { usesOf } from './plugin-uses.ts';
import { StepQueue } from './step-queue.ts';
import { ServiceNames } from './service-names.ts';
import { type SubscribedService, Subscriptions } from './subscriptions.ts';
import type { TenantListener, TenantMeta } from './tenant-listener.ts';
import type { TenantQuotas } from './tenant-quotas.ts';

/** A tenant in force. */
export interface ActiveTenant extends TenantState {
  readonly file: string;
  /** Epoch milliseconds since when this configuration is in force. */
  readonly loadedAt: number;
}

/** A configuration that is not in force yet. */
interface HeldTenant {
  readonly timer: NodeJS.Timeout;
  /** Services of which it changes the lists. */
  readonly relisted: readonly string[];
}

export interface ControlPlaneOptions {
  readonly registries: Registries;
  readonly series: SeriesTable;
  readonly modules: readonly CatalogueModule[];
  /** For the throw-away VMs on which new plugin configurations are tried. */
  readonly pluginServices: TrialServices;
  readonly log: Log;
  /** Absent: nothing bounds any tenant. */
  readonly quotas?: TenantQuotas;
  /** All changes of one look at the tenants are in force. */
  readonly onSettled?: () => void;
}

/**
 * The main thread's side of the feed: hears of tenants and endpoints, tries what is new, holds the current state, and
 * tells the outboxes which of it has changed. Carries no traffic.
 */
export class ControlPlane implements TenantListener, FeedSource {
  readonly #options: ControlPlaneOptions;
  readonly #trials: PluginTrials;
  /** Configurations that are known to compile. */
  readonly #compiled = new WeakSet<TenantConfig>();
  /** Trials of configurations and modules, a little at a time. */
  readonly #work = new StepQueue();
  #chain: PluginOwner = { name: '', uses: [], hasService: () => false };
  #chainTicking: readonly string[] = [];
  readonly #subscriptions: Subscriptions;
  readonly #tenants = new Map<string, ActiveTenant>();
  readonly #unavailable = new Map<string, readonly string[]>();
  /** Tenants whose new configuration waits for the lists of services that it brings. */
  readonly #held = new Map<string, HeldTenant>();
  /** Services whose lists a configuration changes that is just being taken over. */
  #relisted: string[] | null = null;
  /** Tenants that have changed in the present look at the files, in the order of their acceptance; null outside of one. */
  #look: string[] | null = null;
  /** Domains that tenants have given up in it. */
  readonly #givenUp = new Set<string>();
  readonly #outboxes = new Set<Outbox>();
  readonly #text = new FeedText();
  #version = 0;
  #changedAt = 0;
  #loads = { success: 0, failure: 0 };
  #lastError = { text: '', at: 0 };

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#trials = new PluginTrials(options.modules, options.pluginServices);
    this.#subscriptions = new Subscriptions(options.registries, (tenant, service) => {
      if (this.#relisted !== null) {
        this.#relisted.push(service);
        return;
      }
      this.#changed({ kind: 'endpoints', tenant, service });
      if (this.#held.has(tenant) && !this.#subscriptions.awaits(tenant)) this.#publish(tenant);
    });
  }

  get version(): number {
    return this.#version;
  }

  /** Epoch milliseconds of the last change; 0 = there was none. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** Configurations taken over and refused since the start. */
  get loads(): { readonly success: number; readonly failure: number } {
    return this.#loads;
  }

  /** The last refused configuration; '' when none was. */
  get lastError(): { readonly text: string; readonly at: number } {
    return this.#lastError;
  }

  get tenants(): ReadonlyMap<string, ActiveTenant> {
    return this.#tenants;
  }

  /** Domains of broken tenants without a good version, by what the tenant is called. */
  get unavailable(): ReadonlyMap<string, readonly string[]> {
    return this.#unavailable;
  }

  services(): SubscribedService[] {
    return this.#subscriptions.services();
  }

  /** Begins to send everything there is, and from now on every change, through this outbox. */
  attach(outbox: Outbox): void {
    this.#outboxes.add(outbox);
    outbox.open();
  }

  /** Ends and closes an outbox, whose worker is gone. */
  detach(outbox: Outbox): void {
    this.#outboxes.delete(outbox);
    outbox.close();
  }

  tenantNames(): Iterable<string> {
    return [...this.#tenants.keys(), ...this.#unavailable.keys()];
  }

  hasTenant(tenant: string): boolean {
    return this.#tenants.has(tenant) || this.#unavailable.has(tenant);
  }

  servicesOf(tenant: string): readonly string[] {
    const active = this.#tenants.get(tenant);
    return active === undefined ? [] : servicesOf(active.config);
  }

  pluginNames(): Iterable<string> {
    return this.#trials.modules.keys();
  }

  hasPlugin(plugin: string): boolean {
    return this.#trials.modules.has(plugin);
  }

  /** Whether a tenant, or '' for the gateway's own chain, runs a plugin. */
  runsPlugin(tenant: string, plugin: string): boolean {
    const isOne = ({ use }: PluginUse): boolean => use === plugin;
    if (tenant === '') return this.#chain.uses.some(isOne);
    const config = this.#tenants.get(tenant)?.config;
    if (config === undefined) return false;
    return config.plugins.some(isOne) || config.routes.some((route) => route.plugins.some(isOne));
  }

  read(key: FeedKey): Iterator<Delta> {
    const version = this.#version;
    if (key.kind === 'plugin') return this.#pluginState(key.plugin);
    const { tenant } = key;
    if (key.kind === 'endpoints') {
      const list = this.#subscriptions.list(tenant, key.service);
      return list === null ? [].values() : this.#text.endpoints(version, tenant, key.service, list);
    }
    const active = this.#tenants.get(tenant);
    if (active !== undefined) return this.#text.tenant(version, active);
    const domains = this.#unavailable.get(tenant);
    const state: Delta =
      domains === undefined
        ? { kind: 'tenant-removed', version, tenant }
        : { kind: 'tenant-unavailable', version, tenant, domains };
    return [state].values();
  }

  /** Tries the plugins of the gateway's own chain. @throws GatewayError SLUICE_PLUGIN_START_FAILED */
  checkChain(chain: readonly PluginUse[]): void {
    this.#chain = { ...this.#chain, uses: chain };
    this.#chainTicking = this.#trials.tryOwner(this.#chain);
  }

  /**
   * Puts a module of the catalogue in place of the one of that name, if every configuration in use starts on it.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED; nothing has changed then.
   */
  replaceModule(module: CatalogueModule): Promise<void> {
    return this.#work.run(this.#replaceModule(module));
  }

  /**
   * Gives a plugin of the catalogue up, unless somebody runs on it. Answers who does: tenants, and '' for the gateway's
   * own chain; nobody: it is gone.
   */
  removePlugin(plugin: string): readonly string[] {
    const users = [...this.#pluginOwners()].filter(({ uses }) => uses.some(({ use }) => use === plugin));
    if (users.length > 0 || !this.hasPlugin(plugin)) return users.map(({ name }) => name);
    // Whoever has just given it up in a configuration that is held still runs on it.
    for (const tenant of this.#held.keys()) this.#publish(tenant);
    this.#trials.removeModule(plugin);
    this.#changed({ kind: 'plugin', plugin });
    return [];
  }

  async prepare(config: TenantConfig): Promise<void> {
    try {
      await this.#work.run(this.#compile(config), true);
    } catch {
      // What is wrong with it is said by `onTenant`, which then compiles it once more.
    }
  }

  onTenant(name: string, config: TenantConfig, meta: TenantMeta): void {
    let ticking: readonly string[];
    try {
      if (!meta.acceptedBefore && !this.#compiled.has(config)) runThrough(this.#compile(config));
      ticking = this.#trials.tryOwner(ownerOf(config));
    } catch (error) {
      this.#noteFailure(`${meta.file}: ${(error as Error).message}`);
      throw error;
    }
    const quota = this.#options.quotas?.assign(name);
    const lanes = ['', ...config.lanes.map((lane) => lane.name)];
    const routes = config.routes.map(({ id }) => ({ route: id, lanes }));
    const series = this.#options.series.assign(name, [...routes, { route: UNMATCHED_ROUTE, lanes: [''] }]);
    const unmatched = series.get(UNMATCHED_ROUTE)?.[0] ?? OTHER_SERIES;
    this.#unavailable.delete(name);
    const former = this.#tenants.get(name)?.config;
    this.#giveUp(former, config.domains);
    this.#tenants.set(name, { config, series, unmatched, ticking, quota, file: meta.file, loadedAt: Date.now() });
    this.#loads.success++;
    const relisted = this.#takeLists(config);
    // A domain that another tenant has just given up is not to be nobody's meanwhile.
    const patient = former !== undefined && !config.domains.some((domain) => this.#givenUp.has(domain));
    if (patient && this.#subscriptions.awaits(name)) this.#hold(name, relisted);
    else this.#publish(name, relisted);
  }

  onTenantRemoved(name: string): void {
    this.#giveUp(this.#tenants.get(name)?.config, []);
    this.#tenants.delete(name);
    this.#unavailable.delete(name);
    this.#subscriptions.remove(name);
    this.#options.series.remove(name);
    this.#options.quotas?.remove(name);
    this.#publish(name);
  }

  onTenantBroken(
    name: string,
    domains: readonly string[],
    problems: readonly { readonly message: string }[],
    { file, lastGood }: TenantMeta & { readonly lastGood: boolean },
  ): void {
    this.#noteFailure(`${file}: ${problems[0]?.message ?? 'invalid'}`);
    if (lastGood) return;
    this.#tenants.delete(name);
    this.#subscriptions.remove(name);
    this.#unavailable.set(name, domains);
    this.#publish(name);
  }

  onSettling(): void {
    this.#look = [];
    this.#givenUp.clear();
  }

  onSettled(): void {
    // Who takes a domain over is accepted after who gives it up, and is told of before, so that it is never nobody's.
    const changed = [...new Set(this.#look?.reverse())];
    this.#look = null;
    const there = changed.filter((name) => this.hasTenant(name));
    const gone = changed.filter((name) => !this.hasTenant(name));
    for (const tenant of [...there, ...gone]) this.#changed({ kind: 'tenant', tenant });
    this.#options.onSettled?.();
  }

  #noteFailure(text: string): void {
    this.#loads.failure++;
    this.#lastError = { text, at: Date.now() };
  }

  /** A route that moves to another service is not to be without endpoints until the registry has answered. */
  #hold(tenant: string, relisted: readonly string[]): void {
    const held = this.#held.get(tenant);
    const end = (): void => {
      this.#subscriptions.giveUp(tenant);
      this.#publish(tenant);
    };
    const timer = held?.timer ?? setTimeout(end, LIMITS.firstListsMs).unref();
    this.#held.set(tenant, { timer, relisted: [...(held?.relisted ?? []), ...relisted] });
  }

  /** @param relisted services whose lists come with the configuration, as far as it was not held */
  #publish(tenant: string, relisted: readonly string[] = []): void {
    const held = this.#held.get(tenant);
    clearTimeout(held?.timer);
    this.#held.delete(tenant);
    for (const service of [...(held?.relisted ?? []), ...relisted]) {
      this.#changed({ kind: 'endpoints', tenant, service });
    }
    if (this.#look === null) this.#changed({ kind: 'tenant', tenant });
    else this.#look.push(tenant);
  }

  #giveUp(former: TenantConfig | undefined, domains: readonly string[]): void {
    if (this.#look === null) return;
    for (const domain of former?.domains ?? []) if (!domains.includes(domain)) this.#givenUp.add(domain);
  }

  /** Follows the services of a configuration. Answers which of them have other endpoints by it: they go with it. */
  #takeLists(config: TenantConfig): readonly string[] {
    const relisted: string[] = [];
    this.#relisted = relisted;
    try {
      this.#subscriptions.replace(config);
    } finally {
      this.#relisted = null;
    }
    return relisted;
  }

  #changed(key: FeedKey): void {
    this.#version++;
    this.#changedAt = Date.now();
    for (const outbox of this.#outboxes) outbox.mark(key);
  }

  *#compile(config: TenantConfig): Steps<void> {
    yield* compileTenantSteps(config);
    yield* compileLanesSteps(config);
    this.#compiled.add(config);
  }

  *#pluginState(plugin: string): Generator<PluginState | PluginRemoved> {
    const module = this.#trials.modules.get(plugin);
    if (module === undefined) {
      yield { kind: 'plugin-removed', version: this.#version, plugin };
      return;
    }
    const ticking = this.#chainTicking.filter((key) => isUseOf(key, plugin));
    yield { kind: 'plugin', version: this.#version, module, ticking };
  }

  *#replaceModule(module: CatalogueModule): Steps<void> {
    const { name } = module;
    const ticking = yield* this.#trials.tryModule(module, () => this.#pluginOwners());
    this.#trials.setModule(module);
    this.#chainTicking = withUses(this.#chainTicking, name, ticking.get('') ?? []);
    this.#changed({ kind: 'plugin', plugin: name });
    for (const [tenant, state] of this.#tenants) {
      const next = withUses(state.ticking, name, ticking.get(tenant) ?? []);
      if (next.join() === state.ticking.join()) continue;
      this.#tenants.set(tenant, { ...state, ticking: next });
      this.#changed({ kind: 'tenant', tenant });
    }
  }

  *#pluginOwners(): Generator<PluginOwner> {
    yield this.#chain;
    for (const { config } of this.#tenants.values()) yield ownerOf(config);
  }
}

function ownerOf(config: TenantConfig): PluginOwner {
  let names: ServiceNames | null = null;
  const hasService = (name: string): boolean => {
    names ??= new ServiceNames(config, servicesOf(config));
    return names.find(name) !== null;
  };
  return { name: config.tenant, uses: usesOf(config), hasService };
}

function isUseOf(key: string, plugin: string): boolean {
  return key.startsWith(`${plugin}\n`);
}

/** Keys with those of one plugin's uses replaced. */
function withUses(keys: readonly string[], plugin: string, uses: readonly string[]): readonly string[] {
  return [...keys.filter((key) => !isUseOf(key, plugin)), ...uses];
}
