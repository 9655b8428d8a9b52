import { dirname, resolve } from 'node:path';
import type { Place, Plain } from './document.ts';
import { catalogueUnread, checkGateway } from './gateway-rules.ts';
import { limitsUnread } from './limit-rules.ts';
import { parsePluginSource } from './plugin-source.ts';
import type { Path, Problem } from './problem.ts';
import { deepFreeze, type Reading, readConfig } from './read.ts';
import { type GatewayConfig, GatewaySchema, type RegistryConfig } from './schema-gateway.ts';
import type { ListenerConfig } from './schema-listener.ts';
import type { PluginConfig } from './schema-plugin.ts';
import { isMapping } from './schema-view.ts';
import { readSecretFile, type SecretReader } from './secrets.ts';
import { type Environment, expandVariables } from './substitute.ts';
import { nearest } from './suggest.ts';
import type { TenantSurroundings } from './tenant-rules.ts';

/** What `gateway.yaml` may refer to. */
export interface GatewaySources {
  /** For `${VARIABLE}`; default: none is set. */
  readonly env?: Environment;
  /** Default: files of the secrets directory. */
  readonly readSecret?: SecretReader;
  /** JSON Schemas that modules of the catalogue carry, by plugin. Default: none is known. */
  readonly schemas?: ReadonlyMap<string, object>;
}

export interface GatewayOutline extends TenantSurroundings {
  /** Absolute. */
  readonly tenants: { readonly directory: string } & NonNullable<TenantSurroundings['tenants']>;
}

export interface ParsedGateway {
  /** Typed, with defaults, frozen, all paths absolute; null when there is any problem. */
  readonly config: GatewayConfig | null;
  /** What tenants may refer to as far as it can be read, so that they can be checked beside a broken file. */
  readonly outline: GatewayOutline | null;
  /** What can be read, like `config`, with stand-ins for what is `unread`: to check further, not to run. */
  readonly readable: GatewayConfig | null;
  /** Whether the value at `path` cannot be read, or that of a parent. */
  readonly unread: (path: Path) => boolean;
  /** Place of the value at `path` in the file, or of its nearest parent. */
  readonly placeOf: (path: Path) => Place;
  /** By place in the file. */
  readonly problems: readonly Problem[];
  /** Names of the secrets that the file uses, found or not. */
  readonly secretNames: readonly string[];
  /** For display: the file's values with defaults, `{ secret: name }` and `${VARIABLE}` as written, passwords masked. */
  readonly redacted: Plain;
}

/**
 * Parses the operator's file. Relative paths in it (`tenants.directory`, `secrets.directory`, certificates and keys, the
 * path of a file registry, a plugin's `file:` and `pull.caFile`, the access log's file) are taken from the directory of `file` and become
 * absolute.
 */
export function parseGateway(file: string, text: string, sources: GatewaySources = {}): ParsedGateway {
  const base = dirname(resolve(file));
  const env = sources.env ?? {};
  const reading = readConfig(GatewaySchema, file, text, (written) => ({
    env,
    secretsDirectory: secretsDirectory(written, env, base),
    readSecret: sources.readSecret ?? readSecretFile,
  }));
  const { decoded, report } = reading;
  if (decoded !== null) checkGateway(decoded, sources.schemas ?? new Map(), report);
  const readable = decoded === null ? null : deepFreeze(normalize(decoded, base));
  return {
    config: report.clean ? readable : null,
    readable,
    unread: (path) => report.unread(path),
    outline: outlineOf(reading, base, env),
    placeOf: reading.placeOf,
    problems: reading.problems(),
    secretNames: reading.secretNames,
    redacted: maskPasswords(reading.redacted()),
  };
}

/** The directory is needed before the file as a whole is checked. Undefined when it is given and cannot be read. */
function secretsDirectory(written: Plain, env: Environment, base: string): string | null | undefined {
  if (!isMapping(written)) return null;
  const section = written['secrets'];
  // Their place cannot be a secret itself, which must be said.
  if (isMapping(section) && isMapping(section['directory']) && 'secret' in section['directory']) return null;
  const meant = Object.keys(written).some((key) => nearest(key, ['secrets']) !== undefined);
  return directoryOf(section, env, base) ?? (meant ? undefined : null);
}

function directoryOf(section: Plain | undefined, env: Environment, base: string): string | null {
  const directory = isMapping(section) ? section['directory'] : null;
  if (typeof directory !== 'string') return null;
  const expanded = expandVariables(directory, env, [], null);
  return expanded === null ? null : resolve(base, expanded);
}

function outlineOf(reading: Reading<typeof GatewaySchema>, base: string, env: Environment): GatewayOutline | null {
  const { written, decoded, report } = reading;
  const tenants = isMapping(written) ? directoryOf(written['tenants'], env, base) : null;
  if (!isMapping(written) || tenants === null) return null;
  const secrets = secretsDirectory(written, env, base);
  return {
    tenants:
      decoded === null || limitsUnread(decoded.tenants, report)
        ? { directory: tenants }
        : { ...decoded.tenants, directory: tenants },
    plugins: decoded === null || catalogueUnread(decoded, report) ? null : decoded.plugins,
    registries: decoded === null || report.unread(['registries']) ? null : decoded.registries,
    // After an error of syntax the section may be in what could not be read.
    ...(typeof secrets === 'string' ? { secrets: { directory: secrets } } : {}),
    ...(secrets === undefined || (secrets === null && decoded === null) ? { secrets: null } : {}),
  };
}

function normalize(config: GatewayConfig, base: string): GatewayConfig {
  const registries: Record<string, RegistryConfig> = {};
  for (const [name, registry] of Object.entries(config.registries)) {
    registries[name] = registry.type === 'file' ? { ...registry, path: resolve(base, registry.path) } : registry;
  }
  const { path } = config.accessLog;
  return {
    ...config,
    listeners: config.listeners.map((listener) => resolveCertificates(listener, base)),
    registries,
    tenants: { ...config.tenants, directory: resolve(base, config.tenants.directory) },
    plugins: config.plugins.map((plugin) => resolvePlugin(plugin, base)),
    ...(config.secrets === undefined ? {} : { secrets: { directory: resolve(base, config.secrets.directory) } }),
    ...(config.state === undefined ? {} : { state: { directory: resolve(base, config.state.directory) } }),
    accessLog: { ...config.accessLog, path: path === 'stdout' || path === 'off' ? path : resolve(base, path) },
  };
}

function resolveCertificates(listener: ListenerConfig, base: string): ListenerConfig {
  if (listener.tls === undefined) return listener;
  const certificates = listener.tls.certificates.map(({ certFile, keyFile }) => ({
    certFile: resolve(base, certFile),
    keyFile: resolve(base, keyFile),
  }));
  return { ...listener, tls: { ...listener.tls, certificates } };
}

function resolvePlugin(plugin: PluginConfig, base: string): PluginConfig {
  const source = parsePluginSource(plugin.source);
  if ('message' in source) return plugin;
  if (source.kind === 'file') return { ...plugin, source: `file:${resolve(base, source.path)}` };
  const { pull } = plugin;
  return pull?.caFile === undefined ? plugin : { ...plugin, pull: { ...pull, caFile: resolve(base, pull.caFile) } };
}

/** A password that stands in the file itself is not for display; a reference to one is. */
function maskPasswords(redacted: Plain): Plain {
  if (!isMapping(redacted)) return redacted;
  const { registries, plugins } = redacted;
  const masked: { [key: string]: Plain } = { ...redacted };
  if (isMapping(registries)) {
    const entries = Object.entries(registries).map(([name, registry]) => [name, withoutPassword(registry)] as const);
    masked['registries'] = Object.fromEntries(entries);
  }
  if (Array.isArray(plugins)) {
    masked['plugins'] = plugins.map((plugin: Plain) =>
      isMapping(plugin) && plugin['pull'] !== undefined ? { ...plugin, pull: withoutPassword(plugin['pull']) } : plugin,
    );
  }
  return masked;
}

function withoutPassword(section: Plain): Plain {
  const password = isMapping(section) ? section['password'] : undefined;
  const open = typeof password === 'string' && !/^\$\{[A-Za-z_][A-Za-z0-9_]*(:-)?\}$/.test(password);
  return open && isMapping(section) ? { ...section, password: '***' } : section;
}
