import { isDeepStrictEqual } from 'node:util';
import type { PluginConfig } from '../../config/schema-plugin.ts';
import { GatewayError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import { checkHostCalls, type PreparedModule } from '../../wasm/module.ts';
import type { CatalogueModule } from '../feed.ts';
import { grantsOf } from '../plugin-grants.ts';
import type { ModuleCache } from './cache.ts';
import { digestOf, type ModuleLibrary } from './library.ts';
import type { ModuleSource, PullCounts } from './source.ts';

/** A plugin of the catalogue with what became of its module. */
export interface LoadedModule extends CatalogueModule {
  /** Where its module comes from: absolute path, URL or reference. */
  readonly source: string;
  /** Why there is no module, or ''. */
  readonly error: string;
  /** Why what the catalogue asks for is not in force while something older is, or ''. */
  readonly refusal: string;
  /** It is fetched from elsewhere, and has not come yet, and the gateway has not been waiting for it for long. */
  readonly awaited: boolean;
  /** It is fetched from elsewhere, so that its absence may be nobody's mistake here. */
  readonly remote: boolean;
  /** It came to a running gateway, whose traffic does not depend on it. */
  readonly added: boolean;
  /** Epoch milliseconds since when the module is in force; 0 = there is none. */
  readonly loadedAt: number;
  /** Modules taken over and refused since the start. */
  readonly loads: { readonly success: number; readonly failure: number };
  /** Attempts to fetch it; null: it is a file. */
  readonly pulls: PullCounts | null;
}

/** Puts a module in force. @throws when it may not be; nothing has changed then. */
export type AcceptModule = (module: CatalogueModule) => Promise<void>;

/** What the entries of one catalogue share. */
export interface EntryServices {
  readonly log: Log;
  readonly library: ModuleLibrary;
  /** null: nothing is kept. */
  readonly cache: ModuleCache | null;
  /** Where the module of a plugin comes from. */
  readonly open: (plugin: PluginConfig, counts: { -readonly [name in keyof PullCounts]: number }) => ModuleSource;
  /** Wait before a file that has changed is read, in milliseconds. */
  readonly settleMs: number;
}

/** A compiled module and what it was compiled for. */
interface Candidate {
  readonly config: PluginConfig;
  readonly module: PreparedModule;
  /** As they came; null when they are kept already, or need not be. */
  readonly bytes: Uint8Array | null;
  /** What named it; null: it is a file, or it ran last and something else was asked for. */
  readonly pin: string | null;
  /** Why what is asked for cannot be had, of a module that stays for want of it; '' = this one is asked for. */
  readonly instead: string;
}

const NOT_YET = 'it has not been fetched yet';

/** One plugin of the catalogue: what is asked for, where it comes from, and what of it is in force. */
export class ModuleEntry {
  readonly #services: EntryServices;
  readonly #since = performance.now();
  readonly #added: boolean;
  readonly #loads = { success: 0, failure: 0 };
  readonly #pulls = { success: 0, failure: 0, cache: 0 };
  #config: PluginConfig;
  #source: ModuleSource;
  #inForce: Candidate | null = null;
  /** Compiled and not accepted; what it is refused for may change without it. */
  #waiting: Candidate | null = null;
  /** The candidate that was refused last: looks that nobody insists on leave it alone. */
  #refused: Candidate | null = null;
  #problem = '';
  #loadedAt = 0;
  #turn: Promise<void> = Promise.resolve();
  #queued = false;
  #again = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** Why it is here though nobody asks for it; '' = somebody does. */
  leaving = '';

  /** @param added it comes to a running gateway */
  constructor(config: PluginConfig, services: EntryServices, added = false) {
    this.#services = services;
    this.#added = added;
    this.#config = config;
    this.#source = services.open(config, this.#pulls);
  }

  get name(): string {
    return this.#config.name;
  }

  /** To be watched for changes; null: nothing is. */
  get directory(): string | null {
    return this.#source.directory;
  }

  get state(): LoadedModule {
    const there = this.#inForce;
    const { place, pin } = this.#source;
    const remote = pin !== null;
    return {
      ...catalogued(there?.config ?? this.#config, there?.module ?? null),
      source: place,
      error: there === null ? this.leaving || this.#problem || NOT_YET : '',
      refusal: there === null ? '' : this.leaving || this.#problem,
      awaited: there === null && remote && performance.now() - this.#since < LIMITS.pluginPullReadyMs,
      remote,
      added: this.#added,
      loadedAt: this.#loadedAt,
      loads: { ...this.#loads },
      pulls: remote ? { ...this.#pulls } : null,
    };
  }

  /** Puts in force what there is on this machine: the file, a kept copy, or what ran last. Never rejects. */
  async load(): Promise<void> {
    try {
      const bytes = await this.#source.atHand();
      if (typeof bytes !== 'string') await this.#take(await this.#prepare(bytes, false), null);
    } catch (error) {
      this.#refuse(error);
    }
    if (this.#inForce === null) await this.#restore();
  }

  /** From now on this is asked for. What is in force stays so until it is there. */
  change(config: PluginConfig): void {
    const before = this.#config;
    if (isDeepStrictEqual(config, before)) return;
    this.#config = config;
    if (!sameSource(config, before) || !sameCode(config, before)) return this.#reopen(config);
    if (this.#waiting !== null) this.#waiting = { ...this.#waiting, config };
    else if (this.#inForce !== null) this.#waiting = { ...this.#inForce, config, instead: this.#problem };
  }

  /**
   * Looks whether there is something new and puts it in force if it may be. Resolves when that is decided. One look
   * runs at a time; one that nobody insists on is dropped while another waits for its turn.
   * @param force look closely, and try at once what failed before
   * @param again what was refused is tried once more, because that may depend on something else
   */
  look(force: boolean, accept: AcceptModule, again = force): Promise<void> {
    this.#again ||= again;
    if (this.#queued && !force) return this.#turn;
    this.#queued ||= !force;
    this.#turn = this.#turn.then(async () => {
      if (!force) this.#queued = false;
      if (!this.#closed) await this.#lookOnce(force, accept);
    });
    return this.#turn;
  }

  /** Takes over nothing any more. Resolves when the look that was under way has ended. */
  close(): Promise<void> {
    this.#closed = true;
    this.#source.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    return this.#turn;
  }

  #reopen(config: PluginConfig): void {
    this.#source.close();
    this.#source = this.#services.open(config, this.#pulls);
    const { pin } = this.#source;
    const there = this.#inForce;
    if (pin !== null && there?.pin === pin && sameCode(config, there.config)) {
      // Nothing but the way to it has changed.
      this.#source.adopt();
      this.#waiting = { ...there, config };
      return;
    }
    this.#waiting = null;
    this.#problem = pin === null ? '' : NOT_YET;
  }

  async #lookOnce(force: boolean, accept: AcceptModule): Promise<void> {
    const source = this.#source;
    const again = this.#again;
    this.#again = false;
    let failure: unknown = null;
    const found = await source.look(force).catch((error: unknown) => {
      failure = error;
      return 'same' as const;
    });
    try {
      const fresh = typeof found === 'string' ? null : await this.#prepare(found, true);
      // Something else is asked for meanwhile, and its look comes next.
      if (source !== this.#source || this.#closed) return;
      const candidate = fresh === null ? this.#due(again) : { ...fresh, config: this.#config };
      if (candidate !== null && found !== 'unsettled') await this.#take(candidate, accept);
    } catch (error) {
      failure = error;
    }
    if (source !== this.#source || this.#closed) return;
    if (failure !== null) this.#refuse(failure);
    this.#lookAgain(found === 'unsettled' ? this.#services.settleMs : source.dueMs, accept);
  }

  /** What waits, unless it was refused and nobody has asked to try that again. */
  #due(again: boolean): Candidate | null {
    return again || this.#waiting !== this.#refused ? this.#waiting : null;
  }

  #lookAgain(delayMs: number | null, accept: AcceptModule): void {
    if (delayMs === null || this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.look(false, accept);
    }, delayMs).unref();
  }

  /** @param aside this thread has other things to do */
  async #prepare(bytes: Uint8Array, aside: boolean): Promise<Candidate> {
    const config = this.#config;
    const { limits, sha256 } = config;
    const { pin, place: name } = this.#source;
    const digest = digestOf(bytes);
    if (sha256 !== undefined && digest !== sha256) {
      const reason = `its SHA-256 is ${digest}, not ${sha256} as configured; check the file or the digest`;
      throw new GatewayError('SLUICE_PLUGIN_INVALID', `plugin module ${name}: ${reason}`);
    }
    const options = { name, memory: limits.memory, startFuel: startFuel(limits) };
    const module = await this.#services.library.prepare(bytes, options, aside);
    return { config, module, bytes: pin === null ? null : bytes, pin, instead: '' };
  }

  /** Puts a module in force. @throws when it may not be: then it waits. */
  async #take(candidate: Candidate, accept: AcceptModule | null): Promise<void> {
    const { config, module } = candidate;
    const { pin, place } = this.#source;
    this.#waiting = candidate;
    this.#refused = candidate;
    const { allow = null, deny } = config.allow.hostCalls;
    checkHostCalls(module, { allow, deny }, place);
    if (!this.#isInForce(candidate)) {
      await accept?.(catalogued(config, module));
      this.#took(candidate, place);
    }
    this.#inForce = { ...candidate, bytes: null };
    // Otherwise more was asked for meanwhile.
    if (this.#waiting !== candidate) return;
    this.#waiting = null;
    this.#problem = candidate.pin === pin ? candidate.instead : this.#problem || NOT_YET;
    if (candidate.bytes === null || pin === null) return;
    void this.#services.cache?.keep(config.name, { pin, digest: module.digest }, candidate.bytes);
  }

  /** Nothing that workers know of would change. */
  #isInForce({ config, module }: Candidate): boolean {
    const there = this.#inForce;
    return there?.module === module && isDeepStrictEqual(grantsOf(config), grantsOf(there.config));
  }

  #took({ config, module }: Candidate, source: string): void {
    const { log } = this.#services;
    const before = this.#inForce?.module;
    if (before !== module && module.manifestProblem !== '') {
      const fields = { plugin: config.name, source, reason: module.manifestProblem };
      log.warn(fields, 'the manifest of the module is not valid; configurations are not checked against it');
    }
    if (before === module) {
      log.info({ plugin: config.name }, 'plugin runs with what it is granted now');
      return;
    }
    this.#loadedAt = Date.now();
    this.#loads.success++;
    const fields = { plugin: config.name, source, digest: module.digest.slice(0, 12) };
    if (before === undefined) log.info(fields, 'plugin module loaded');
    else log.info({ ...fields, before: before.digest.slice(0, 12) }, 'plugin module replaced');
  }

  /** What ran last, while what is asked for now is not there. */
  async #restore(): Promise<void> {
    const { cache, library, log } = this.#services;
    const { name, limits } = this.#config;
    if (this.#source.pin === null) return;
    const digest = cache?.lastGood(name)?.digest;
    const bytes = digest === undefined ? null : await cache!.read(digest);
    if (bytes === null) return;
    const options = { name, memory: limits.memory, startFuel: startFuel(limits) };
    try {
      const module = await library.prepare(bytes, options, false);
      await this.#take({ config: this.#config, module, bytes: null, pin: null, instead: '' }, null);
      const fields = { plugin: name, source: this.#source.place, digest: module.digest.slice(0, 12) };
      log.warn(fields, 'the module that ran last serves until the one asked for is there');
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#problem) return;
    this.#problem = reason;
    this.#loads.failure++;
    const fields = { plugin: this.#config.name, source: this.#source.place, reason };
    if (this.#inForce === null) this.#services.log.error(fields, 'plugin module cannot be loaded');
    else this.#services.log.error(fields, 'changed plugin module refused; the former one stays in force');
  }
}

/** Whether both ask for the same module in the same way. */
function sameSource(a: PluginConfig, b: PluginConfig): boolean {
  return isDeepStrictEqual([a.source, a.sha256, a.pull], [b.source, b.sha256, b.pull]);
}

/** Whether both want a module checked and compiled alike. */
function sameCode(a: PluginConfig, b: PluginConfig): boolean {
  const wanted = ({ limits, allow }: PluginConfig) => [limits.memory, startFuel(limits), allow.hostCalls];
  return isDeepStrictEqual(wanted(a), wanted(b));
}

function startFuel({ fuel }: PluginConfig['limits']): number {
  return fuel.start ?? fuel.configure;
}

function catalogued(config: PluginConfig, module: PreparedModule | null): CatalogueModule {
  return { name: config.name, module, ...grantsOf(config) };
}
