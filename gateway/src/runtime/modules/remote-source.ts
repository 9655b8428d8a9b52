import type { PluginConfig } from '../../config/schema-plugin.ts';
import { LIMITS } from '../../core/limits.ts';
import { digestOf } from './library.ts';
import type { ModuleCache } from './cache.ts';
import { pullModule, type RemoteOrigin } from './pull.ts';
import { PullError } from './pull-error.ts';
import type { PullQueue } from './pull-queue.ts';
import type { ModuleSource } from './source.ts';

/** What a fetched module needs besides. */
export interface RemoteServices {
  readonly queue: PullQueue;
  /** null: nothing is kept. */
  readonly cache: ModuleCache | null;
  /** Counted in here. */
  readonly counts: { success: number; failure: number; cache: number };
  /** Uniform in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * A module on another machine. Its digest stands in the configuration, so that it is fetched once and never changes;
 * a copy that is kept is as good as the original. What fails is tried again, after growing pauses.
 */
export class RemoteSource implements ModuleSource {
  readonly place: string;
  readonly directory = null;
  readonly #plugin: PluginConfig;
  readonly #origin: RemoteOrigin;
  readonly #services: RemoteServices;
  readonly #ended = new AbortController();
  #there = false;
  #failures = 0;
  #retryAt = 0;

  constructor(plugin: PluginConfig, origin: RemoteOrigin, services: RemoteServices) {
    this.#plugin = plugin;
    this.#origin = origin;
    this.#services = services;
    this.place = origin.kind === 'oci' ? plugin.source : withoutQuery(origin.url);
  }

  /** What names the module: its own digest, or that of the manifest. */
  get pin(): string {
    return pinOf(this.#plugin, this.#origin);
  }

  get dueMs(): number | null {
    return this.#there || this.#failures === 0 ? null : Math.max(0, this.#retryAt - performance.now());
  }

  async look(force: boolean): Promise<Uint8Array | 'same'> {
    if (this.#there || (!force && performance.now() < this.#retryAt)) return 'same';
    const kept = await this.atHand();
    if (kept !== 'same') return kept;
    try {
      const bytes = await this.#services.queue.run(this.#server, () => this.#pull());
      this.#there = true;
      this.#services.counts.success++;
      return bytes;
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#failed(error);
      throw error;
    }
  }

  /** The kept copy of this very module. */
  async atHand(): Promise<Uint8Array | 'same'> {
    const { cache } = this.#services;
    const last = cache?.lastGood(this.#plugin.name) ?? null;
    const digest = this.#plugin.sha256 ?? (last?.pin === this.pin ? last.digest : null);
    const bytes = digest === null ? null : ((await cache?.read(digest)) ?? null);
    if (bytes === null) return 'same';
    this.#there = true;
    this.#services.counts.cache++;
    return bytes;
  }

  adopt(): void {
    this.#there = true;
  }

  close(): void {
    this.#ended.abort();
  }

  get #server(): string {
    return this.#origin.kind === 'oci' ? this.#origin.registry : new URL(this.#origin.url).host;
  }

  async #pull(): Promise<Uint8Array> {
    const { signal } = this.#ended;
    signal.throwIfAborted();
    const { sha256, pull } = this.#plugin;
    const bytes = await pullModule(this.#origin, pull, signal);
    const digest = digestOf(bytes);
    if (sha256 === undefined || digest === sha256) return bytes;
    throw new PullError(`the SHA-256 of the module there is ${digest}, not ${sha256} as configured`, true);
  }

  #failed(error: unknown): void {
    this.#services.counts.failure++;
    const refused = error instanceof PullError && error.refused;
    const { pluginPullBackoffMs: first, pluginPullBackoffLongestMs: longest, pluginPullRefusedMs: rest } = LIMITS;
    const pause = refused ? rest : Math.min(first * 2 ** this.#failures, longest);
    this.#failures++;
    const spread = 0.8 + 0.4 * (this.#services.random ?? Math.random)();
    this.#retryAt = performance.now() + pause * spread;
  }
}

/** What names the module of a plugin: its own digest, or that of the manifest it is listed in. */
export function pinOf({ sha256 }: Pick<PluginConfig, 'sha256'>, origin: RemoteOrigin): string {
  if (sha256 !== undefined) return `sha256:${sha256}`;
  return origin.kind === 'oci' ? `manifest:${origin.digest}` : '';
}

/** A query may hold what lets its owner in. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}
