import { join } from 'node:path';
import { displayPath, reasonOf } from '../config/files.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { StateDirectory } from './state-directory.ts';
import { decodeRecord, encodeRecord, type TenantRecord } from './tenant-record.ts';

/** `<tenant>.<key>.tenant` */
const NAME = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.([0-9a-f]{64})\.tenant$/;

/**
 * The last accepted version of each tenant on disk, whatever source it came from: what a restart serves when the
 * source is broken, and a cache that spares parsing when it is unchanged. One file for each tenant. A disk that fails is
 * logged once and never keeps anything from being served.
 */
export class TenantStore {
  readonly #directory: StateDirectory;
  readonly #place: string;
  readonly #log: Log;
  /** Files of each tenant; more than one only after a crash in between writing one and removing the other. */
  readonly #names = new Map<string, Set<string>>();
  readonly #byKey = new Map<string, string>();
  /** What is to be written, or removed (null). */
  readonly #pending = new Map<string, (() => TenantRecord) | null>();
  readonly #failed = new Map<string, (() => TenantRecord) | null>();
  readonly #busy = new Map<string, Promise<void>>();
  #complaint = '';

  /** @param directory of the gateway's state; a folder `accepted` in it is used */
  constructor(directory: string, log: Log) {
    this.#place = join(directory, 'accepted');
    this.#directory = new StateDirectory(this.#place);
    this.#log = log;
  }

  /** Looks at what there is. Never rejects: without a readable directory nothing is known. */
  async open(): Promise<void> {
    let names: string[] = [];
    try {
      names = await this.#directory.open();
    } catch (error) {
      this.#complain(reasonOf(error));
    }
    const foreign = names.filter((name) => !this.#add(name));
    if (foreign.length === 0) return;
    const directory = displayPath(this.#place);
    this.#log.warn(
      { directory, files: foreign.slice(0, 5), count: foreign.length },
      'unknown files in the state directory',
    );
  }

  /** Tenants whose newest version is not on disk because writing it failed. */
  get unsaved(): number {
    return this.#failed.size;
  }

  /** All tenants of which there is a version. */
  tenants(): string[] {
    return [...this.#names.keys()];
  }

  /** Whether this version is on disk and will stay. */
  holds(tenant: string, key: string): boolean {
    const changing = this.#pending.has(tenant) || this.#busy.has(tenant) || this.#failed.has(tenant);
    return !changing && this.#byKey.has(key);
  }

  /** The version with this key, if it is the last accepted one of a tenant. */
  async cached(key: string): Promise<TenantRecord | null> {
    const name = this.#byKey.get(key);
    return name === undefined ? null : this.#read(name);
  }

  /** The last accepted version of a tenant. */
  async lastGood(tenant: string): Promise<TenantRecord | null> {
    const names = [...(this.#names.get(tenant) ?? [])];
    const times = await Promise.all(names.map((name) => this.#directory.writtenAt(name)));
    const newest = names[times.indexOf(Math.max(...times))];
    return newest === undefined ? null : this.#read(newest);
  }

  /** Writes a version in place of the tenant's former one, some time soon. `make` is called when its turn has come. */
  save(tenant: string, make: () => TenantRecord): void {
    this.#enqueue(tenant, make);
  }

  /** Removes what there is of a tenant, some time soon. */
  remove(tenant: string): void {
    if (this.#names.has(tenant) || this.#pending.has(tenant) || this.#busy.has(tenant)) this.#enqueue(tenant, null);
  }

  /** Tries again what could not be written. */
  retry(): void {
    for (const [tenant, make] of this.#failed) if (!this.#pending.has(tenant)) this.#pending.set(tenant, make);
    this.#pump();
  }

  /** Resolves when nothing is left to be written. */
  async flush(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }

  #enqueue(tenant: string, make: (() => TenantRecord) | null): void {
    this.#failed.delete(tenant);
    this.#pending.set(tenant, make);
    this.#pump();
  }

  #pump(): void {
    for (const [tenant, make] of this.#pending) {
      if (this.#busy.size >= LIMITS.stateWrites) return;
      // A tenant's versions are written one after the other, so that the newest stays.
      if (this.#busy.has(tenant)) continue;
      this.#pending.delete(tenant);
      const work = this.#carryOut(tenant, make).finally(() => {
        this.#busy.delete(tenant);
        this.#pump();
      });
      this.#busy.set(tenant, work);
    }
  }

  async #carryOut(tenant: string, make: (() => TenantRecord) | null): Promise<void> {
    try {
      const kept = make === null ? null : await this.#write(make());
      for (const name of this.#names.get(tenant) ?? []) if (name !== kept) await this.#remove(tenant, name);
      this.#failed.delete(tenant);
      if (this.#failed.size === 0) this.#complain('');
    } catch (error) {
      if (!this.#pending.has(tenant)) this.#failed.set(tenant, make);
      this.#complain(reasonOf(error));
    }
  }

  async #write(record: TenantRecord): Promise<string> {
    const name = `${record.tenant}.${record.key}.tenant`;
    await this.#directory.write(name, encodeRecord(record));
    this.#add(name);
    return name;
  }

  async #remove(tenant: string, name: string): Promise<void> {
    await this.#directory.remove(name);
    this.#byKey.delete(NAME.exec(name)![2]!);
    const names = this.#names.get(tenant);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(tenant);
  }

  /** Whether it is the name of a record. */
  #add(name: string): boolean {
    const [, tenant, key] = NAME.exec(name) ?? [];
    if (tenant === undefined || key === undefined) return false;
    const names = this.#names.get(tenant);
    if (names === undefined) this.#names.set(tenant, new Set([name]));
    else names.add(name);
    this.#byKey.set(key, name);
    return true;
  }

  async #read(name: string): Promise<TenantRecord | null> {
    let reason = 'not as it was written';
    try {
      const record = decodeRecord(await this.#directory.read(name));
      if (record !== null && `${record.tenant}.${record.key}.tenant` === name) return record;
    } catch (error) {
      reason = reasonOf(error);
      // Replaced by a newer version in the meantime.
      if (reason === 'ENOENT') return null;
    }
    this.#log.warn({ file: join(displayPath(this.#place), name), reason }, 'a kept configuration cannot be used');
    return null;
  }

  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const directory = displayPath(this.#place);
    if (reason === '') this.#log.info({ directory }, 'state directory can be written again');
    else
      this.#log.error(
        { directory, reason },
        'state directory cannot be used: a restart may not find the last configuration',
      );
  }
}
