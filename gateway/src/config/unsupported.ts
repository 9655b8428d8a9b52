import type { Plain } from './document.ts';
import type { Path } from './problem.ts';
import { GatewaySchema } from './schema-gateway.ts';
import { TenantSchema } from './schema-tenant.ts';

/** A part of the configuration language that this version knows by name and does not build. */
interface Unbuilt {
  /** What it asks for. */
  readonly feature: string;
  /** What to do instead. */
  readonly remedy: string;
}

/** Keys, by their path; `*` stands for any key or position. */
const KEYS: Readonly<Record<string, Unbuilt>> = {
  'listeners.*.domains': {
    feature: 'a listener for some domains only',
    remedy: 'remove the key; every listener serves all domains',
  },
  'services.*.health': {
    feature: 'active health checks',
    remedy: 'remove the key; what the registry says of health is followed',
  },
  'services.*.outlier': {
    feature: 'outlier ejection',
    remedy: 'remove the key; retries of a route try other endpoints',
  },
  'services.*.tls': { feature: 'TLS settings of a service', remedy: 'remove the key; scheme: https is TLS' },
  quotas: {
    feature: 'quotas in the file of a tenant',
    remedy: 'have the operator set tenants.quotas or tenants.overrides',
  },
  'routes.*.quota': {
    feature: 'quotas of a route',
    remedy: 'remove the key; the operator sets quotas of a tenant under tenants.quotas',
  },
  'routes.*.rateLimit': {
    feature: 'rate limits of a route',
    remedy: 'remove the key; the operator sets quotas of a tenant under tenants.quotas',
  },
  'routes.*.cors': { feature: 'CORS of a route', remedy: 'let the service answer, or use a plugin' },
  'routes.*.mirror': { feature: 'mirroring', remedy: 'remove the key; to split traffic give upstream.services' },
  'routes.*.retries.backoff': {
    feature: 'backoff between attempts',
    remedy: 'remove the key; the next attempt goes to another endpoint at once',
  },
};

/** The kind of file that a key at the top belongs to, when it is not the one whose keys are `known`. */
export function fileOf(key: string, known: readonly string[]): string | undefined {
  if (known.includes('apiVersion') && Object.hasOwn(TenantSchema.properties, key)) return 'the file of a tenant';
  if (known.includes('domains') && Object.hasOwn(GatewaySchema.properties, key)) return 'gateway.yaml';
  return undefined;
}

/** What a key that the schema does not have asks for; undefined when nobody ever promised it. */
export function unbuiltKey(path: Path): Unbuilt | undefined {
  for (const [pattern, unbuilt] of Object.entries(KEYS)) {
    const parts = pattern.split('.');
    if (parts.length !== path.length) continue;
    if (parts.every((part, index) => part === '*' || part === path[index])) return unbuilt;
  }
  return undefined;
}

/** What a value that the schema refuses asks for. */
export function unbuiltValue(path: Path, value: Plain): Unbuilt | undefined {
  if (path[0] === 'registries' && path.length === 3 && path[2] === 'type') {
    if (value !== 'dns' && value !== 'static' && value !== 'kubernetes') return undefined;
    return { feature: `a registry of type ${value}`, remedy: 'use nacos or file, or static or dns in a service' };
  }
  return undefined;
}
