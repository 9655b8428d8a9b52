import { parsePluginSource } from '../config/plugin-source.ts';
import type { PluginConfig } from '../config/schema-plugin.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { ModuleCache } from './modules/cache.ts';
import { type AcceptModule, type LoadedModule, ModuleEntry } from './modules/entry.ts';
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

/**
 * The modules of the catalogue: files, which are watched, and modules on other machines, which are fetched once. What is
 * new and cannot run, has another digest than it must have, or is refused by a configuration in use changes nothing: the
 * module that was there stays in force. No entry waits for another.
 */
export class Catalogue {
  readonly library = new ModuleLibrary();
  readonly #entries: readonly ModuleEntry[];
  readonly #watches = new Map<string, DirectoryWatch>();
  readonly #cache: ModuleCache | null;
  readonly #settleMs: number;
  readonly #pollMs: number;
  #accept: AcceptModule | null = null;
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
    await Promise.all(catalogue.#entries.map((entry) => entry.load()));
    return catalogue;
  }

  private constructor({ plugins, log, settleMs = 100, pollMs = 10_000 }: CatalogueOptions, cache: ModuleCache | null) {
    this.#cache = cache;
    this.#settleMs = settleMs;
    this.#pollMs = pollMs;
    const queue = new PullQueue();
    const services = {
      log,
      cache,
      library: this.library,
      settleMs,
      open: (plugin: PluginConfig, counts: { success: number; failure: number; cache: number }) => {
        const source = parsePluginSource(plugin.source);
        if ('message' in source) throw new Error(source.message);
        if (source.kind === 'file') return new FileSource(source.path);
        return new RemoteSource(plugin, source, { queue, cache, counts });
      },
    };
    this.#entries = plugins.map((plugin) => new ModuleEntry(plugin, services));
    this.#watch();
  }

  /** In the order of the file. */
  get modules(): LoadedModule[] {
    return this.#entries.map(({ state }) => state);
  }

  /** From now on takes over what changes or arrives, as far as `accept` takes it. */
  follow(accept: AcceptModule): void {
    this.#accept = accept;
    if (this.#entries.length === 0) return;
    this.#poll = setInterval(() => void this.#look(false), this.#pollMs).unref();
    void this.#look(false);
  }

  /** From now on this is asked for, of plugins that were there from the start. */
  change(plugins: readonly PluginConfig[]): void {
    for (const plugin of plugins) this.#entries.find(({ name }) => name === plugin.name)?.change(plugin);
    this.#watch();
    void this.#look(false);
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
    await Promise.all(this.#entries.map((entry) => entry.close()));
    await this.#cache?.flush();
  }

  async #look(force: boolean): Promise<void> {
    const accept = this.#accept;
    if (this.#closed || accept === null) return;
    for (const watch of this.#watches.values()) watch.renew();
    await Promise.all(this.#entries.map((entry) => entry.look(force, accept)));
  }

  /** Watches the directories of all files, and no others. */
  #watch(): void {
    const wanted = new Set(this.#entries.map(({ directory }) => directory));
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
