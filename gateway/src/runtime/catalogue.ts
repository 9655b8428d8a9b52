import { parsePluginSource } from '../config/plugin-source.ts';
import { type CataloguedPlugin, withSchemas } from '../config/rules.ts';
import type { PluginConfig } from '../config/schema-plugin.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { ModuleCache } from './modules/cache.ts';
import { type AcceptModule, type EntryServices, type LoadedModule, ModuleEntry } from './modules/entry.ts';
import type { CatalogueModule } from './feed.ts';
import { FileSource } from './modules/file-source.ts';
import { ModuleLibrary } from './modules/library.ts';
import { PullQueue } from './modules/pull-queue.ts';
import { RemoteSource } from './modules/remote-source.ts';

export interface CatalogueOptions {
  readonly plugins: readonly PluginConfig[];
  readonly log: Log;
  /** Of the gateway's state, where modules that were fetched are kept; default: none are. */
  readonly stateDirectory?: string;
  /** Wait after the first of a burst of changes, and before a file that has changed is read; default 100 ms. */
  readonly settleMs?: number;
  /** Look at the files this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
}

/** Who runs the plugins of a catalogue, and who uses them. */
export interface CatalogueFollower {
  /** Puts a module in force. */
  readonly accept: AcceptModule;
  /** Gives a plugin up, unless somebody runs on it. Answers who does (tenants, '' = the gateway's own chain). */
  readonly remove: (plugin: string) => readonly string[];
  /** What tenants may use has changed. */
  readonly offer: (plugins: readonly CataloguedPlugin[]) => void;
}

/** Names of users that a message has room for. */
const SHOWN_USERS = 5;

/**
 * The modules of the catalogue: files, which are watched, and modules on other machines, which are fetched once. What is
 * new and cannot run, has another digest than it must have, or is refused by a configuration in use changes nothing: the
 * module that was there stays in force. No entry waits for another. Plugins come and go while the gateway runs: tenants may
 * use a new one from when its module is in force, and one that is asked for no more stays until nobody runs on it.
 */
export class Catalogue {
  readonly library = new ModuleLibrary();
  readonly #log: Log;
  readonly #services: EntryServices;
  /** By name, in the order of the file. */
  #entries: ReadonlyMap<string, ModuleEntry>;
  /** Plugins that tenants may use if they are asked for. */
  readonly #usable: Set<string>;
  /** JSON Schemas of their configurations, as far as their modules carry one. */
  readonly #schemas = new Map<string, object>();
  #offered = '';
  readonly #watches = new Map<string, DirectoryWatch>();
  readonly #cache: ModuleCache | null;
  readonly #settleMs: number;
  readonly #pollMs: number;
  #follower: CatalogueFollower | null = null;
  #poll: NodeJS.Timeout | null = null;
  #closed = false;

  /**
   * Reads, checks and compiles all modules that are on this machine. One that fails does not stop the others: its uses
   * apply their failure policy. Those on other machines come later.
   */
  static async load(options: CatalogueOptions): Promise<Catalogue> {
    const { plugins, log, stateDirectory } = options;
    const cache = stateDirectory === undefined ? null : new ModuleCache(stateDirectory, log);
    await cache?.open(plugins.map(({ name }) => name));
    const catalogue = new Catalogue(options, cache);
    await Promise.all([...catalogue.#entries.values()].map((entry) => entry.load()));
    for (const module of catalogue.modules) catalogue.#noteSchema(module);
    catalogue.#offered = JSON.stringify(catalogue.plugins);
    return catalogue;
  }

  private constructor({ plugins, log, settleMs = 100, pollMs = 10_000 }: CatalogueOptions, cache: ModuleCache | null) {
    this.#log = log;
    this.#cache = cache;
    this.#settleMs = settleMs;
    this.#pollMs = pollMs;
    const queue = new PullQueue();
    this.#services = {
      log,
      cache,
      library: this.library,
      settleMs,
      open: (plugin, counts) => {
        const source = parsePluginSource(plugin.source);
        if ('message' in source) throw new Error(source.message);
        if (source.kind === 'file') return new FileSource(source.path);
        return new RemoteSource(plugin, source, { queue, cache, counts });
      },
    };
    this.#entries = new Map(plugins.map((plugin) => [plugin.name, new ModuleEntry(plugin, this.#services)]));
    this.#usable = new Set(this.#entries.keys());
    this.#watch();
  }

  /** In the order of the file, then those that are asked for no more. */
  get modules(): LoadedModule[] {
    return [...this.#entries.values()].map(({ state }) => state);
  }

  /** What is asked for, as tenants may name it. */
  get plugins(): CataloguedPlugin[] {
    const asked = [...this.#entries.values()].filter((entry) => entry.leaving === '');
    return withSchemas(asked, this.#schemas).map((plugin) => {
      return this.#usable.has(plugin.name) ? plugin : { ...plugin, awaited: true };
    });
  }

  /** From now on takes over what changes, arrives or goes, as far as the follower takes it. */
  follow(follower: CatalogueFollower): void {
    this.#follower = follower;
    this.#poll = setInterval(() => void this.#look(false, true), this.#pollMs).unref();
    void this.#look(false);
  }

  /** From now on this is asked for. */
  change(plugins: readonly PluginConfig[]): void {
    const entries = new Map(plugins.map((plugin) => [plugin.name, this.#entryOf(plugin)]));
    for (const [name, entry] of this.#entries) if (!entries.has(name)) entries.set(name, leaving(entry));
    this.#entries = entries;
    this.#offer();
    this.sweep();
    this.#watch();
    void this.#look(false);
  }

  /** Gives up what is asked for no more, as far as nobody runs on it: to be called when tenants have changed. */
  sweep(): void {
    for (const [name, entry] of this.#entries) {
      if (entry.leaving === '' || this.#follower === null) continue;
      const users = this.#follower.remove(name);
      if (users.length === 0) this.#remove(name, entry);
      else this.#keepFor(users, entry);
    }
  }

  /** Looks at all sources anew. Resolves when what they hold is in force or refused. */
  reload(): Promise<void> {
    return this.#look(true);
  }

  /** Takes over nothing any more. Resolves when the looks that were under way have ended, and what they found is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches.values()) watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    await Promise.all([...this.#entries.values()].map((entry) => entry.close()));
    await this.#cache?.flush();
  }

  /** @param again what was refused is tried once more */
  async #look(force: boolean, again = force): Promise<void> {
    if (this.#closed || this.#follower === null) return;
    for (const watch of this.#watches.values()) watch.renew();
    const looks = [...this.#entries.values()].map((entry) => {
      return entry.look(force, (module) => this.#accept(module, entry), again);
    });
    await Promise.all(looks);
  }

  async #accept(module: CatalogueModule, entry: ModuleEntry): Promise<void> {
    const { name } = module;
    await this.#follower!.accept(module);
    // It may have been given up while it was tried, and another be asked for by that name.
    if (this.#entries.get(name) !== entry) {
      this.#follower!.remove(name);
      return;
    }
    this.#usable.add(name);
    this.#noteSchema(module);
    this.#offer();
  }

  #entryOf(plugin: PluginConfig): ModuleEntry {
    const known = this.#entries.get(plugin.name);
    if (known === undefined) return new ModuleEntry(plugin, this.#services, true);
    known.leaving = '';
    known.change(plugin);
    return known;
  }

  #keepFor(users: readonly string[], entry: ModuleEntry): void {
    const names = users.slice(0, SHOWN_USERS).map((user) => (user === '' ? "the gateway's own chain" : user));
    const more = users.length > SHOWN_USERS ? ` and ${users.length - SHOWN_USERS} more` : '';
    const reason = `gone from gateway.yaml, and still run by ${names.join(', ')}${more}`;
    if (entry.leaving === reason) return;
    entry.leaving = reason;
    this.#log.warn({ plugin: entry.name, reason }, 'plugin stays until nobody runs it');
  }

  #remove(name: string, entry: ModuleEntry): void {
    const left = new Map(this.#entries);
    left.delete(name);
    this.#entries = left;
    this.#usable.delete(name);
    this.#schemas.delete(name);
    void entry.close();
    void this.#cache?.forget(name);
    this.#watch();
    this.#log.info({ plugin: name }, 'plugin removed');
  }

  #noteSchema({ name, module }: CatalogueModule): void {
    const schema = module?.manifest?.config ?? null;
    if (schema === null) this.#schemas.delete(name);
    else this.#schemas.set(name, schema);
  }

  #offer(): void {
    const { plugins } = this;
    const text = JSON.stringify(plugins);
    if (text === this.#offered || this.#closed) return;
    this.#offered = text;
    this.#follower?.offer(plugins);
  }

  /** Watches the directories of all files, and no others. */
  #watch(): void {
    const wanted = new Set([...this.#entries.values()].map(({ directory }) => directory));
    for (const [directory, watch] of this.#watches) {
      if (wanted.has(directory)) continue;
      watch.close();
      this.#watches.delete(directory);
    }
    for (const directory of wanted) {
      if (directory === null || this.#watches.has(directory)) continue;
      this.#watches.set(directory, new DirectoryWatch(directory, this.#settleMs, () => void this.#look(false)));
    }
  }
}

function leaving(entry: ModuleEntry): ModuleEntry {
  entry.leaving ||= 'gone from gateway.yaml';
  return entry;
}
