import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { displayPath, readConfigFile } from '../config/files.ts';
import { parseGateway } from '../config/parse-gateway.ts';
import { formatProblem } from '../config/problem.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { Environment } from '../config/substitute.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from '../runtime/directory-watch.ts';
import type { GatewayFileStatus } from '../telemetry/gateway-stats.ts';

export interface GatewayFileOptions {
  readonly path: string;
  readonly env: Environment;
  /** What the process was started with. */
  readonly running: GatewayConfig;
  /** Brings changed listeners into force. Resolves with what went wrong, in words; then the former ones stay. */
  readonly applyListeners: (listeners: GatewayConfig['listeners']) => Promise<readonly string[]>;
  /** Asks for these plugins. What becomes of each is said by the catalogue. */
  readonly applyPlugins: (plugins: GatewayConfig['plugins']) => void;
  readonly log: Log;
  /** Wait after the first of a burst of changes; default 50 ms. */
  readonly settleMs?: number;
  /** Look at the file this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
}

/**
 * `gateway.yaml` of a running gateway. When it changes, its listeners and its catalogue of plugins are applied; other keys
 * wait for a restart and are named until then. A broken file changes nothing.
 */
export class GatewayFile {
  readonly loads = { success: 0, failure: 0 };
  readonly #options: GatewayFileOptions;
  readonly #path: string;
  readonly #watch: DirectoryWatch;
  #poll: NodeJS.Timeout | null = null;
  #listeners: GatewayConfig['listeners'];
  #plugins: GatewayConfig['plugins'];
  /** Of the newest file looked at; '' = there was none. */
  #identity: string | null = null;
  /** Text of the newest version looked at; null = there was none to be had. */
  #text: string | null = null;
  /** The first look finds, most likely, what the process was started with. */
  #first = true;
  #errors: readonly string[] = [];
  #pending: readonly string[] = [];
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: GatewayFileOptions) {
    this.#options = options;
    this.#path = resolve(options.path);
    this.#listeners = options.running.listeners;
    this.#plugins = options.running.plugins;
    this.#watch = new DirectoryWatch(dirname(this.#path), options.settleMs ?? 50, () => void this.#look(false));
  }

  get status(): GatewayFileStatus {
    const state = this.#errors.length > 0 ? 'stale' : this.#pending.length > 0 ? 'pending' : 'active';
    return { file: displayPath(this.#path), state, pending: this.#pending, errors: this.#errors };
  }

  /** Watches from now on, and looks whether the file has changed since the process read it. */
  async start(): Promise<void> {
    this.#poll = setInterval(() => void this.#look(false), this.#options.pollMs ?? 10_000).unref();
    await this.#look(false);
  }

  /** Reads the file anew, changed or not. Resolves when what it says is in force or refused. */
  reload(): Promise<void> {
    return this.#look(true);
  }

  /** Resolves when the look that was under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    await this.#turn;
  }

  #look(force: boolean): Promise<void> {
    this.#turn = this.#turn.then(() => this.#read(force)).catch((error: unknown) => this.#failed(error));
    return this.#turn;
  }

  async #read(force: boolean): Promise<void> {
    if (this.#closed) return;
    this.#watch.renew();
    // The directory may be a busy one, such as that of the access log.
    const identity = await identityOf(this.#path);
    if (identity === this.#identity && !force) return;
    this.#identity = identity;
    const { text, problem } = await readConfigFile(this.#path);
    if (text !== null && text === this.#text && !force) return;
    this.#text = text;
    if (text === null) return this.#refuse([formatProblem(problem)], force);
    const { config, problems } = parseGateway(displayPath(this.#path), text, { env: this.#options.env });
    if (config === null) return this.#refuse(problems.map(formatProblem), force);
    const listenersChanged = !isDeepStrictEqual(config.listeners, this.#listeners);
    const errors = listenersChanged ? await this.#options.applyListeners(config.listeners) : [];
    if (errors.length > 0) return this.#refuse(errors, force);
    this.#accept(config, listenersChanged);
  }

  #accept(config: GatewayConfig, listenersChanged: boolean): void {
    this.#listeners = config.listeners;
    const pluginsChanged = !isDeepStrictEqual(config.plugins, this.#plugins);
    this.#plugins = config.plugins;
    if (pluginsChanged) this.#options.applyPlugins(config.plugins);
    this.#errors = [];
    this.#pending = changedKeys(this.#options.running, config);
    const news = !this.#first || listenersChanged || pluginsChanged || this.#pending.length > 0;
    this.#first = false;
    if (!news) return;
    this.loads.success++;
    const { log } = this.#options;
    const file = displayPath(this.#path);
    log.info({ file, listenersChanged, pluginsChanged }, 'gateway.yaml read anew');
    if (this.#pending.length > 0) log.warn({ file, keys: this.#pending }, 'changes of gateway.yaml wait for a restart');
  }

  /** @param force say it even when it has been said. */
  #refuse(errors: readonly string[], force: boolean): void {
    const known = isDeepStrictEqual(errors, this.#errors);
    this.#errors = errors;
    this.#first = false;
    if (known && !force) return;
    this.loads.failure++;
    const file = displayPath(this.#path);
    this.#options.log.error({ file, problems: errors }, 'gateway.yaml refused; what was in force before stays');
  }

  #failed(error: unknown): void {
    this.#options.log.error({ reason: String(error) }, 'a change of gateway.yaml could not be carried out');
  }
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return '';
  }
}

/** Keys whose values differ, as far as that waits. */
function changedKeys(running: GatewayConfig, next: GatewayConfig): string[] {
  const keys = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof GatewayConfig>;
  return [...keys].filter((key) => {
    if (key === 'listeners' || key === 'plugins') return false;
    return !isDeepStrictEqual(running[key], next[key]);
  });
}
