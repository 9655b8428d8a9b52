import { ClaimRegister } from '../config/claims.ts';
import { fileProblem, formatProblem, type Problem } from '../config/problem.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ServedTenant, TenantFile, TenantFileStatus } from './tenant-file.ts';
import type { TenantListener } from './tenant-listener.ts';
import { recordOf } from './tenant-loader.ts';
import type { TenantStore } from './tenant-store.ts';

/**
 * Decides which files' versions are served. Of two files that claim one domain or name, the one that had it first keeps
 * it; a file with problems keeps its last accepted version, or without one reserves its domains.
 */
export class TenantAdmission {
  readonly #files: Map<string, TenantFile>;
  readonly #listener: TenantListener;
  readonly #store: TenantStore | null;
  readonly #log: Log;
  readonly #register = new ClaimRegister();

  /**
   * @param files all files by path; renamed and removed ones are deleted from it
   * @param store keeps what is accepted; null = nothing does
   */
  constructor(files: Map<string, TenantFile>, listener: TenantListener, store: TenantStore | null, log: Log) {
    this.#files = files;
    this.#listener = listener;
    this.#store = store;
    this.#log = log;
  }

  /** The file is gone for good. */
  remove(entry: TenantFile): void {
    this.#files.delete(entry.path);
    this.#register.release(entry.file);
    if (entry.announced !== null) this.#retract(entry.announced);
    this.#log.info({ file: entry.file, tenant: entry.announced }, 'tenant file removed');
  }

  /**
   * Serves what was accepted before a restart, for a file that has nothing better; the next `settle` tells of its
   * problems. False: another file holds a domain or the name, or the listener refuses it.
   */
  restore(entry: TenantFile, served: ServedTenant): boolean {
    const { config, digest, claims, keptFrom } = served;
    const conflicts = claims === null ? [] : this.#register.conflicts(entry.file, claims);
    try {
      if (conflicts[0] !== undefined) throw new Error(conflicts[0].message);
      if (entry.announced !== null && entry.announced !== config.tenant) this.#retract(entry.announced);
      const meta = { file: entry.file, digest, acceptedBefore: keptFrom !== null };
      this.#listener.onTenant(config.tenant, config, meta);
    } catch (error) {
      const reason = (error as Error).message;
      this.#log.error({ file: entry.file, tenant: config.tenant, reason }, 'last good configuration cannot be served');
      return false;
    }
    this.#register.take(entry.file, config.tenant, config.domains);
    entry.announced = config.tenant;
    entry.serving = this.#keep(entry, served);
    entry.reserved = [];
    entry.since = Date.now();
    return true;
  }

  /** Accepts what can be accepted, over and over: each acceptance may release what another file waits for. */
  settle(changed: ReadonlySet<TenantFile>): void {
    const undecided = (entry: TenantFile) => !entry.doubtful && (changed.has(entry) || entry.status !== 'ok');
    const waiting = new Set(sortedByPath(this.#files).filter(undecided));
    for (let progress = true; progress; ) {
      progress = false;
      for (const entry of waiting) {
        const problems = this.#problemsOf(entry);
        if (problems.length > 0) {
          // Its domains are reserved at its turn, before later files can take them.
          if (entry.serving === null) this.#reserve(entry);
        } else {
          progress = true;
          waiting.delete(entry);
          this.#accept(entry);
        }
      }
    }
    for (const entry of waiting) this.#refuse(entry, this.#problemsOf(entry));
  }

  #problemsOf(entry: TenantFile): readonly Problem[] {
    const { loaded, tenant } = entry;
    if (tenant !== null) this.#adopt(entry, tenant);
    if (loaded === null || loaded.config === null || loaded.claims === null) return loaded?.problems ?? [];
    return this.#register.conflicts(entry.file, loaded.claims);
  }

  /** A file that was renamed: the tenant moves with it, even when the file is broken, and is not removed in between. */
  #adopt(entry: TenantFile, tenant: string): void {
    if (entry.announced !== null) return;
    for (const old of this.#files.values()) {
      if (!old.missing || old.announced !== tenant) continue;
      this.#files.delete(old.path);
      this.#register.release(old.file);
      entry.announced = tenant;
      if (old.serving === null) continue;
      entry.serving = this.#keep(entry, old.serving);
      this.#register.take(entry.file, tenant, old.serving.config.domains);
    }
  }

  #accept(entry: TenantFile): void {
    const { loaded, digest, file } = entry;
    const config = loaded?.config;
    if (loaded === null || config === null || config === undefined) return;
    try {
      // Before the former tenant of the file goes: it stays when this one is refused.
      this.#listener.onTenant(config.tenant, config, { file, digest, acceptedBefore: loaded.keptFrom !== null });
    } catch (error) {
      const byPlugin = (error as Partial<GatewayError>).code === 'SLUICE_PLUGIN_START_FAILED';
      const remedy = byPlugin ? "correct the plugin's config" : 'report this: the configuration passed all checks';
      const problem = fileProblem(
        file,
        'SLUICE_CONFIG_INVALID',
        `cannot be built: ${(error as Error).message}`,
        remedy,
      );
      return this.#refuse(entry, [problem]);
    }
    if (entry.announced !== null && entry.announced !== config.tenant) this.#retract(entry.announced);
    this.#register.take(file, config.tenant, config.domains);
    entry.announced = config.tenant;
    entry.serving = this.#keep(entry, { ...loaded, config, digest });
    entry.loaded = entry.serving;
    entry.reserved = [];
    this.#record(entry, 'ok', []);
    this.#log.info({ file, tenant: config.tenant, digest: digest.slice(0, 12) }, 'tenant configuration accepted');
  }

  /** Holds what a file without a served version claims, as far as it is free. */
  #reserve(entry: TenantFile): readonly string[] {
    const { config, salvaged } = entry.loaded ?? {};
    const tenant = config?.tenant ?? salvaged?.tenant ?? null;
    return this.#register.take(entry.file, tenant, config?.domains ?? salvaged?.domains ?? []);
  }

  #refuse(entry: TenantFile, problems: readonly Problem[]): void {
    const { file, serving } = entry;
    const reserved = serving === null ? this.#reserve(entry) : serving.config.domains;
    const name = serving?.config.tenant ?? this.#nameOf(entry);
    const news = { problems, name, reserved, serving: serving?.digest };
    const before = {
      problems: entry.problems,
      name: entry.announced,
      reserved: entry.reserved,
      serving: entry.status === 'serving-last-good' ? serving?.digest : undefined,
    };
    if (JSON.stringify(news) === JSON.stringify(before)) return;
    if (entry.announced !== null && entry.announced !== name) this.#retract(entry.announced);
    entry.announced = name;
    entry.reserved = reserved;
    this.#record(entry, serving === null ? 'broken' : 'serving-last-good', problems);
    const digest = serving?.digest ?? entry.digest;
    const meta = { file, digest, acceptedBefore: serving !== null, lastGood: serving !== null };
    this.#log.error(
      { file, tenant: name, lastGood: meta.lastGood, problems: problems.map(formatProblem).slice(0, 10) },
      'tenant configuration refused',
    );
    this.#listener.onTenantBroken(name, reserved, problems, meta);
  }

  #nameOf(entry: TenantFile): string {
    const tenant = entry.loaded?.config?.tenant ?? entry.loaded?.salvaged?.tenant;
    const own = tenant !== undefined && tenant !== null && this.#register.holdsTenant(entry.file, tenant);
    return own ? tenant : entry.origin;
  }

  /** Has the version written to disk, unless it is there already. */
  #keep(entry: TenantFile, served: ServedTenant): ServedTenant {
    const { origin } = entry;
    const { tenant } = served.config;
    if (this.#store === null) return served;
    if (served.keptFrom === origin && this.#store.holds(tenant, served.key)) return served;
    const kept = { ...served, keptFrom: origin };
    this.#store.save(tenant, () => recordOf(kept, origin));
    return kept;
  }

  /** Nobody is of this name any more, not after a restart either. */
  #retract(tenant: string): void {
    this.#listener.onTenantRemoved(tenant);
    this.#store?.remove(tenant);
  }

  #record(entry: TenantFile, status: TenantFileStatus, problems: readonly Problem[]): void {
    entry.status = status;
    entry.problems = problems;
    entry.since = Date.now();
  }
}

/** By path, whatever order they were found in. */
export function sortedByPath(files: ReadonlyMap<string, TenantFile>): TenantFile[] {
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
