/** Who makes callouts: one use of a plugin. */
export interface CalloutCaller {
  /** Its owner, whose services it may call; '' for the gateway's own chain, which has none. */
  readonly tenant: string;
  /** Further services that the operator allows it, as `tenant/service`. */
  readonly services: readonly string[];
  /** False: it may not call those of its owner. Default true. */
  readonly tenantServices?: boolean;
}

/** Host calls by name; one that ends in `*` stands for all that begin so. */
export interface HostCallRules {
  /** null: all that the host has. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
}

/** What the operator allows a plugin of the catalogue: plain data, which crosses threads. */
export interface PermissionRules {
  /** Services that it may call wherever it is used, as `tenant/service`, besides its tenant's own. */
  readonly services: readonly string[];
  /** It may call the services of the tenant that uses it. */
  readonly tenantServices: boolean;
  /** Properties that it may read, with all below them, as `request.headers`; null = all but `HIDDEN_PROPERTIES`. */
  readonly properties: readonly string[] | null;
  /** Foreign functions that it may call; null = all. */
  readonly foreignFunctions: readonly string[] | null;
  /** All that it sees of an environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly hostCalls: HostCallRules;
  /** `coarse`: time in steps of LIMITS.pluginCoarseClockMs. */
  readonly clock: 'precise' | 'coarse';
}

/** What applies where the operator says nothing. */
export const DEFAULT_PERMISSIONS: PermissionRules = {
  services: [],
  tenantServices: true,
  properties: null,
  foreignFunctions: null,
  environment: {},
  hostCalls: { allow: null, deny: [] },
  clock: 'precise',
};

/**
 * Properties that speak of the gateway and its operator rather than of the exchange or its tenant: read only by plugins
 * that are allowed to by name.
 */
export const HIDDEN_PROPERTIES: readonly string[] = ['node.metadata', 'listener_metadata'];

/** Properties that every plugin may read: SDKs give up without them. */
const OWN_PROPERTIES: readonly string[] = ['plugin_name', 'plugin_root_id', 'plugin_vm_id', 'plugin_vm_memory'];

/** Property paths remembered; whoever asks for more makes them up. */
const REMEMBERED_PATHS = 64;

function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
  });
}

/** May a module import this host call? */
export function allowsHostCall({ allow, deny }: HostCallRules, name: string): boolean {
  return (allow === null || matches(allow, name)) && !matches(deny, name);
}

/** Tenant and service that a caller means; null when it may not call that service. */
export function calledService(
  name: string,
  { tenant, services, tenantServices = true }: CalloutCaller,
): { readonly tenant: string; readonly service: string } | null {
  const slash = name.indexOf('/');
  const owner = slash === -1 ? tenant : name.slice(0, slash);
  const service = name.slice(slash + 1);
  const own = tenantServices && owner === tenant && tenant !== '';
  return own || services.includes(`${owner}/${service}`) ? { tenant: owner, service } : null;
}

/** What one use of a plugin may do. */
export class Permissions {
  /** Who it is when it calls services. */
  readonly caller: CalloutCaller;
  readonly environment: Readonly<Record<string, string>>;
  readonly coarseClock: boolean;
  readonly #rules: PermissionRules;
  readonly #paths = new Map<string, boolean>();

  /** @param tenant owner of the use; '' for the gateway's own chain, which has no services */
  constructor(tenant: string, rules: Partial<PermissionRules> = {}) {
    this.#rules = { ...DEFAULT_PERMISSIONS, ...rules };
    const { services, tenantServices, environment, clock } = this.#rules;
    this.caller = { tenant, services, tenantServices };
    this.environment = environment;
    this.coarseClock = clock === 'coarse';
  }

  /** @param service of its tenant, or as `tenant/service` */
  mayCall(service: string): boolean {
    return calledService(service, this.caller) !== null;
  }

  /** @param path as the guest wrote it: segments separated by NUL, or dotted */
  mayRead(path: string): boolean {
    const known = this.#paths.get(path);
    if (known !== undefined) return known;
    const answer = this.#allowsPath(path);
    if (this.#paths.size < REMEMBERED_PATHS) this.#paths.set(path, answer);
    return answer;
  }

  /** May it call this foreign function? */
  foreign(name: string): boolean {
    const { foreignFunctions } = this.#rules;
    return foreignFunctions === null || foreignFunctions.includes(name);
  }

  /** May it import this host call? Modules that import others are refused when they are loaded. */
  hostCall(name: string): boolean {
    return allowsHostCall(this.#rules.hostCalls, name);
  }

  #allowsPath(path: string): boolean {
    const name = (path.endsWith('\0') ? path.slice(0, -1) : path).replaceAll('\0', '.');
    const under = (prefix: string): boolean => name === prefix || name.startsWith(`${prefix}.`);
    const { properties } = this.#rules;
    if (properties === null) return !HIDDEN_PROPERTIES.some(under);
    return properties.some(under) || OWN_PROPERTIES.includes(name);
  }
}
