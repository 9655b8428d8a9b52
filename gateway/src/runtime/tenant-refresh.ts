import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { TenantFile } from './tenant-file.ts';
import type { LoadedTenant, TenantLoader } from './tenant-loader.ts';

export interface TenantRefreshOptions {
  readonly loader: TenantLoader;
  /** Directory of the secrets. */
  readonly secrets: string | undefined;
  readonly log: Log;
  /** Called with what is new, before it counts as looked at. */
  readonly prepare: (loaded: LoadedTenant | null) => Promise<void>;
  /** Called when all files have been looked at (`complete`), or some have changed a while ago. Does not throw. */
  readonly onNews: (complete: boolean) => void;
}

/**
 * Has tenant files read and parsed, so many at once, each by itself: a file that takes long, or changes while it is
 * being parsed, holds up no other. A file that changed meanwhile is read again afterwards, so that the last text counts.
 */
export class TenantRefresh {
  readonly #options: TenantRefreshOptions;
  /** To be looked at, with `force`. */
  readonly #waiting = new Map<TenantFile, boolean>();
  readonly #running = new Set<TenantFile>();
  #changed = new Set<TenantFile>();
  #timer: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];

  constructor(options: TenantRefreshOptions) {
    this.#options = options;
  }

  /** @param force look into them even when size and times are as before */
  start(entries: Iterable<TenantFile>, force: boolean): void {
    for (const entry of entries) this.#waiting.set(entry, force || this.#waiting.get(entry) === true);
    this.#pump();
  }

  /** Files that have changed since the last call. */
  take(): ReadonlySet<TenantFile> {
    const changed = this.#changed;
    this.#changed = new Set();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return changed;
  }

  /** Resolves when there is nothing to be looked at. */
  async idle(): Promise<void> {
    if (this.#running.size === 0 && this.#waiting.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    await promise;
  }

  /** Begins nothing more. */
  close(): void {
    this.#waiting.clear();
    this.take();
  }

  #pump(): void {
    for (const [entry, force] of this.#waiting) {
      if (this.#running.size >= LIMITS.tenantReads) return;
      if (this.#running.has(entry)) continue;
      this.#waiting.delete(entry);
      this.#running.add(entry);
      void this.#refresh(entry, force);
    }
    if (this.#running.size > 0 || this.#waiting.size > 0) return;
    this.#options.onNews(true);
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #refresh(entry: TenantFile, force: boolean): Promise<void> {
    const { loader, secrets, prepare, log } = this.#options;
    let changed = false;
    try {
      changed = await entry.refresh(loader, secrets, force);
      if (changed) await prepare(entry.loaded);
    } catch (error) {
      // A fault of ours over one file must not end the watching of all.
      log.error({ file: entry.file, reason: String(error) }, 'a tenant file could not be looked at');
    }
    this.#done(entry, changed);
  }

  #done(entry: TenantFile, changed: boolean): void {
    this.#running.delete(entry);
    if (changed) this.#changed.add(entry);
    this.#pump();
    if (this.#changed.size === 0 || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#options.onNews(false), LIMITS.tenantSettleMs).unref();
  }
}
