import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { pluginPath } from '../config/parse-gateway.ts';
import type { PluginConfig } from '../config/schema-gateway.ts';
import type { Log } from '../core/log.ts';
import { type ModuleOptions, type PreparedModule, prepareModule } from '../wasm/module.ts';
import type { CatalogueModule } from './feed.ts';
import { compileAside } from './module-compiler.ts';

/** A plugin of the catalogue with what became of its file. */
export interface LoadedModule extends CatalogueModule {
  /** Absolute path of the module. */
  readonly file: string;
  /** Why there is no module, or ''. */
  readonly error: string;
  /** Why the file as it is now is not in force while an older one is, or ''. */
  readonly refusal: string;
  /** Epoch milliseconds since when the module is in force; 0 = there is none. */
  readonly loadedAt: number;
  /** Files taken over and refused since the start. */
  readonly loads: { readonly success: number; readonly failure: number };
}

/** Puts a module in force. @throws when it may not be; nothing has changed then. */
export type AcceptModule = (module: CatalogueModule) => Promise<void>;

type Prepare = (bytes: Uint8Array, options: ModuleOptions) => Promise<PreparedModule>;

/** Stands for a file that is not there. */
const MISSING = 'missing';

/** One module of the catalogue: the file, and what of it is in force. */
export class ModuleFile {
  readonly path: string;
  readonly #config: PluginConfig;
  readonly #log: Log;
  #module: PreparedModule | null = null;
  #problem = '';
  #loadedAt = 0;
  readonly #loads = { success: 0, failure: 0 };
  /** Identity of the file that was examined last, and of one that may still be being written. */
  #examined = '';
  #candidate = '';
  /** Compiled from the examined file and not accepted; what it is refused for may change without it. */
  #waiting: PreparedModule | null = null;

  constructor(config: PluginConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.path = pluginPath(config);
  }

  get state(): LoadedModule {
    const module = this.#module;
    return {
      ...this.#with(module),
      file: this.path,
      error: module === null ? this.#problem : '',
      refusal: module === null ? '' : this.#problem,
      loadedAt: this.#loadedAt,
      loads: { ...this.#loads },
    };
  }

  /** Reads the file for the first time. */
  async load(): Promise<void> {
    // Nothing else is to do before all modules are there.
    await this.#examine(await identityOf(this.path), async () => {}, prepareModule);
  }

  /**
   * Looks whether the file has changed and puts it in force if it may be. Answers false when it has just changed and
   * may not be whole: then it wants another look a moment later.
   * @param force read it whatever it looks like
   */
  async look(force: boolean, accept: AcceptModule): Promise<boolean> {
    const identity = await identityOf(this.path);
    if (!force && identity === this.#examined) {
      if (this.#waiting !== null) await this.#offer(this.#waiting, accept);
      return true;
    }
    if (!force && identity !== this.#candidate) {
      this.#candidate = identity;
      return false;
    }
    await this.#examine(identity, accept, compileAside);
    return true;
  }

  async #examine(identity: string, accept: AcceptModule, prepare: Prepare): Promise<void> {
    this.#examined = identity;
    this.#candidate = identity;
    this.#waiting = null;
    try {
      const bytes = await readFile(this.path);
      if (createHash('sha256').update(bytes).digest('hex') === this.#module?.digest) this.#problem = '';
      else await this.#offer(await prepare(bytes, this.#options()), accept);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #options(): ModuleOptions {
    const { limits, sha256 } = this.#config;
    const options = { name: this.path, memory: limits.memory, startFuel: limits.fuel.configure };
    return sha256 === undefined ? options : { ...options, sha256 };
  }

  async #offer(module: PreparedModule, accept: AcceptModule): Promise<void> {
    try {
      await accept(this.#with(module));
    } catch (error) {
      this.#waiting = module;
      this.#refuse(error);
      return;
    }
    const before = this.#module;
    this.#waiting = null;
    this.#module = module;
    this.#problem = '';
    this.#loadedAt = Date.now();
    this.#loads.success++;
    const fields = { plugin: this.#config.name, file: this.path, digest: module.digest.slice(0, 12) };
    if (before !== null) this.#log.info({ ...fields, before: before.digest.slice(0, 12) }, 'plugin module replaced');
    else this.#log.info(fields, 'plugin module loaded');
  }

  #with(module: PreparedModule | null): CatalogueModule {
    const { name, limits, allow } = this.#config;
    return { name, module, fuel: limits.fuel, bodyLimit: limits.body, services: allow.services };
  }

  #refuse(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#problem) return;
    this.#problem = reason;
    this.#loads.failure++;
    const fields = { plugin: this.#config.name, file: this.path, reason };
    if (this.#module === null) this.#log.error(fields, 'plugin module cannot be loaded');
    else this.#log.error(fields, 'changed plugin module refused; the former one stays in force');
  }
}

/** What tells one content of a file from another without reading it. */
async function identityOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return MISSING;
  }
}
