import type { Plain } from '../config/document.ts';
import { displayPath, listTenantFiles, reasonOf } from '../config/files.ts';
import type { Problem } from '../config/problem.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import { readSecretFile, type SecretReader } from '../config/secrets.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { sortedByPath, TenantAdmission } from './tenant-admission.ts';
import { TenantFile, type TenantFileStatus } from './tenant-file.ts';
import type { TenantListener } from './tenant-listener.ts';

export interface TenantsOptions {
  readonly gateway: GatewayConfig;
  readonly listener: TenantListener;
  readonly log: Log;
  /** Default: files of the gateway's secrets directory. */
  readonly readSecret?: SecretReader;
  /** Wait after the first of a burst of changes; default 50 ms. */
  readonly settleMs?: number;
  /** Look at the directory this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
}

/** A tenant file as the admin API shows it. */
export interface TenantFileState {
  readonly file: string;
  /** Name of the tenant that is served, else as far as it can be read; null when it cannot. */
  readonly tenant: string | null;
  readonly status: TenantFileStatus;
  readonly problems: readonly Problem[];
  /** The version that is served, else the file as it is; secrets as `{ secret: name }`. */
  readonly config: Plain;
  /** Of the version that is served; null when none is. */
  readonly digest: string | null;
  /** Epoch milliseconds since when it has been so. */
  readonly since: number;
}

/**
 * The tenant directory, watched. A file with problems keeps that tenant's last good version and touches no other; of
 * two files that claim one domain or name, the one that had it first keeps it (at start: the first by file name).
 */
export class Tenants {
  readonly #options: TenantsOptions;
  readonly #readSecret: SecretReader;
  readonly #files = new Map<string, TenantFile>();
  readonly #admission: TenantAdmission;
  readonly #watches: readonly DirectoryWatch[];
  readonly #settleMs: number;
  #poll: NodeJS.Timeout | null = null;
  #confirm: NodeJS.Timeout | null = null;
  #scan: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;
  #directoryError = '';

  constructor(options: TenantsOptions) {
    this.#options = options;
    this.#admission = new TenantAdmission(this.#files, options.listener, options.log);
    this.#readSecret = options.readSecret ?? readSecretFile;
    this.#settleMs = options.settleMs ?? 50;
    const { tenants, secrets } = options.gateway;
    const directories = secrets === undefined ? [tenants.directory] : [tenants.directory, secrets.directory];
    const changed = () => this.#look();
    this.#watches = directories.map((directory) => new DirectoryWatch(directory, this.#settleMs, changed));
  }

  /** Resolves when every file has been read once and told of. A missing directory is logged, and awaited. */
  async start(): Promise<void> {
    this.#poll = setInterval(() => this.#look(), this.#options.pollMs ?? 10_000).unref();
    await this.reload();
  }

  /** Reads all files anew, changed or not. Resolves when all changes have been told. */
  async reload(): Promise<void> {
    this.#scan = this.#scan.then(() => this.#run(true));
    await this.#scan;
  }

  /** Every file, by name. */
  state(): TenantFileState[] {
    return sortedByPath(this.#files).map((entry) => ({
      file: entry.file,
      tenant: entry.serving?.config.tenant ?? entry.parsed?.config?.tenant ?? entry.parsed?.salvaged?.tenant ?? null,
      status: entry.status,
      problems: entry.problems,
      config: entry.serving?.redacted ?? entry.parsed?.redacted ?? null,
      digest: entry.serving?.digest ?? null,
      since: entry.since,
    }));
  }

  /** Tells nothing any more. Resolves when the look that was under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#confirm !== null) clearTimeout(this.#confirm);
    await this.#scan;
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
    const paths = await this.#list();
    if (paths === null) return;
    const changed = await this.#refresh(paths, force);
    const gone = this.#vanished(new Set(paths), force);
    if (this.#closed || (changed.size === 0 && gone.length === 0)) return;
    for (const entry of gone) this.#admission.remove(entry);
    this.#admission.settle(changed);
    this.#options.listener.onSettled?.();
  }

  async #list(): Promise<string[] | null> {
    const { directory } = this.#options.gateway.tenants;
    try {
      const paths = await listTenantFiles(directory);
      this.#complain(paths.length > LIMITS.tenantFiles ? `more than ${LIMITS.tenantFiles} files` : '');
      return paths.slice(0, LIMITS.tenantFiles);
    } catch (error) {
      // A directory that is not there may be on its way back; no tenant is removed for that.
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

  async #refresh(paths: readonly string[], force: boolean): Promise<Set<TenantFile>> {
    const changed = new Set<TenantFile>();
    for (const path of paths) {
      if (this.#closed) break;
      const entry = this.#files.get(path) ?? new TenantFile(path);
      this.#files.set(path, entry);
      if (await entry.refresh(this.#options.gateway, this.#readSecret, force)) changed.add(entry);
    }
    return changed;
  }

  /** Files that are gone. An editor that saves by renaming leaves a moment without the file, so a second look decides. */
  #vanished(paths: ReadonlySet<string>, force: boolean): TenantFile[] {
    const gone: TenantFile[] = [];
    for (const entry of this.#files.values()) {
      const missing = !paths.has(entry.path);
      if (missing && (entry.missing || force)) gone.push(entry);
      else if (missing && this.#confirm === null) {
        this.#confirm = setTimeout(() => {
          this.#confirm = null;
          this.#look();
        }, this.#settleMs * 2).unref();
      }
      entry.missing = missing;
    }
    return gone;
  }
}
