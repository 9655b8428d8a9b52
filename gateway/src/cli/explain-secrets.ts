import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSecretName, readSecretFile } from '../config/secrets.ts';

/** A shorter one is no secret, and would stand in every other word. */
const LEAST_LENGTH = 4;

/**
 * Puts `{ secret: name }` wherever the value of a secret stands in the texts of `value`, since configuration holds
 * secrets in plain once it is loaded.
 * @param directory of the secrets; undefined = there is none
 */
export function concealSecrets<T>(value: T, directory: string | undefined): T {
  const secrets = directory === undefined ? [] : secretsOf(directory);
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) => {
    if (typeof part !== 'string') return part;
    return secrets.reduce((text, { name, secret }) => text.replaceAll(secret, () => `{ secret: ${name} }`), part);
  }) as T;
}

/** The longer first, so that one that holds another goes as a whole. */
function secretsOf(directory: string): { name: string; secret: string }[] {
  // A directory that no file needs may be missing.
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  const tenants = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
  return [directory, ...tenants]
    .flatMap((folder) => readdirSync(folder).map((name) => ({ folder, name })))
    .filter(({ name }) => isSecretName(name))
    .map(({ folder, name }) => ({ name, secret: readSecretFile(folder, name) ?? '' }))
    .filter(({ secret }) => secret.length >= LEAST_LENGTH)
    .sort((a, b) => b.secret.length - a.secret.length);
}
