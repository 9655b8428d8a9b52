import { dirname } from 'node:path';
import type { PluginConfig } from '../config/schema-gateway.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { type AcceptModule, type LoadedModule, ModuleFile } from './module-file.ts';

export interface CatalogueOptions {
  readonly plugins: readonly PluginConfig[];
  readonly log: Log;
  /** Wait after the first of a burst of changes, and before a file that has changed is read; default 100 ms. */
  readonly settleMs?: number;
  /** Look at the files this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
}

/**
 * The modules of the catalogue and their files, which are watched. A changed file that cannot run, has another digest
 * than it must have, or is refused by a configuration in use changes nothing: the module that was there stays in force.
 */
export class Catalogue {
  readonly #log: Log;
  readonly #files: readonly ModuleFile[];
  readonly #watches: readonly DirectoryWatch[];
  readonly #settleMs: number;
  readonly #pollMs: number;
  #accept: AcceptModule | null = null;
  #poll: NodeJS.Timeout | null = null;
  #again: NodeJS.Timeout | null = null;
  #look: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;

  /**
   * Reads, checks and compiles all modules. One that fails does not stop the others: its uses apply their failure
   * policy, and the gateway does not become ready before it is mended.
   */
  static async load(options: CatalogueOptions): Promise<Catalogue> {
    const catalogue = new Catalogue(options);
    await Promise.all(catalogue.#files.map((file) => file.load()));
    return catalogue;
  }

  private constructor({ plugins, log, settleMs = 100, pollMs = 10_000 }: CatalogueOptions) {
    this.#log = log;
    this.#settleMs = settleMs;
    this.#pollMs = pollMs;
    this.#files = plugins.map((plugin) => new ModuleFile(plugin, log));
    const directories = new Set(this.#files.map(({ path }) => dirname(path)));
    this.#watches = [...directories].map((directory) => {
      return new DirectoryWatch(directory, settleMs, () => this.#lookSoon(false));
    });
  }

  /** In the order of the file. */
  get modules(): LoadedModule[] {
    return this.#files.map(({ state }) => state);
  }

  /** From now on takes over what changes, as far as `accept` takes it. */
  follow(accept: AcceptModule): void {
    this.#accept = accept;
    if (this.#files.length === 0) return;
    this.#poll = setInterval(() => this.#lookSoon(false), this.#pollMs).unref();
    this.#lookSoon(false);
  }

  /** Reads all files anew. Resolves when what they hold is in force or refused. */
  async reload(): Promise<void> {
    this.#lookSoon(true);
    await this.#look;
  }

  /** Takes over nothing any more. Resolves when the look that was under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#again !== null) clearTimeout(this.#again);
    await this.#look;
  }

  #lookSoon(force: boolean): void {
    if (this.#queued && !force) return;
    this.#queued ||= !force;
    this.#look = this.#look.then(async () => {
      if (!force) this.#queued = false;
      try {
        await this.#lookAtAll(force);
      } catch (error) {
        // One failed look must not end the watching.
        this.#log.error({ reason: String(error) }, 'modules of plugins could not be looked at');
      }
    });
  }

  async #lookAtAll(force: boolean): Promise<void> {
    for (const watch of this.#watches) if (!this.#closed) watch.renew();
    for (const file of this.#files) {
      if (this.#closed || this.#accept === null) return;
      if (await file.look(force, this.#accept)) continue;
      this.#again ??= setTimeout(() => {
        this.#again = null;
        this.#lookSoon(false);
      }, this.#settleMs).unref();
    }
  }
}
