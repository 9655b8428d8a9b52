import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LIMITS } from '../core/limits.ts';
import { readCertificate, validityFault } from './certificate.ts';
import { ClaimRegister } from './claims.ts';
import { displayPath, listTenantFiles, readConfigFile, reasonOf } from './files.ts';
import { type InspectModules, inspectPlugins } from './load-plugins.ts';
import type { GatewayOutline, ParsedGateway } from './parse-gateway.ts';
import { parseServicesFile } from './parse-services.ts';
import { parseTenant } from './parse-tenant.ts';
import { parsePluginSource } from './plugin-source.ts';
import { compareProblems, formatPath, type Path, type Problem } from './problem.ts';
import { show } from './report.ts';
import { withSchemas } from './rules.ts';
import type { GatewayConfig } from './schema-gateway.ts';
import type { TenantConfig } from './schema-tenant.ts';
import type { Environment } from './substitute.ts';
import { suggest } from './suggest.ts';

/** The whole configuration as it stands on disk at one moment. */
export interface LoadedConfig {
  readonly gateway: GatewayConfig | null;
  /** Of the files without problems, by file name. */
  readonly tenants: readonly TenantConfig[];
  /** Tenant files that were looked at. */
  readonly tenantFiles: readonly string[];
  /** Of all files, sorted by file and place. */
  readonly problems: readonly Problem[];
  /** What the gateway accepts and somebody will miss; sorted like the problems. */
  readonly warnings: readonly Problem[];
  /** What could not be looked at; sorted likewise. */
  readonly notes: readonly Problem[];
}

export interface LoadOptions {
  /** For `${VARIABLE}` in `gateway.yaml`. */
  readonly env?: Environment;
  /** Looks into the modules of the catalogue. Default: nobody does, and configurations of plugins are not checked. */
  readonly inspect?: InspectModules;
}

/** Reads `gateway.yaml` and all that it names: tenant files, services files, secrets, plugin modules. Never throws. */
export async function loadAll(gatewayFile: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const file = displayPath(resolve(gatewayFile));
  const read = await readConfigFile(resolve(gatewayFile));
  if (read.text === null)
    return { gateway: null, tenants: [], tenantFiles: [], problems: [read.problem], warnings: [], notes: [] };
  const { parsed, schemas, warnings, notes } = await inspectPlugins(file, read.text, options);
  const problems = [...parsed.problems];
  if (parsed.readable !== null) {
    problems.push(...(await checkNamedFiles(file, parsed, parsed.readable)));
    await checkCertificates(file, parsed, parsed.readable, problems, warnings);
  }
  const outline = parsed.config ?? parsed.outline;
  const plugins = outline === null || outline.plugins === null ? null : withSchemas(outline.plugins, schemas);
  const loaded = outline === null ? null : await loadTenants(file, parsed, { ...outline, plugins });
  problems.push(...(loaded?.problems ?? []));
  if (parsed.readable !== null && loaded !== null)
    warnings.push(...strayOverrides(file, parsed, parsed.readable, loaded));
  return {
    gateway: parsed.config,
    tenants: loaded?.tenants ?? [],
    tenantFiles: loaded?.files ?? [],
    problems: problems.sort(compareProblems),
    warnings: warnings.sort(compareProblems),
    notes: notes.sort(compareProblems),
  };
}

interface LoadedTenants {
  readonly tenants: TenantConfig[];
  /** Of all files, the broken ones included; null stands for names that cannot be read. */
  readonly names: Set<string | null>;
  readonly files: string[];
  readonly problems: Problem[];
}

async function loadTenants(file: string, parsed: ParsedGateway, gateway: GatewayOutline): Promise<LoadedTenants> {
  const loaded: LoadedTenants = { tenants: [], names: new Set(), files: [], problems: [] };
  const at: Path = ['tenants', 'directory'];
  let paths: string[];
  try {
    paths = await listTenantFiles(gateway.tenants.directory);
  } catch (error) {
    const message = `the directory ${displayPath(gateway.tenants.directory)} cannot be read (${reasonOf(error)})`;
    loaded.problems.push(unreadable(file, parsed, at, message, 'create it, or correct the path'));
    loaded.names.add(null);
    return loaded;
  }
  if (paths.length > LIMITS.tenantFiles) {
    const message = `the directory has ${paths.length} files`;
    loaded.problems.push(unreadable(file, parsed, at, message, `keep at most ${LIMITS.tenantFiles}`));
  }
  const register = new ClaimRegister();
  for (const path of paths.slice(0, LIMITS.tenantFiles)) await loadTenant(path, gateway, register, loaded);
  return loaded;
}

async function loadTenant(
  path: string,
  gateway: GatewayOutline,
  register: ClaimRegister,
  loaded: LoadedTenants,
): Promise<void> {
  const file = displayPath(path);
  loaded.files.push(file);
  const read = await readConfigFile(path);
  if (read.text === null) {
    loaded.problems.push(read.problem);
    loaded.names.add(null);
    return;
  }
  const { config, claims, problems, salvaged } = parseTenant(file, read.text, { gateway });
  const conflicts = claims === null ? [] : register.conflicts(file, claims);
  loaded.problems.push(...problems, ...conflicts);
  if (config !== null && conflicts.length === 0) loaded.tenants.push(config);
  const name = config?.tenant ?? salvaged?.tenant ?? null;
  loaded.names.add(name);
  register.take(file, name, config?.domains ?? salvaged?.domains ?? []);
}

/** What is granted to tenants that there are not: they may be yet to come, or the name is misspelt. */
function strayOverrides(
  file: string,
  parsed: ParsedGateway,
  { tenants }: GatewayConfig,
  { names }: LoadedTenants,
): Problem[] {
  if (names.has(null)) return [];
  const known = [...names].filter((name) => name !== null);
  return Object.keys(tenants.overrides).flatMap((name): Problem[] => {
    const path: Path = ['tenants', 'overrides', name];
    if (names.has(name) || parsed.unread(path)) return [];
    const message = `no file has the tenant ${show(name)}`;
    const remedy = suggest(name, known, 'add its file, or remove the override');
    return [{ file, ...parsed.placeOf(path), key: formatPath(path), code: 'SLUICE_CONFIG_REFERENCE', message, remedy }];
  });
}

/** Files that only `gateway.yaml` names: services of file registries, modules of plugins. */
async function checkNamedFiles(file: string, parsed: ParsedGateway, config: GatewayConfig): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [name, registry] of Object.entries(config.registries)) {
    if (registry.type !== 'file' || parsed.unread(['registries', name, 'path'])) continue;
    const read = await readConfigFile(registry.path);
    if (read.text === null) problems.push(read.problem);
    else problems.push(...parseServicesFile(displayPath(registry.path), read.text).problems);
  }
  for (const [index, { source, pull }] of config.plugins.entries()) {
    const at: Path = ['plugins', index];
    const parts = parsed.unread([...at, 'source']) ? null : parsePluginSource(source);
    if (parts !== null && 'kind' in parts && parts.kind === 'file') {
      const remedy = 'build the plugin, or correct the path';
      problems.push(...(await checkReadable(file, parsed, [...at, 'source'], 'module', parts.path, remedy)));
    }
    if (pull?.caFile === undefined || parsed.unread([...at, 'pull', 'caFile'])) continue;
    const caAt: Path = [...at, 'pull', 'caFile'];
    problems.push(...(await checkReadable(file, parsed, caAt, 'file', pull.caFile, 'correct the path')));
  }
  return problems;
}

async function checkReadable(
  file: string,
  parsed: ParsedGateway,
  at: Path,
  what: string,
  path: string,
  remedy: string,
): Promise<Problem[]> {
  const reason = await stat(path).then((status) => (status.isFile() ? null : 'not a regular file'), reasonOf);
  if (reason === null) return [];
  return [unreadable(file, parsed, at, `the ${what} ${displayPath(path)} cannot be read (${reason})`, remedy)];
}

/** Reads every certificate with its key; what is wrong is reported at the key of `gateway.yaml` that names the file. */
async function checkCertificates(
  file: string,
  parsed: ParsedGateway,
  { listeners }: GatewayConfig,
  problems: Problem[],
  warnings: Problem[],
): Promise<void> {
  for (const [index, { tls }] of listeners.entries()) {
    for (const [position, files] of (tls?.certificates ?? []).entries()) {
      const path: Path = ['listeners', index, 'tls', 'certificates', position];
      if (parsed.unread([...path, 'certFile']) || parsed.unread([...path, 'keyFile'])) continue;
      const { certificate, fault } = await readCertificate(files);
      const found = fault ?? validityFault(files, certificate, Date.now());
      if (found === null) continue;
      const { at, code, message, remedy } = found;
      const key = [...path, at];
      const problem = { file, ...parsed.placeOf(key), key: formatPath(key), code, message, remedy };
      (fault === null ? warnings : problems).push(problem);
    }
  }
}

function unreadable(file: string, parsed: ParsedGateway, path: Path, message: string, remedy: string): Problem {
  const place = parsed.placeOf(path);
  return { file, ...place, key: formatPath(path), code: 'SLUICE_CONFIG_UNREADABLE', message, remedy };
}
