/** One instance; what is left out is as the real server defaults it. */
export interface FakeInstance {
  ip: string;
  port: number;
  /** Default 1. */
  weight?: number;
  /** Default true. */
  healthy?: boolean;
  /** Default true; false takes it out of every list. */
  enabled?: boolean;
  /** Default `DEFAULT`. */
  clusterName?: string;
  metadata?: Record<string, string>;
}

/** `serviceInfo` of answers and pushes. */
export interface FakeServiceInfo {
  name: string;
  groupName: string;
  clusters: string;
  cacheMillis: number;
  hosts: Record<string, unknown>[];
  lastRefTime: number;
  checksum: string;
  allIps: boolean;
  reachProtectionThreshold: boolean;
  valid: boolean;
}

interface FakeService {
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
  /** Set by the test. */
  fixed: readonly FakeInstance[];
  /** Registered by clients; each goes with its connection. */
  readonly registered: Map<string, readonly FakeInstance[]>;
  /** Undefined: nobody edited the service, so it has no threshold. */
  protectThreshold: number | undefined;
}

/** The services of a fake server and what a subscriber is told of them. */
export class FakeRegistry {
  readonly #services = new Map<string, FakeService>();
  readonly #changed: (key: string) => void;
  #clock = 0;

  /** @param changed called with the key of a service whose list changed. */
  constructor(changed: (key: string) => void) {
    this.#changed = changed;
  }

  key(namespace: string, group: string, name: string): string {
    return `${namespace || 'public'}@@${group || 'DEFAULT_GROUP'}@@${name}`;
  }

  setInstances(key: string, instances: readonly FakeInstance[]): void {
    this.#service(key).fixed = instances;
    this.#changed(key);
  }

  setProtectThreshold(key: string, threshold: number): void {
    this.#service(key).protectThreshold = threshold;
    this.#changed(key);
  }

  /** The full set of one connection for one service; empty deregisters. */
  register(key: string, owner: string, instances: readonly FakeInstance[]): void {
    const { registered } = this.#service(key);
    if (instances.length === 0) registered.delete(owner);
    else registered.set(owner, instances);
    this.#changed(key);
  }

  /** A connection ended: all it registered is gone. */
  forget(owner: string): void {
    for (const [key, service] of this.#services) {
      if (service.registered.delete(owner)) this.#changed(key);
    }
  }

  names(namespace: string, group: string): string[] {
    const all = [...this.#services.values()];
    return all.filter((service) => service.namespace === namespace && service.group === group).map(({ name }) => name);
  }

  /** Enabled instances, healthy or not; all as healthy when the protect threshold is reached. */
  info(key: string): FakeServiceInfo {
    const service = this.#service(key);
    const instances = [...service.fixed, ...[...service.registered.values()].flat()];
    const enabled = instances.filter((instance) => instance.enabled !== false);
    const healthy = enabled.filter((instance) => instance.healthy !== false);
    const { protectThreshold } = service;
    const reached =
      protectThreshold !== undefined && enabled.length > 0 && healthy.length / enabled.length <= protectThreshold;
    return {
      name: service.name,
      groupName: service.group,
      clusters: '',
      cacheMillis: 10_000,
      hosts: enabled.map((instance) => host(service, instance, reached)),
      lastRefTime: this.time(),
      checksum: '',
      allIps: false,
      reachProtectionThreshold: reached,
      valid: true,
    };
  }

  /** Epoch milliseconds that grow with every call, as lists are ordered by them. */
  time(): number {
    this.#clock = Math.max(this.#clock + 1, Date.now());
    return this.#clock;
  }

  #service(key: string): FakeService {
    let service = this.#services.get(key);
    if (service === undefined) {
      const [namespace = '', group = '', name = ''] = key.split('@@');
      service = { namespace, group, name, fixed: [], registered: new Map(), protectThreshold: undefined };
      this.#services.set(key, service);
    }
    return service;
  }
}

function host(service: FakeService, instance: FakeInstance, allHealthy: boolean): Record<string, unknown> {
  const { ip, port } = instance;
  // Clients of other languages send null for what they leave out.
  const clusterName = instance.clusterName ?? 'DEFAULT';
  const serviceName = `${service.group}@@${service.name}`;
  return {
    instanceId: `${ip}#${port}#${clusterName}#${serviceName}`,
    ip,
    port,
    weight: instance.weight ?? 1,
    healthy: allHealthy || instance.healthy !== false,
    enabled: true,
    ephemeral: true,
    clusterName,
    serviceName,
    metadata: instance.metadata ?? {},
    instanceHeartBeatInterval: 5000,
    instanceHeartBeatTimeOut: 15_000,
    ipDeleteTimeout: 30_000,
    instanceIdGenerator: 'simple',
  };
}
