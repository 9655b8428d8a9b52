import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { displayPath, readConfigFile } from '../config/files.ts';
import type { Problem } from '../config/problem.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { SecretReading } from '../config/secrets.ts';
import { failedResult } from './parse-result.ts';
import type { LoadedTenant, TenantLoader } from './tenant-loader.ts';

/** A version of a tenant that the data plane has. */
export interface ServedTenant extends LoadedTenant {
  readonly config: TenantConfig;
  /** SHA-256 of the text and the secrets it uses. */
  readonly digest: string;
}

export type TenantFileStatus = 'ok' | 'broken' | 'serving-last-good';

/** One tenant file and what has become of it. */
export class TenantFile {
  readonly path: string;
  /** The path as messages show it. */
  readonly file: string;
  /** What the file said last; null before the first reading. */
  loaded: LoadedTenant | null = null;
  /** SHA-256 of the text and the secrets it uses. */
  digest = '';
  /** The last version that was accepted. */
  serving: ServedTenant | null = null;
  /** The name under which the listener knows this file; null = not at all. */
  announced: string | null = null;
  status: TenantFileStatus = 'broken';
  problems: readonly Problem[] = [];
  /** Epoch milliseconds of the last change of `status`, or of the version served. */
  since = Date.now();
  /** The file was not there at the last look. */
  missing = false;
  /** What it may refer to has changed, and it has not been looked at since. */
  doubtful = false;
  /** Domains that answer for this file while nothing is served; for comparison with the next state. */
  reserved: readonly string[] = [];
  #signature: string | null = '';
  #gone = false;
  #textDigest = '';
  #doubts = 0;

  constructor(path: string) {
    this.path = path;
    this.file = displayPath(path);
  }

  /** The next look reads and loads it anew, for what it may refer to has changed. */
  doubt(): void {
    this.doubtful = true;
    this.#doubts++;
    this.#signature = '';
  }

  /** How the state directory calls it, wherever the directory of tenants is. Never a valid tenant name. */
  get origin(): string {
    return `file:${basename(this.path)}`;
  }

  /** The name of its tenant as far as it can be told. */
  get tenant(): string | null {
    return this.serving?.config.tenant ?? this.loaded?.config?.tenant ?? this.loaded?.salvaged?.tenant ?? null;
  }

  /**
   * Reads and loads the file if it, or a secret it uses, has changed. Resolves to whether it has. Never rejects, and is
   * not to be called before the last call has ended.
   * @param secrets directory of the secrets
   * @param force look into the file even when size and times are as before
   */
  async refresh(loader: TenantLoader, secrets: string | undefined, force: boolean): Promise<boolean> {
    const signature = await signatureOf(this.path);
    if (signature === null && this.loaded !== null && !this.#gone) {
      // Gone since the directory was listed: being replaced, or deleted, as the next look will tell.
      this.#gone = true;
      return false;
    }
    this.#gone = false;
    const secretsSame = this.#secretsDigest(secrets) === (this.loaded?.secretsDigest ?? '');
    const sure = signature !== '' && signature !== null && signature === this.#signature;
    if (!force && sure && secretsSame) return false;
    if (!force && sure && this.loaded !== null) this.loaded = await loader.refill(this.file, this.loaded);
    else if (!(await this.#read(loader, signature, secretsSame, force))) return false;
    this.digest = digestOf(this.#textDigest, this.loaded?.secretsDigest ?? '');
    return true;
  }

  /** Resolves to whether there is anything new. */
  async #read(loader: TenantLoader, signature: string | null, secretsSame: boolean, force: boolean): Promise<boolean> {
    const doubts = this.#doubts;
    this.#signature = signature;
    const read = await readConfigFile(this.path);
    const textDigest = read.text === null ? `unreadable: ${read.problem.message}` : sha256(read.text);
    const again = this.doubtful || (force && this.loaded?.problems[0]?.code === 'SLUICE_CONFIG_PARSER_FAILED');
    const changed = textDigest !== this.#textDigest || !secretsSame || again;
    if (changed) {
      this.#textDigest = textDigest;
      this.loaded = read.text === null ? unreadable(read.problem) : await loader.load(this.file, read.text);
    }
    // Only now, so that nobody takes what was doubted; a doubt that came meanwhile has it read once more.
    this.doubtful = doubts !== this.#doubts;
    return changed;
  }

  /** Of the values as they are now. */
  #secretsDigest(directory: string | undefined): string {
    const { secretNames = [], claims } = this.loaded ?? {};
    return new SecretReading(directory, claims?.tenant?.name ?? null).digest(secretNames);
  }
}

/** Of a configuration: of its text and of the secrets in it. */
export function digestOf(textDigest: string, secretsDigest: string): string {
  return secretsDigest === '' ? textDigest : sha256(`${textDigest} ${secretsDigest}`);
}

/** What is known of a file that cannot be read. */
export function unreadable(problem: Problem): LoadedTenant {
  const { config: _, ...failed } = failedResult(problem, '');
  return { ...failed, config: null, key: '', keptFrom: null };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Coarse clocks of file systems put two writes into one tick; so young a file is read again at the next look. */
const YOUNG_MS = 100;

/** Changes with the file; '' when that cannot be trusted, null when there is no file. */
async function signatureOf(path: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
    return Date.now() - Number(ctimeMs) < YOUNG_MS ? '' : `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return null;
  }
}
