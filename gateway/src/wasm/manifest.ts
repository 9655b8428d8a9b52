import { readPluginSchema } from '../config/plugin-schema.ts';
import { quote, shorten } from '../config/problem.ts';
import { isMapping, type PlainMap } from '../config/schema-view.ts';
import { LIMITS } from '../core/limits.ts';
import { type FoundSection, findSections } from './section-scan.ts';

/** Phases of an exchange, and ticks, that a plugin may take part in. */
export const PLUGIN_PHASES = [
  'requestHeaders',
  'requestBody',
  'requestTrailers',
  'responseHeaders',
  'responseBody',
  'responseTrailers',
  'log',
  'tick',
] as const;
export type PluginPhase = (typeof PLUGIN_PHASES)[number];

/** What an author says that the plugin needs; `allow` of the catalogue grants it. */
export interface WantedPermissions {
  /** Services that it calls: `name` of whoever uses it, or `tenant/name`. */
  readonly services: readonly string[];
  /** It calls services that its configuration names. */
  readonly tenantServices: boolean;
  readonly properties: readonly string[];
  readonly foreignFunctions: readonly string[];
  /** Names of environment variables. */
  readonly environment: readonly string[];
  readonly hostCalls: readonly string[];
  /** `precise`: it measures time. */
  readonly clock: 'precise' | 'coarse';
}

/** What a module says of itself in its custom section `sluice:manifest`. Plain data. */
export interface PluginManifest {
  readonly name: string;
  readonly version: string;
  /** '' = none. */
  readonly description: string;
  /** Version of the SDK that it was built with; '' = it does not say. */
  readonly sdk: string;
  readonly phases: readonly PluginPhase[];
  readonly permissions: WantedPermissions;
  /** JSON Schema of its configuration, which `readPluginSchema` takes; null: it has none. */
  readonly config: Readonly<Record<string, unknown>> | null;
}

/** What was found. */
export interface ManifestReading {
  /** null: there is none, or it is no good. */
  readonly manifest: PluginManifest | null;
  /** What is wrong with it, and where; '' = nothing. */
  readonly problem: string;
}

/** Name of the custom section. */
export const MANIFEST_SECTION = 'sluice:manifest';

const NONE: ManifestReading = { manifest: null, problem: '' };
const MOST_NAMES = 256;
const MOST_TEXT = 1024;

/** Reads the manifest of a module, whatever the bytes are. Never throws. */
export function readManifest(bytes: Uint8Array): ManifestReading {
  const sections = findSections(bytes).filter(({ custom, name }) => custom && name === MANIFEST_SECTION);
  if (sections.length === 0) return NONE;
  if (sections.length > 1)
    return { manifest: null, problem: `there are ${sections.length} sections ${MANIFEST_SECTION}` };
  try {
    return { manifest: parse(contentOf(sections[0]!)), problem: '' };
  } catch (error) {
    if (!(error instanceof ManifestFault)) throw error;
    return { manifest: null, problem: shorten(error.message) };
  }
}

/** A manifest that is no good; the message says where and why. */
class ManifestFault extends Error {}

function contentOf({ reader }: FoundSection): Uint8Array {
  return reader.bytes.subarray(reader.at, reader.end);
}

function parse(bytes: Uint8Array): PluginManifest {
  if (bytes.length > LIMITS.pluginManifestBytes) {
    throw new ManifestFault(`it has ${bytes.length} bytes, more than ${LIMITS.pluginManifestBytes}`);
  }
  const root = parseJson(bytes);
  onlyKeys(root, ['name', 'version', 'description', 'sdk', 'phases', 'permissions', 'config'], '');
  const name = required(root, 'name');
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw new ManifestFault(
      `name: ${quote(name.slice(0, 80))} must begin with a letter, and have lower-case letters, digits and dashes, at most 63`,
    );
  }
  return {
    name,
    version: required(root, 'version'),
    description: text(root['description'] ?? '', 'description'),
    sdk: text(root['sdk'] ?? '', 'sdk'),
    phases: phasesOf(root),
    permissions: permissionsOf(root['permissions'] ?? {}),
    config: configOf(root['config'] ?? null),
  };
}

/** Strict JSON, each key once, no deeper than configuration files. */
function parseJson(bytes: Uint8Array): PlainMap {
  let value: unknown;
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(source);
  } catch (error) {
    throw new ManifestFault(`it is not JSON: ${(error as Error).message}`);
  }
  checkKeys(source);
  if (!isMapping(value)) throw new ManifestFault('it is not an object');
  return value;
}

/** What `JSON.parse` takes and no reader should: keys that are there twice, of which it keeps the last, and `__proto__`. */
function checkKeys(json: string): void {
  const open: Set<string>[] = [];
  let last = '';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/gs)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token !== ':') last = token;
    else noteKey(JSON.parse(last) as string, open.at(-1)!);
    if (open.length > LIMITS.configDepth) throw new ManifestFault('nested too deep');
  }
}

function noteKey(key: string, keys: Set<string>): void {
  if (keys.has(key)) throw new ManifestFault(`the key ${quote(key.slice(0, 80))} is there twice`);
  if (key === '__proto__') throw new ManifestFault('__proto__ cannot be a key');
  keys.add(key);
}

function onlyKeys(object: PlainMap, known: readonly string[], where: string): void {
  const other = Object.keys(object).find((key) => !known.includes(key));
  if (other !== undefined) throw new ManifestFault(`${where}unknown key ${quote(other.slice(0, 80))}`);
}

function required(root: PlainMap, key: string): string {
  if (root[key] === undefined) throw new ManifestFault(`the key ${key} is missing`);
  const value = text(root[key], key);
  if (value === '') throw new ManifestFault(`${key}: must not be empty`);
  return value;
}

function text(value: unknown, key: string): string {
  if (typeof value === 'string' && value.length <= MOST_TEXT) return value;
  throw new ManifestFault(`${key}: must be text of at most ${MOST_TEXT} characters`);
}

function texts(value: unknown, key: string): string[] {
  const list = Array.isArray(value) && value.length <= MOST_NAMES ? value : null;
  if (list !== null && list.every((item) => typeof item === 'string' && item !== '' && item.length <= MOST_TEXT))
    return list;
  throw new ManifestFault(`${key}: must be a list of at most ${MOST_NAMES} names`);
}

function phasesOf(root: PlainMap): PluginPhase[] {
  if (root['phases'] === undefined) throw new ManifestFault('the key phases is missing');
  const phases = texts(root['phases'], 'phases');
  const other = phases.find((phase) => !(PLUGIN_PHASES as readonly string[]).includes(phase));
  if (other !== undefined)
    throw new ManifestFault(`phases: ${quote(other.slice(0, 80))} is none of ${PLUGIN_PHASES.join(', ')}`);
  return phases as PluginPhase[];
}

function permissionsOf(value: unknown): WantedPermissions {
  if (!isMapping(value)) throw new ManifestFault('permissions: must be an object');
  const lists = ['services', 'properties', 'foreignFunctions', 'environment', 'hostCalls'] as const;
  onlyKeys(value, [...lists, 'tenantServices', 'clock'], 'permissions: ');
  const [services, properties, foreignFunctions, environment, hostCalls] = lists.map((key) =>
    texts(value[key] ?? [], `permissions.${key}`),
  ) as [string[], string[], string[], string[], string[]];
  const { tenantServices = false, clock = 'coarse' } = value;
  if (typeof tenantServices !== 'boolean') throw new ManifestFault('permissions.tenantServices: must be true or false');
  if (clock !== 'precise' && clock !== 'coarse')
    throw new ManifestFault('permissions.clock: must be precise or coarse');
  return { services, tenantServices, properties, foreignFunctions, environment, hostCalls, clock };
}

function configOf(value: unknown): PluginManifest['config'] {
  if (value === null) return null;
  const { problem } = readPluginSchema(value);
  if (problem !== '') throw new ManifestFault(`config: ${problem}`);
  return value as PluginManifest['config'];
}

/** The export that a phase runs. */
function callbackOf(phase: PluginPhase): string {
  return `proxy_on_${phase.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}

/** What is wrong with a manifest beside the module that carries it. @param callbacks that the module exports */
export function manifestWarnings(
  manifest: PluginManifest | null,
  problem: string,
  callbacks: readonly string[],
): readonly string[] {
  if (problem !== '') return [`the manifest is not valid, and checks nothing: ${problem}`];
  if (manifest === null) return [];
  return PLUGIN_PHASES.flatMap((phase) => {
    const callback = callbackOf(phase);
    const listed = manifest.phases.includes(phase);
    if (listed === callbacks.includes(callback)) return [];
    return listed
      ? [`the manifest has the phase ${phase}, and the module no ${callback}; build it again`]
      : [`the module has ${callback}, and the manifest not the phase ${phase}; build it again`];
  });
}
