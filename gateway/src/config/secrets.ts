import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../core/limits.ts';

/**
 * Reads a secret of a directory: its text without one trailing newline, or null when it is missing, unreadable, larger
 * than LIMITS.secretBytes or not UTF-8. `name` is a plain file name.
 */
export type SecretReader = (directory: string, name: string) => string | null;

/** Names that cannot leave the directory, nor name the hidden files that Kubernetes keeps there. */
export function isSecretName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/.test(name);
}

/**
 * Secrets as one tenant sees them: its own in the folder of its name first, which no other tenant can name, then those
 * that stand in the directory itself, which are for everyone. Null: the tenant is not known.
 */
export function secretsOfTenant(readSecret: SecretReader, tenant: string | null): SecretReader {
  if (tenant === null) return readSecret;
  return (directory, name) => readSecret(join(directory, tenant), name) ?? readSecret(directory, name);
}

/** Secrets of one tenant, each read once, and a digest of what was read: equal, as long as all values are. */
export class SecretReading {
  readonly #read: SecretReader;
  readonly #directory: string | undefined;
  readonly #values = new Map<string, string | null>();

  /** @param directory of the secrets; undefined: there is none, and every secret is missing */
  constructor(directory: string | undefined, tenant: string | null, readSecret: SecretReader = readSecretFile) {
    this.#read = secretsOfTenant(readSecret, tenant);
    this.#directory = directory;
  }

  /** Null: it is missing or unreadable. */
  value(name: string): string | null {
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.#directory === undefined ? null : this.#read(this.#directory, name);
      this.#values.set(name, value);
    }
    return value;
  }

  /** '' for no names. */
  digest(names: readonly string[]): string {
    if (names.length === 0) return '';
    const values = names.map((name) => [name, this.value(name)]);
    return createHash('sha256').update(JSON.stringify(values)).digest('hex');
  }
}

/** A secret from its file. */
export const readSecretFile: SecretReader = (directory, name) => {
  if (!isSecretName(name)) return null;
  try {
    const path = join(directory, name);
    const status = statSync(path, { throwIfNoEntry: false });
    // Opening a pipe or a device would wait for ever.
    if (!status?.isFile() || status.size > LIMITS.secretBytes) return null;
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    return text.replace(/\r?\n$/, '');
  } catch {
    return null;
  }
};
