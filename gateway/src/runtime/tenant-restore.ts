import { basename, join } from 'node:path';
import { fileProblem } from '../config/problem.ts';
import type { Log } from '../core/log.ts';
import { detailsOf } from './parse-result.ts';
import type { TenantAdmission } from './tenant-admission.ts';
import { sortedByPath } from './tenant-admission.ts';
import { digestOf, sha256, TenantFile, unreadable } from './tenant-file.ts';
import type { TenantLoader } from './tenant-loader.ts';
import type { TenantRecord } from './tenant-record.ts';
import type { TenantStore } from './tenant-store.ts';

export interface TenantRestoreParts {
  readonly files: Map<string, TenantFile>;
  readonly store: TenantStore;
  readonly loader: TenantLoader;
  readonly admission: TenantAdmission;
  readonly log: Log;
}

/** Gives tenants back after a restart what was served before it, where their files are of no use. */
export class TenantRestore {
  readonly #parts: TenantRestoreParts;

  constructor(parts: TenantRestoreParts) {
    this.#parts = parts;
  }

  /**
   * Files that nothing is served for: those that cannot be parsed before the others claim their domains, the rest
   * afterwards. A version goes to the file that it came from, else to one that is about the tenant.
   */
  async files(entries: readonly TenantFile[]): Promise<void> {
    const { store, files } = this.#parts;
    const valid = [...files.values()].filter(({ loaded }) => loaded !== null && loaded.config !== null);
    const defined = new Map(valid.map((entry) => [entry.tenant, entry]));
    let byOrigin: ReadonlyMap<string, TenantRecord> | null = null;
    for (const entry of entries) {
      const { tenant, origin } = entry;
      let record = tenant === null ? null : await store.lastGood(tenant);
      const rival = record === null ? undefined : defined.get(record.tenant);
      if (record?.origin !== origin && rival !== undefined && rival !== entry) record = null;
      if (record === null) {
        byOrigin ??= await this.#byOrigin(valid);
        record = byOrigin.get(origin) ?? null;
      }
      if (record !== null) await this.#restore(entry, record);
    }
  }

  /** Everything that was served, because the directory of the tenants cannot be read. */
  async all(directory: string, reason: string): Promise<void> {
    const { store, files } = this.#parts;
    const message = `the directory of the tenants cannot be read (${reason})`;
    for (const tenant of store.tenants()) {
      const record = await store.lastGood(tenant);
      if (record?.origin.startsWith('file:') !== true) continue;
      const entry = new TenantFile(join(directory, basename(record.origin.slice('file:'.length))));
      const problem = fileProblem(entry.file, 'SLUICE_CONFIG_UNREADABLE', message, 'check path and permissions');
      entry.loaded = unreadable(problem);
      files.set(entry.path, entry);
      await this.#restore(entry, record);
    }
  }

  /** Drops what is kept of tenants that came from a file, and that no file is about any more. */
  async prune(): Promise<void> {
    const { store, log } = this.#parts;
    const entries = sortedByPath(this.#parts.files);
    const named = new Set(entries.map(({ tenant }) => tenant));
    const unserved = new Set(entries.filter(({ serving }) => serving === null).map(({ origin }) => origin));
    for (const tenant of store.tenants()) {
      if (named.has(tenant)) continue;
      const record = await store.lastGood(tenant);
      const foreign = record !== null && !record.origin.startsWith('file:');
      if (foreign || (record !== null && unserved.has(record.origin))) continue;
      log.info({ tenant }, 'no file defines this tenant any more: its last good configuration is dropped');
      store.remove(tenant);
    }
  }

  /** Records by their origin, but for those of files that are as they were. */
  async #byOrigin(valid: readonly TenantFile[]): Promise<ReadonlyMap<string, TenantRecord>> {
    const { store } = this.#parts;
    const same = new Set(valid.filter(({ loaded, origin }) => loaded?.keptFrom === origin).map(({ tenant }) => tenant));
    const found = new Map<string, TenantRecord>();
    for (const tenant of store.tenants()) {
      const record = same.has(tenant) ? null : await store.lastGood(tenant);
      if (record !== null) found.set(record.origin, record);
    }
    return found;
  }

  async #restore(entry: TenantFile, record: TenantRecord): Promise<void> {
    const { loader, admission, log } = this.#parts;
    const { tenant } = record;
    const loaded = await loader.restore(entry.file, record);
    const { config } = loaded;
    if (config === null) {
      const reason = loaded.problems[0]?.message;
      log.error({ file: entry.file, tenant, reason }, 'last good configuration is not valid any more');
      return;
    }
    const digest = digestOf(sha256(detailsOf(record.details).text), loaded.secretsDigest);
    if (admission.restore(entry, { ...loaded, config, digest })) {
      log.warn(
        { file: entry.file, tenant, digest: digest.slice(0, 12) },
        'last good configuration of a former start is served',
      );
    }
  }
}
