import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Phase } from '../callbacks.ts';
import { SDK_FOLDER } from '../folder.ts';
import type { JsonSchema } from './schema.ts';

/** Name of the custom section that holds a module's manifest. */
export const MANIFEST_SECTION = 'sluice:manifest';

/** Bytes of a manifest. */
const MOST_BYTES = 64 * 1024;

/** What an author asks for: keys and meaning are those of `allow` in the gateway's catalogue. */
export interface WantedPermissions {
  readonly services?: readonly string[];
  readonly tenantServices?: boolean;
  readonly properties?: readonly string[];
  readonly foreignFunctions?: readonly string[];
  readonly environment?: readonly string[];
  readonly hostCalls?: readonly string[];
  readonly clock?: 'precise' | 'coarse';
}

/** `plugin.json`: the author's part of a manifest. */
export interface PluginDescription {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly permissions: WantedPermissions;
}

/** What a module says of itself, in its custom section. */
export interface PluginManifest extends PluginDescription {
  /** Version of the SDK. */
  readonly sdk: string;
  readonly phases: readonly Phase[];
  /** Of the configuration; absent: the plugin reads it without a `@config` class. */
  readonly config?: JsonSchema;
}

/** The `plugin.json` of an entry file: in its folder, or in the one above; null when there is none. */
export function descriptionFile(entry: string): string | null {
  const folder = dirname(entry);
  return [folder, dirname(folder)].map((each) => join(each, 'plugin.json')).find((file) => existsSync(file)) ?? null;
}

/**
 * Reads a `plugin.json`.
 * @throws Error that names the file and what is wrong
 */
export function readDescription(file: string): PluginDescription {
  const fail = (problem: string): never => {
    throw new Error(`${file}: ${problem}`);
  };
  let value: unknown;
  try {
    // Some editors put a byte order mark in front.
    value = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    return fail((error as Error).message);
  }
  if (!isObject(value)) return fail('must be an object with name and version');
  checkKeys(value, ['name', 'version', 'description', 'permissions'], fail);
  const { name, version, description = '', permissions = {} } = value;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    return fail('"name" must be up to 63 small letters, digits and dashes, a letter first');
  }
  if (typeof version !== 'string' || !/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/.test(version)) {
    return fail('"version" must be one such as "1.0.0"');
  }
  if (typeof description !== 'string' || description.length > 1024) return fail('"description" must be a short text');
  if (!isObject(permissions)) return fail('"permissions" must be an object');
  checkPermissions(permissions, fail);
  return { name, version, description, permissions };
}

const LISTS = ['services', 'properties', 'foreignFunctions', 'environment', 'hostCalls'];

function checkPermissions(permissions: Record<string, unknown>, fail: (problem: string) => never): void {
  checkKeys(permissions, [...LISTS, 'tenantServices', 'clock'], fail, 'permissions.');
  for (const [key, value] of Object.entries(permissions)) {
    if (LISTS.includes(key) && !isListOfNames(value)) fail(`"permissions.${key}" must be a list of names`);
  }
  const { tenantServices = true, clock = 'precise' } = permissions;
  if (typeof tenantServices !== 'boolean') fail('"permissions.tenantServices" must be true or false');
  if (clock !== 'precise' && clock !== 'coarse') fail('"permissions.clock" must be "precise" or "coarse"');
}

function isListOfNames(value: unknown): boolean {
  return Array.isArray(value) && value.length <= 256 && value.every((name) => typeof name === 'string' && name !== '');
}

function checkKeys(object: object, known: readonly string[], fail: (problem: string) => never, at = ''): void {
  const other = Object.keys(object).find((key) => !known.includes(key));
  if (other !== undefined) fail(`"${at}${other}" is unknown; known: ${known.join(', ')}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The manifest as bytes of its section: compact JSON in UTF-8, the same for the same parts.
 * @throws Error when it is too large
 */
export function encodeManifest(
  description: PluginDescription,
  phases: readonly Phase[],
  config: JsonSchema | null,
): Uint8Array {
  const { name, version, description: text, permissions } = description;
  const { version: sdk } = JSON.parse(readFileSync(join(SDK_FOLDER, 'package.json'), 'utf8')) as { version: string };
  const manifest: PluginManifest = {
    name,
    version,
    description: text,
    sdk,
    phases,
    permissions,
    ...(config && { config }),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  if (bytes.length <= MOST_BYTES) return bytes;
  throw new Error(`the manifest takes ${bytes.length} bytes; at most ${MOST_BYTES} are possible: shorten the comments`);
}
