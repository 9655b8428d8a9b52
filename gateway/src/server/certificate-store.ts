import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Certificate, type CertificateFault, readCertificate, validityFault } from '../config/certificate.ts';
import { displayPath } from '../config/files.ts';
import type { CertificateFiles } from '../config/schema-listener.ts';
import type { Log } from '../core/log.ts';
import { DirectoryWatch } from '../runtime/directory-watch.ts';

export interface CertificateStoreOptions {
  readonly log: Log;
  /** A certificate is another one than before. */
  readonly onChange: () => void;
  /** Wait after the first of a burst of changes, since certificate and key are written one after the other; default 200 ms. */
  readonly settleMs?: number;
  /** Look at the files this often even when nothing was heard; default 10 s. */
  readonly pollMs?: number;
}

/** A certificate that is kept up to date with its files. */
export interface CertificateEntry {
  readonly files: CertificateFiles;
  /** In use: as the files had it when they were last in order. */
  readonly certificate: Certificate;
  /** Why the files as they are now are not in use. */
  readonly fault: CertificateFault | null;
}

/** The same, as the store changes it. */
interface Entry extends CertificateEntry {
  certificate: Certificate;
  fault: CertificateFault | null;
  /** State of both files when they were last read. */
  signature: string;
  /** What was wrong at the last look, and not told yet: the second of two files may be on its way. */
  suspicion: string;
}

const SETTLE_MS = 200;
const POLL_MS = 10_000;

/** Certificates by their files, watched. Files that are broken change nothing but what is told of them. */
export class CertificateStore {
  /** Certificates exchanged, and new files refused, since the start. */
  readonly reloads = { success: 0, failure: 0 };
  readonly #options: CertificateStoreOptions;
  readonly #settleMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #watches = new Map<string, DirectoryWatch>();
  #poll: NodeJS.Timeout | null = null;
  #again: NodeJS.Timeout | null = null;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: CertificateStoreOptions) {
    this.#options = options;
    this.#settleMs = options.settleMs ?? SETTLE_MS;
  }

  /** What is in use of these files, which have been added. */
  get(files: CertificateFiles): CertificateEntry {
    return this.#entries.get(keyOf(files))!;
  }

  /** Reads files that are new to the store. Null when all are in order, else the first fault, and nothing is added. */
  async add(wanted: readonly CertificateFiles[]): Promise<CertificateFault | null> {
    const added = new Map<string, Entry>();
    for (const files of wanted) {
      const key = keyOf(files);
      if (this.#entries.has(key) || added.has(key)) continue;
      const signature = await signatureOf(files);
      const { certificate, fault } = await readCertificate(files);
      if (fault !== null) return fault;
      added.set(key, { files, certificate, fault, signature, suspicion: '' });
    }
    for (const [key, entry] of added) {
      this.#entries.set(key, entry);
      this.#warnOfValidity(entry);
    }
    this.#watch();
    return null;
  }

  /** Forgets all others. */
  retain(wanted: readonly CertificateFiles[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
    this.#watch();
  }

  /** Looks at all files now. Resolves when what has changed is in use. */
  refresh(): Promise<void> {
    return this.#look(true);
  }

  /** Resolves when the look that was under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches.values()) watch.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#again !== null) clearTimeout(this.#again);
    await this.#turn;
  }

  #watch(): void {
    const { pollMs = POLL_MS } = this.#options;
    if (this.#closed) return;
    const files = [...this.#entries.values()].flatMap(({ files: { certFile, keyFile } }) => [certFile, keyFile]);
    const directories = new Set(files.map((file) => dirname(file)));
    for (const [directory, watch] of this.#watches) {
      if (directories.has(directory)) continue;
      watch.close();
      this.#watches.delete(directory);
    }
    for (const directory of directories) {
      if (this.#watches.has(directory)) continue;
      const watch = new DirectoryWatch(directory, this.#settleMs, () => void this.#look(false));
      this.#watches.set(directory, watch);
      watch.renew();
    }
    if (directories.size > 0) this.#poll ??= setInterval(() => void this.#look(false), pollMs).unref();
  }

  /** @param force also files that look as they did */
  #look(force: boolean): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#lookAtAll(force))
      .catch((error: unknown) =>
        this.#options.log.error({ reason: String(error) }, 'certificates could not be looked at'),
      );
    return this.#turn;
  }

  async #lookAtAll(force: boolean): Promise<void> {
    for (const watch of this.#watches.values()) watch.renew();
    let changed = false;
    for (const entry of this.#entries.values()) {
      if (this.#closed) return;
      if (await this.#renew(entry, force)) changed = true;
    }
    if (changed && !this.#closed) this.#options.onChange();
  }

  /** True: the certificate is another one. */
  async #renew(entry: Entry, force: boolean): Promise<boolean> {
    const signature = await signatureOf(entry.files);
    if (signature === entry.signature && entry.suspicion === '' && !force) return false;
    entry.signature = signature;
    const { certificate, fault } = await readCertificate(entry.files);
    if (fault !== null) {
      this.#suspect(entry, fault, force);
      return false;
    }
    entry.fault = null;
    entry.suspicion = '';
    if (certificate.id === entry.certificate.id) return false;
    entry.certificate = certificate;
    this.reloads.success++;
    const { names, notAfter } = certificate;
    const expires = new Date(notAfter).toISOString();
    this.#options.log.info({ file: displayPath(entry.files.certFile), names, expires }, 'certificate exchanged');
    this.#warnOfValidity(entry);
    return true;
  }

  #suspect(entry: Entry, fault: CertificateFault, force: boolean): void {
    const { code, message, remedy } = fault;
    if (entry.suspicion !== message && !force) {
      entry.suspicion = message;
      this.#options.log.debug({ code, problem: message }, 'certificate looks broken; looking once more');
      this.#again ??= setTimeout(() => {
        this.#again = null;
        void this.#look(false);
      }, this.#settleMs * 2).unref();
      return;
    }
    entry.suspicion = '';
    if (entry.fault?.message === message) return;
    entry.fault = fault;
    this.reloads.failure++;
    this.#options.log.error({ code, problem: message, remedy }, 'certificate refused; the former one is served still');
  }

  #warnOfValidity({ files, certificate }: Entry): void {
    const fault = validityFault(files, certificate, Date.now());
    if (fault === null) return;
    const { code, message, remedy } = fault;
    this.#options.log.warn({ code, problem: message, remedy }, 'clients will refuse a certificate');
  }
}

function keyOf({ certFile, keyFile }: CertificateFiles): string {
  return `${certFile}\0${keyFile}`;
}

/** Differs when one of the files has been written or replaced, also behind symbolic links. */
async function signatureOf({ certFile, keyFile }: CertificateFiles): Promise<string> {
  const states = await Promise.all([stateOf(certFile), stateOf(keyFile)]);
  return states.join(' ');
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch {
    return 'missing';
  }
}
