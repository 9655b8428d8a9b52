import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Plain } from '../config/document.ts';
import { displayPath, readConfigFile } from '../config/files.ts';
import { type ParsedTenant, parseTenant } from '../config/parse-tenant.ts';
import type { Problem } from '../config/problem.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { TenantConfig } from '../config/schema-tenant.ts';
import { type SecretReader, secretsOfTenant } from '../config/secrets.ts';

/** A version of a tenant that the data plane has. */
export interface ServedTenant {
  readonly config: TenantConfig;
  readonly digest: string;
  readonly redacted: Plain;
}

export type TenantFileStatus = 'ok' | 'broken' | 'serving-last-good';

/** One tenant file and what has become of it. */
export class TenantFile {
  readonly path: string;
  /** The path as messages show it. */
  readonly file: string;
  /** What the file said last; null before the first reading. */
  parsed: ParsedTenant | null = null;
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
  /** Domains that answer for this file while nothing is served; for comparison with the next state. */
  reserved: readonly string[] = [];
  #signature: string | null = '';
  #gone = false;
  #textDigest = '';

  constructor(path: string) {
    this.path = path;
    this.file = displayPath(path);
  }

  /** Stands for a tenant whose name cannot be read, or belongs to another file. Never a valid tenant name. */
  get placeholder(): string {
    return `file:${basename(this.path)}`;
  }

  /**
   * Reads and parses the file if it, or a secret it uses, has changed. Resolves to whether it has.
   * @param force look into the file even when size and times are as before
   */
  async refresh(gateway: GatewayConfig, readSecret: SecretReader, force: boolean): Promise<boolean> {
    const signature = await signatureOf(this.path);
    if (signature === null && this.parsed !== null && !this.#gone) {
      // Gone since the directory was listed: being replaced, or deleted, as the next look will tell.
      this.#gone = true;
      return false;
    }
    this.#gone = false;
    const secretsSame = this.#digestOf(gateway, readSecret) === this.digest;
    if (!force && secretsSame && signature !== '' && signature !== null && signature === this.#signature) return false;
    const read = await readConfigFile(this.path);
    this.#signature = signature;
    const textDigest = read.text === null ? `unreadable: ${read.problem.message}` : sha256(read.text);
    if (textDigest === this.#textDigest && secretsSame) return false;
    this.#textDigest = textDigest;
    this.parsed =
      read.text === null ? unreadable(read.problem) : parseTenant(this.file, read.text, { gateway, readSecret });
    this.digest = this.#digestOf(gateway, readSecret);
    return true;
  }

  #digestOf(gateway: GatewayConfig, readSecret: SecretReader): string {
    const names = this.parsed?.secretNames ?? [];
    const directory = gateway.secrets?.directory;
    if (names.length === 0 || directory === undefined) return this.#textDigest;
    const read = secretsOfTenant(readSecret, this.parsed?.claims?.tenant?.name ?? null);
    const values = names.map((name) => [name, read(directory, name)]);
    return sha256(JSON.stringify([this.#textDigest, values]));
  }
}

function unreadable(problem: Problem): ParsedTenant {
  return { config: null, claims: null, problems: [problem], salvaged: null, secretNames: [], redacted: null };
}

function sha256(text: string): string {
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
