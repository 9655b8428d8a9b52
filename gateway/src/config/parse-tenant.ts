import { join } from 'node:path';
import type { TenantClaims } from './claims.ts';
import type { Place, Plain } from './document.ts';
import { domainProblem } from './hosts.ts';
import type { Path, Problem } from './problem.ts';
import { deepFreeze, readConfig } from './read.ts';
import type { ValueMatch } from './schema-common.ts';
import {
  type LaneConfig,
  type MatchConfig,
  type RouteConfig,
  type TenantConfig,
  TenantSchema,
} from './schema-tenant.ts';
import { isMapping } from './schema-view.ts';
import { type SecretReader, SecretReading } from './secrets.ts';
import type { SecretPlace } from './substitute.ts';
import { checkTenant, type TenantSurroundings } from './tenant-rules.ts';

/** What a tenant's file may refer to. */
export interface TenantSources {
  /** Plugins, registries and the secrets directory that exist: the gateway's configuration. */
  readonly gateway: TenantSurroundings;
  /** Default: files of the secrets directory. */
  readonly readSecret?: SecretReader;
}

/** What can still be told of a broken file. */
export interface Salvaged {
  /** The tenant's name; null when it cannot be read. */
  readonly tenant: string | null;
  /** Valid domains, lower case. */
  readonly domains: readonly string[];
}

export interface ParsedTenant {
  /** Typed, with defaults, frozen; domains, hosts and header names in lower case. Null when there is any problem. */
  readonly config: TenantConfig | null;
  /** What the file claims for itself, as far as it can be read; null when nothing is left. */
  readonly claims: TenantClaims | null;
  /** By place in the file. */
  readonly problems: readonly Problem[];
  /** Of a broken file, so that its domains can answer 503 in place of 404; null when nothing is left or needed. */
  readonly salvaged: Salvaged | null;
  /** Names of the secrets that the file uses, found or not; empty when the file cannot be read. */
  readonly secretNames: readonly string[];
  /** For display: the file's values with defaults; `{ secret: name }` as written. */
  readonly redacted: Plain;
}

/** A tenant before the secrets of its plugins' configurations are put in: plain data that may be kept and sent. */
export interface TenantDraft extends ParsedTenant {
  /** As in `ParsedTenant`, but not frozen, and with `{ secret: name }` at `secretPlaces`. */
  readonly config: TenantConfig | null;
  readonly secretPlaces: readonly SecretPlace[];
  /** `config` holds values of secrets all the same, because they stand where the schema checks them. */
  readonly holdsSecrets: boolean;
  /** `SecretReading.digest` of all values as they were. */
  readonly secretsDigest: string;
}

/** Parses a tenant's file. It may use secrets, but not the operator's environment variables. */
export function parseTenant(file: string, text: string, sources: TenantSources): ParsedTenant {
  const { secretPlaces, config, claims, problems, salvaged, secretNames, redacted } = draftTenant(file, text, sources);
  const parsed = { claims, problems, salvaged, secretNames, redacted };
  if (config === null) return { ...parsed, config };
  const secrets = new SecretReading(sources.gateway.secrets?.directory, config.tenant, sources.readSecret);
  return { ...parsed, config: fillSecrets(config, secretPlaces, secrets) };
}

/** The first part of `parseTenant`: everything but the secrets of plugins' configurations, which are only looked for. */
export function draftTenant(file: string, text: string, sources: TenantSources): TenantDraft {
  const { gateway } = sources;
  const directory = gateway.secrets === null ? undefined : (gateway.secrets?.directory ?? null);
  let secrets = new SecretReading(undefined, null);
  const reading = readConfig(TenantSchema, file, text, (written) => {
    const name = tenantNameOf(written);
    secrets = new SecretReading(directory ?? undefined, name, sources.readSecret);
    const readSecret = (_: string, secret: string) => secrets.value(secret);
    // A secret that is missing had better be put where no other tenant finds it.
    const own = typeof directory === 'string' && name !== null ? join(directory, name) : directory;
    return { env: null, secretsDirectory: own, readSecret, keepReferences: true };
  });
  if (reading.decoded !== null) {
    const { decoded, written, secretPlaces, report } = reading;
    // What plugins ask of their configuration, they ask of the values.
    const filled = replaceAt(decoded, secretPlaces, (name) => secrets.value(name));
    checkTenant(filled, written, gateway, report);
  }
  const problems = reading.problems();
  const good = reading.decoded !== null && reading.report.clean;
  const claims = claimsOf(good ? reading.decoded : reading.written, reading.placeOf);
  return {
    claims,
    config: good ? normalize(reading.decoded) : null,
    problems,
    salvaged: good ? null : salvage(claims),
    secretNames: reading.secretNames,
    secretPlaces: reading.secretPlaces,
    holdsSecrets: reading.secretsPutIn,
    secretsDigest: secrets.digest(reading.secretNames),
    redacted: reading.redacted(),
  };
}

/** The second part: a frozen configuration with the secrets at `places`. Null when one of them is missing by now. */
export function fillSecrets(
  config: TenantConfig,
  places: readonly SecretPlace[],
  secrets: SecretReading,
): TenantConfig | null {
  if (places.length === 0) return deepFreeze(config);
  if (places.some(({ name }) => secrets.value(name) === null)) return null;
  return deepFreeze(replaceAt(config, places, (name) => secrets.value(name)));
}

/** The configuration as `draftTenant` made it, with references again at `places`: what may be kept on disk. */
export function withoutSecrets(config: TenantConfig, places: readonly SecretPlace[]): TenantConfig {
  return replaceAt(config, places, (name) => ({ secret: name }));
}

/** A copy of the containers that lead to `places`, as far as these are there; everything else is shared. */
function replaceAt(
  config: TenantConfig,
  places: readonly SecretPlace[],
  valueOf: (name: string) => unknown,
): TenantConfig {
  const copies = new Set<unknown>();
  const copyOf = (container: unknown): Record<string | number, unknown> => {
    if (copies.has(container)) return container as Record<string | number, unknown>;
    const copy = Array.isArray(container) ? [...container] : { ...(container as object) };
    copies.add(copy);
    return copy;
  };
  const root = copyOf(config);
  places: for (const { path, name } of places) {
    let holder = root;
    for (const step of path.slice(0, -1)) {
      if (typeof holder[step] !== 'object' || holder[step] === null) continue places;
      const inner = copyOf(holder[step]);
      holder[step] = inner;
      holder = inner;
    }
    holder[path.at(-1)!] = valueOf(name);
  }
  return root as unknown as TenantConfig;
}

/** What `draftTenant` looks at, and nothing else of the gateway's configuration: plain data, equal when it is equal. */
export function surroundingsOf(gateway: TenantSurroundings): TenantSurroundings {
  const { plugins, registries, secrets, tenants: { limits, overrides = {} } = {} } = gateway;
  const names = Object.keys(registries ?? {}).sort();
  const own = Object.entries(overrides).map(([tenant, override]) => [tenant, { limits: override.limits }] as const);
  return {
    plugins:
      plugins?.map(({ name, awaited, schema }) => ({
        name,
        ...(awaited === true && { awaited }),
        ...(schema && { schema }),
      })) ?? null,
    registries: registries === null ? null : Object.fromEntries(names.map((name) => [name, null])),
    ...(secrets === undefined ? {} : { secrets }),
    tenants: {
      ...(limits === undefined ? {} : { limits }),
      overrides: Object.fromEntries(own) as typeof overrides,
    },
  };
}

function claimsOf(values: unknown, placeOf: (path: Path) => Place): TenantClaims | null {
  if (!isMapping(values)) return null;
  const name = tenantNameOf(values);
  const domains = Array.isArray(values['domains']) ? values['domains'].slice(0, 1000) : [];
  const claimed = domains.flatMap((domain, index) => {
    const right = typeof domain === 'string' && domainProblem(domain.toLowerCase()) === null;
    return right ? [{ name: domain.toLowerCase(), index, ...placeOf(['domains', index]) }] : [];
  });
  if (name === null && claimed.length === 0) return null;
  return { tenant: name === null ? null : { name, ...placeOf(['tenant']) }, domains: claimed };
}

/** The tenant that a file says it is; null when that cannot be told. */
function tenantNameOf(values: unknown): string | null {
  const name = isMapping(values) ? values['tenant'] : null;
  return typeof name === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name) ? name : null;
}

function salvage(claims: TenantClaims | null): Salvaged | null {
  if (claims === null) return null;
  return { tenant: claims.tenant?.name ?? null, domains: [...new Set(claims.domains.map(({ name }) => name))] };
}

function normalize(tenant: TenantConfig): TenantConfig {
  return {
    ...tenant,
    domains: tenant.domains.map((domain) => domain.toLowerCase()),
    tagHeader: tenant.tagHeader.toLowerCase(),
    lanes: tenant.lanes.map(normalizeLane),
    routes: tenant.routes.map(normalizeRoute),
  };
}

function normalizeLane(lane: LaneConfig): LaneConfig {
  const rules = lane.rules.map((rule) => {
    const { headers, stickyBy } = rule;
    return {
      ...rule,
      ...(headers === undefined ? {} : { headers: lowerNames(headers) }),
      ...(stickyBy?.header === undefined ? {} : { stickyBy: { ...stickyBy, header: stickyBy.header.toLowerCase() } }),
    };
  });
  return { ...lane, rules };
}

function normalizeRoute(route: RouteConfig): RouteConfig {
  const match = route.match.map((alternative): MatchConfig => {
    const { headers } = alternative;
    return headers === undefined ? alternative : { ...alternative, headers: lowerNames(headers) };
  });
  const hosts = route.hosts?.map((host) => host.toLowerCase());
  return { ...route, match, ...(hosts === undefined ? {} : { hosts }) };
}

function lowerNames(headers: readonly ValueMatch[]): ValueMatch[] {
  return headers.map((header) => ({ ...header, name: header.name.toLowerCase() }));
}
