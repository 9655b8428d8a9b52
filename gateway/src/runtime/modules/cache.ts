import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { displayPath, reasonOf } from '../../config/files.ts';
import type { Log } from '../../core/log.ts';
import { StateDirectory } from '../state-directory.ts';
import { digestOf } from './library.ts';

/** The module that a plugin ran last. */
export interface KeptModule {
  /** What named it: `sha256:` or `manifest:`, and a digest. */
  readonly pin: string;
  /** SHA-256 of the module, lower-case hex. */
  readonly digest: string;
}

const MODULE = /^([0-9a-f]{64})\.wasm$/;
const RECORD = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.json$/;
const PIN = /^(sha256|manifest):[0-9a-f]{64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Fetched modules on disk: the one that each plugin of the catalogue ran last, by its digest, which is checked whenever
 * it is read. So it never holds more than one module for each plugin. A disk that fails is logged once, and keeps
 * nothing from running.
 */
export class ModuleCache {
  readonly #directory: StateDirectory;
  readonly #place: string;
  readonly #log: Log;
  readonly #records = new Map<string, KeptModule>();
  readonly #modules = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  #complaint = '';

  /** @param directory of the gateway's state; a folder `modules` in it is used */
  constructor(directory: string, log: Log) {
    this.#place = join(directory, 'modules');
    this.#directory = new StateDirectory(this.#place);
    this.#log = log;
  }

  /** Looks at what there is and removes what belongs to none of these plugins. Never rejects. */
  async open(plugins: readonly string[]): Promise<void> {
    try {
      const names = await this.#directory.open();
      for (const name of names) await this.#take(name, plugins);
      await this.#sweep();
    } catch (error) {
      this.#complain(error);
    }
  }

  /** What the plugin ran last; null: nothing is known. */
  lastGood(plugin: string): KeptModule | null {
    return this.#records.get(plugin) ?? null;
  }

  /** The bytes of a module; null when they are not there, or not what they were. Never rejects. */
  async read(digest: string): Promise<Uint8Array | null> {
    if (!this.#modules.has(digest)) return null;
    const file = `${digest}.wasm`;
    try {
      const bytes = await this.#directory.read(file);
      if (digestOf(bytes) === digest) return bytes;
      this.#log.warn({ file: join(displayPath(this.#place), file) }, 'a kept module is not what it was; fetching it');
      this.#modules.delete(digest);
      await this.#directory.remove(file);
    } catch (error) {
      this.#complain(error);
    }
    return null;
  }

  /** Keeps a module as the one that the plugin ran last, in place of the one before. Never rejects. */
  keep(plugin: string, kept: KeptModule, bytes: Uint8Array): Promise<void> {
    const work = this.#turn.then(() => this.#keep(plugin, kept, bytes)).catch((error) => this.#complain(error));
    this.#turn = work;
    return work;
  }

  /** Keeps nothing for this plugin any more. Never rejects. */
  forget(plugin: string): Promise<void> {
    const work = this.#turn.then(() => this.#forget(plugin)).catch((error) => this.#complain(error));
    this.#turn = work;
    return work;
  }

  /** Resolves when nothing is left to be written. */
  async flush(): Promise<void> {
    await this.#turn;
  }

  async #keep(plugin: string, kept: KeptModule, bytes: Uint8Array): Promise<void> {
    const known = this.#records.get(plugin);
    if (known?.pin === kept.pin && known.digest === kept.digest && this.#modules.has(kept.digest)) return;
    if (!this.#modules.has(kept.digest)) await this.#directory.write(`${kept.digest}.wasm`, bytes);
    this.#modules.add(kept.digest);
    await this.#directory.write(`${plugin}.json`, Buffer.from(JSON.stringify(kept)));
    this.#records.set(plugin, kept);
    await this.#sweep();
    this.#complain(null);
  }

  async #forget(plugin: string): Promise<void> {
    if (!this.#records.delete(plugin)) return;
    await this.#directory.remove(`${plugin}.json`);
    await this.#sweep();
  }

  /** Reads a record, or notes a module. */
  async #take(name: string, plugins: readonly string[]): Promise<void> {
    const [, digest] = MODULE.exec(name) ?? [];
    if (digest !== undefined) this.#modules.add(digest);
    const [, plugin] = RECORD.exec(name) ?? [];
    if (plugin === undefined) return;
    const kept = plugins.includes(plugin) ? decode(await this.#directory.read(name)) : null;
    if (kept === null) await this.#directory.remove(name);
    else this.#records.set(plugin, kept);
  }

  /** Removes modules that no plugin ran last. */
  async #sweep(): Promise<void> {
    const used = new Set([...this.#records.values()].map(({ digest }) => digest));
    for (const digest of this.#modules) {
      if (used.has(digest)) continue;
      this.#modules.delete(digest);
      await this.#directory.remove(`${digest}.wasm`);
    }
  }

  #complain(error: unknown): void {
    const reason = error === null ? '' : reasonOf(error);
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const directory = displayPath(this.#place);
    if (reason === '') this.#log.info({ directory }, 'fetched modules can be kept again');
    else this.#log.error({ directory, reason }, 'fetched modules cannot be kept: a restart needs their servers');
  }
}

/**
 * The module that is kept under this name, for those who only look: nothing is changed. null: it is not there, or not what
 * it was. Never rejects.
 * @param directory of the gateway's state
 */
export async function keptModule(directory: string, plugin: string, pin: string): Promise<Uint8Array | null> {
  const place = join(directory, 'modules');
  try {
    const named = pin.startsWith('sha256:') ? { pin, digest: pin.slice('sha256:'.length) } : null;
    const kept = named ?? decode(await readFile(join(place, `${plugin}.json`)));
    if (kept?.pin !== pin) return null;
    const bytes = await readFile(join(place, `${kept.digest}.wasm`));
    return digestOf(bytes) === kept.digest ? bytes : null;
  } catch {
    return null;
  }
}

function decode(bytes: Buffer): KeptModule | null {
  try {
    const { pin, digest } = JSON.parse(bytes.toString()) as Partial<KeptModule>;
    return PIN.test(String(pin)) && DIGEST.test(String(digest)) ? { pin: pin!, digest: digest! } : null;
  } catch {
    return null;
  }
}
