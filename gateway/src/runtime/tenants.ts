import type { Plain } from '../config/document.ts';
import { displayPath, listTenantFiles, reasonOf } from '../config/files.ts';
import { surroundingsOf } from '../config/parse-tenant.ts';
import type { Problem } from '../config/problem.ts';
import type { CataloguedPlugin } from '../config/rules.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { ParsePool, type ParsePoolOptions } from './parse-pool.ts';
import { detailsOf } from './parse-result.ts';
import { sortedByPath, TenantAdmission } from './tenant-admission.ts';
import { TenantFile, type TenantFileStatus } from './tenant-file.ts';
import type { TenantListener } from './tenant-listener.ts';
import { type LoadedTenant, TenantLoader } from './tenant-loader.ts';
import { TenantRefresh } from './tenant-refresh.ts';
import { TenantRestore } from './tenant-restore.ts';
import { TenantStore } from './tenant-store.ts';

/** By then what the start has made of unchanged files is being served. */
const WARM_UP_MS = 2_000;

export interface TenantsOptions {
  readonly gateway: GatewayConfig;
  /** Of the gateway: what another version kept in the state directory is parsed anew. */
  readonly version: string;
  readonly listener: TenantListener;
  readonly log: Log;
  /** Wait after the first of a burst of changes; default 50 ms. */
  readonly settleMs?: number;
  /** Look at the directory this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
  /** Of the parsing threads; for tests. */
  readonly parsing?: Omit<ParsePoolOptions, 'surroundings' | 'log'>;
}

/** A tenant file as the admin API shows it. */
export interface TenantFileState {
  readonly file: string;
  /** Name of the tenant that is served, else as far as it can be read; null when it cannot. */
  readonly tenant: string | null;
  readonly status: TenantFileStatus;
  readonly problems: readonly Problem[];
  /** The version that is served, else the file as it is; secrets as `{ secret: name }`. Unpacked when asked for. */
  readonly config: Plain;
  /** Of the version that is served; null when none is. */
  readonly digest: string | null;
  /** Epoch milliseconds since when it has been so. */
  readonly since: number;
}

/**
 * The tenant directory, watched. A file with problems keeps that tenant's last good version, also over a restart if
 * there is a state directory, and touches no other; of two files that claim one domain or name, the one that had it
 * first keeps it (at start: the first by file name).
 */
export class Tenants {
  readonly #options: TenantsOptions;
  readonly #files = new Map<string, TenantFile>();
  readonly #pool: ParsePool;
  readonly #loader: TenantLoader;
  readonly #store: TenantStore | null;
  readonly #admission: TenantAdmission;
  readonly #refresh: TenantRefresh;
  readonly #restore: TenantRestore | null;
  readonly #watches: readonly DirectoryWatch[];
  readonly #settleMs: number;
  /** Files that are to be removed, and since when, in milliseconds since the epoch. */
  readonly #gone = new Map<TenantFile, number>();
  #poll: NodeJS.Timeout | null = null;
  #warmUp: NodeJS.Timeout | null = null;
  #confirm: NodeJS.Timeout | null = null;
  #scan: Promise<void> = Promise.resolve();
  #queued = false;
  /** All files of the directory have been told of once. */
  #begun = false;
  #closed = false;
  #directoryError = '';

  constructor(options: TenantsOptions) {
    const { gateway, version, listener, log, settleMs = 50 } = options;
    const { tenants, secrets, state } = gateway;
    this.#options = options;
    this.#settleMs = settleMs;
    this.#pool = new ParsePool({ surroundings: surroundingsOf(gateway), log, ...options.parsing });
    this.#store = state === undefined ? null : new TenantStore(state.directory, log);
    this.#admission = new TenantAdmission(this.#files, listener, this.#store, log);
    const loader = new TenantLoader({ gateway, version, pool: this.#pool, store: this.#store });
    this.#loader = loader;
    this.#refresh = new TenantRefresh({
      loader,
      secrets: secrets?.directory,
      log,
      prepare: (loaded) => this.#prepare(loaded),
      onNews: (complete) => this.#tell(complete),
    });
    const parts = { files: this.#files, loader, admission: this.#admission, log };
    this.#restore = this.#store === null ? null : new TenantRestore({ ...parts, store: this.#store });
    const directories = secrets === undefined ? [tenants.directory] : [tenants.directory, secrets.directory];
    this.#watches = directories.map((directory) => new DirectoryWatch(directory, settleMs, () => this.#look()));
  }

  /** Resolves when every file has been read once and told of. A missing directory is logged, and awaited. */
  async start(): Promise<void> {
    await this.#store?.open();
    if (this.#store === null || this.#store.tenants().length === 0) this.#pool.warm();
    this.#poll = setInterval(() => this.#look(), this.#options.pollMs ?? 10_000).unref();
    await this.reload();
    // The first change after a start without anything to parse shall not wait for a thread, nor the start for that.
    if (this.#closed) return;
    this.#warmUp = setTimeout(() => this.#pool.warm(), WARM_UP_MS).unref();
  }

  /** Reads all files anew, changed or not. Resolves when all changes have been told. */
  async reload(): Promise<void> {
    this.#scan = this.#scan.then(() => this.#run(true));
    await this.#scan;
  }

  /**
   * From now on tenants may use these plugins: files that had to wait for one are tried again, and those that use one
   * that is gone are refused, so that their last good version stays.
   */
  offer(plugins: readonly CataloguedPlugin[]): void {
    if (this.#closed) return;
    this.#loader.offer(plugins);
    const doubtful = [...this.#files.values()].filter(({ loaded }) => {
      if (loaded === null) return false;
      return loaded.config === null || !this.#loader.offers(loaded.config);
    });
    for (const entry of doubtful) entry.doubt();
    this.#refresh.start(doubtful, false);
  }

  /** Every file, by name. */
  state(): TenantFileState[] {
    return sortedByPath(this.#files).map((entry) => ({
      file: entry.file,
      tenant: entry.tenant,
      status: entry.status,
      problems: entry.problems,
      get config(): Plain {
        const shown = entry.serving ?? entry.loaded;
        return shown === null ? null : detailsOf(shown.details).redacted;
      },
      digest: entry.serving?.digest ?? null,
      since: entry.since,
    }));
  }

  /** Tenants whose newest version could not be written to the state directory. */
  get unsaved(): number {
    return this.#store?.unsaved ?? 0;
  }

  /** Tells nothing any more. Resolves when what was under way has ended, and what was accepted is on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#warmUp !== null) clearTimeout(this.#warmUp);
    if (this.#confirm !== null) clearTimeout(this.#confirm);
    this.#refresh.close();
    await this.#pool.close();
    await this.#scan;
    await this.#refresh.idle();
    await this.#store?.flush();
  }

  async #prepare(loaded: LoadedTenant | null): Promise<void> {
    if (loaded === null || loaded.config === null || loaded.keptFrom !== null) return;
    await this.#options.listener.prepare?.(loaded.config);
  }

  #look(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#scan = this.#scan.then(() => {
      this.#queued = false;
      return this.#run(false);
    });
  }

  async #run(force: boolean): Promise<void> {
    try {
      await this.#lookAtAll(force);
    } catch (error) {
      // A listener that throws must not end the watching.
      this.#options.log.error({ reason: String(error) }, 'a change of tenants could not be carried out');
    }
  }

  async #lookAtAll(force: boolean): Promise<void> {
    if (this.#closed) return;
    for (const watch of this.#watches) watch.renew();
    this.#store?.retry();
    const paths = await this.#list();
    if (this.#closed) return;
    if (paths === null) return this.#withoutDirectory();
    this.#vanished(new Set(paths), force);
    const entries = paths.map((path) => {
      const entry = this.#files.get(path) ?? new TenantFile(path);
      this.#files.set(path, entry);
      return entry;
    });
    this.#refresh.start(entries, force);
    if (!this.#begun) await this.#begin();
    else if (force) await this.#refresh.idle();
  }

  /** The first time that all files have been read: what is broken gets back what was served before the restart. */
  async #begin(): Promise<void> {
    await this.#refresh.idle();
    const unserved = (valid: boolean) =>
      sortedByPath(this.#files).filter(
        ({ serving, loaded }) => serving === null && valid === (loaded !== null && loaded.config !== null),
      );
    await this.#restore?.files(unserved(false));
    if (this.#closed) return;
    this.#begun = true;
    this.#tell(true);
    const refused = unserved(true);
    if (this.#restore === null) return;
    await this.#restore.files(refused);
    if (this.#closed) return;
    if (refused.length > 0) this.#settle(new Set());
    await this.#restore.prune();
  }

  /** A directory that is not there may be on its way back: no tenant is removed, and those of a former start are back. */
  async #withoutDirectory(): Promise<void> {
    if (this.#begun || this.#restore === null || this.#files.size > 0) return;
    await this.#restore.all(this.#options.gateway.tenants.directory, this.#directoryError);
    if (!this.#closed && this.#files.size > 0) this.#settle(new Set());
  }

  /** Tells of what has been found so far. A file that is gone may be a renamed one that is still being read. */
  #tell(complete: boolean): void {
    if (!this.#begun || this.#closed) return;
    const changed = this.#refresh.take();
    const longAgo = Date.now() - LIMITS.tenantGoneMs;
    const gone = [...this.#gone].filter(([, since]) => complete || since < longAgo);
    if (changed.size === 0 && gone.length === 0) return;
    for (const [entry] of gone) this.#gone.delete(entry);
    this.#settle(
      changed,
      gone.map(([entry]) => entry),
    );
  }

  #settle(changed: ReadonlySet<TenantFile>, gone: readonly TenantFile[] = []): void {
    const { listener } = this.#options;
    try {
      listener.onSettling?.();
      try {
        for (const entry of gone) this.#admission.remove(entry);
        this.#admission.settle(changed);
      } finally {
        listener.onSettled?.();
      }
    } catch (error) {
      // A listener that throws must not end the watching.
      this.#options.log.error({ reason: String(error) }, 'a change of tenants could not be carried out');
    }
  }

  async #list(): Promise<string[] | null> {
    const { directory } = this.#options.gateway.tenants;
    try {
      const paths = await listTenantFiles(directory);
      this.#complain(paths.length > LIMITS.tenantFiles ? `more than ${LIMITS.tenantFiles} files` : '');
      return paths.slice(0, LIMITS.tenantFiles);
    } catch (error) {
      this.#complain(reasonOf(error));
      return null;
    }
  }

  #complain(reason: string): void {
    if (reason === this.#directoryError) return;
    this.#directoryError = reason;
    const directory = displayPath(this.#options.gateway.tenants.directory);
    if (reason === '') this.#options.log.info({ directory }, 'tenant directory is readable');
    else this.#options.log.error({ directory, reason }, 'tenant directory is not as expected');
  }

  /** Files that are gone. An editor that saves by renaming leaves a moment without the file, so a second look decides. */
  #vanished(paths: ReadonlySet<string>, force: boolean): void {
    for (const entry of this.#files.values()) {
      const missing = !paths.has(entry.path);
      if (missing && (entry.missing || force)) this.#gone.set(entry, this.#gone.get(entry) ?? Date.now());
      else if (missing && this.#confirm === null) {
        this.#confirm = setTimeout(() => {
          this.#confirm = null;
          this.#look();
        }, this.#settleMs * 2).unref();
      }
      if (!missing) this.#gone.delete(entry);
      entry.missing = missing;
    }
  }
}
