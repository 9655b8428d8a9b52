import type { Delta, FeedKey, FeedMessage } from './feed.ts';

/** Where an outbox finds the current state; the control plane. */
export interface FeedSource {
  /** Version of the newest change. */
  readonly version: number;
  /** Names of all plugins of the catalogue. */
  pluginNames(): Iterable<string>;
  hasPlugin(plugin: string): boolean;
  /** Names of all tenants, those without a configuration too. */
  tenantNames(): Iterable<string>;
  hasTenant(tenant: string): boolean;
  /** Services whose endpoints belong to the tenant's current configuration. */
  servicesOf(tenant: string): readonly string[];
  /** The current state in parts; nothing while there is none. What is gone has the state that it is removed. */
  read(key: FeedKey): Iterator<Delta>;
}

/** Messages that the worker has not answered. Few, because a worker takes in at once all that has come. */
const WINDOW = 4;

/** A state on its way to the worker. */
interface Transfer {
  readonly parts: Iterator<Delta>;
  /** Version of the oldest change that it brings. */
  readonly since: number;
  /** Of a tenant: services of the configuration that is sent. */
  readonly services: readonly string[];
}

/** A message that the worker has not answered. */
interface Sent {
  readonly since: number;
  /** null for endpoints and plugins. */
  readonly tenant: string | null;
}

/**
 * Brings one worker to the current state and keeps it there. It knows which keys have changed, not how: the worker gets
 * the state as it is when its turn comes, so that a burst of changes costs one delta for each key. A few messages are
 * under way at a time; the worker's answers call for the next. Endpoints go first, also between the parts of a large
 * tenant, then plugins, then tenants, each after the endpoints of services that are new to it; those that are gone go last, so that a domain which changes hands is never nobody's. Plugins
 * that are gone follow, when no worker has a tenant any more that uses them.
 */
export class Outbox {
  readonly #source: FeedSource;
  readonly #post: (message: FeedMessage) => void;
  /** Changed keys, each with the version of its oldest change that the worker does not have. */
  readonly #plugins = new Map<string, number>();
  readonly #tenants = new Map<string, number>();
  readonly #gone = new Map<string, number>();
  readonly #endpoints = new Map<string, number>();
  /** Services that the worker can take endpoints for: those of each tenant's configuration that it has. */
  readonly #known = new Map<string, ReadonlySet<string>>();
  /** Tenants of whose last configurations the worker refused one, so that some of those services may be unknown to it. */
  readonly #refused = new Set<string>();
  #tenantTransfer: Transfer | null = null;
  #endpointsTransfer: Transfer | null = null;
  readonly #sent = new Map<number, Sent>();
  #nextId = 1;
  #open = false;
  #waiting: ((settled: boolean) => void)[] = [];

  /** @param post sends a message to the worker; called once the outbox is attached to the control plane */
  constructor(source: FeedSource, post: (message: FeedMessage) => void) {
    this.#source = source;
    this.#post = post;
  }

  /** The worker has everything up to this version. */
  get appliedVersion(): number {
    const ends = [this.#tenantTransfer, this.#endpointsTransfer].filter((transfer) => transfer !== null);
    const open = [...this.#sent.values(), ...ends].map(({ since }) => since);
    const lists = [this.#plugins, this.#tenants, this.#gone, this.#endpoints].map((map) => map.values());
    let oldest = this.#open ? this.#source.version + 1 : 1;
    for (const list of [open, ...lists]) for (const since of list) oldest = Math.min(oldest, since);
    return oldest - 1;
  }

  /** Resolves to true as soon as the worker has everything there is, to false when the outbox is closed before. */
  settled(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    this.#pump();
    return promise;
  }

  /** @internal Everything is news. For `ControlPlane.attach`. */
  open(): void {
    this.#open = true;
    for (const plugin of this.#source.pluginNames()) this.#plugins.set(plugin, 1);
    for (const tenant of this.#source.tenantNames()) this.#tenants.set(tenant, 1);
    this.#pump();
  }

  /** @internal The state of a key has changed with the source's version. For the control plane. */
  mark(key: FeedKey): void {
    if (!this.#open) return;
    const { version } = this.#source;
    if (key.kind === 'plugin') {
      this.#plugins.set(key.plugin, this.#plugins.get(key.plugin) ?? version);
    } else if (key.kind === 'tenant') {
      this.#tenants.set(key.tenant, this.#tenants.get(key.tenant) ?? this.#gone.get(key.tenant) ?? version);
      this.#gone.delete(key.tenant);
    } else {
      this.#markEndpoints(key.tenant, key.service, version);
    }
    this.#pump();
  }

  /** The worker has carried out the message of this id. */
  acknowledge(id: number): void {
    this.#sent.delete(id);
    this.#pump();
  }

  /** The worker could not carry out the message of this id and stays with what it had. */
  refuse(id: number): void {
    const tenant = this.#sent.get(id)?.tenant ?? null;
    if (tenant !== null && this.#known.has(tenant)) {
      this.#refused.add(tenant);
      // Another configuration may be on its way already, and have been thought to find these services.
      for (const service of this.#known.get(tenant)!) this.#markEndpoints(tenant, service, this.#source.version);
    }
    this.acknowledge(id);
  }

  /** Sends nothing any more. */
  close(): void {
    this.#open = false;
    for (const changed of [this.#plugins, this.#tenants, this.#gone, this.#endpoints]) changed.clear();
    for (const memory of [this.#known, this.#refused, this.#sent]) memory.clear();
    this.#tenantTransfer = null;
    this.#endpointsTransfer = null;
    this.#tell(false);
  }

  #pump(): void {
    if (!this.#open) return this.#tell(false);
    while (this.#sent.size < WINDOW && this.#sendNext());
    if (this.#sent.size === 0) this.#tell(true);
  }

  #sendNext(): boolean {
    return this.#sendEndpoints() || this.#sendPlugin(true) || this.#sendTenant() || this.#sendPlugin(false);
  }

  #tell(settled: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(settled);
  }

  /** Endpoints of a service that the worker does not know go with the configuration that brings it. */
  #markEndpoints(tenant: string, service: string, version: number): void {
    const key = `${tenant}\n${service}`;
    if (this.#known.get(tenant)?.has(service) !== true || this.#endpoints.has(key)) return;
    this.#endpoints.set(key, version);
  }

  /** Sends one message of endpoints if there is one to send. */
  #sendEndpoints(): boolean {
    for (;;) {
      const transfer = this.#endpointsTransfer ?? this.#nextEndpoints();
      if (transfer === null) return false;
      const delta = nextOf(transfer);
      this.#endpointsTransfer = isWhole(delta) ? null : transfer;
      if (delta === null) continue;
      this.#send(delta, transfer.since);
      return true;
    }
  }

  #nextEndpoints(): Transfer | null {
    for (const [key, since] of this.#endpoints) {
      this.#endpoints.delete(key);
      const [tenant = '', service = ''] = key.split('\n');
      return { parts: this.#source.read({ kind: 'endpoints', tenant, service }), since, services: [] };
    }
    return null;
  }

  /** Sends one plugin if there is one to send. @param there of those that there are, which tenants need, or that are gone */
  #sendPlugin(there: boolean): boolean {
    for (const [plugin, since] of this.#plugins) {
      if (this.#source.hasPlugin(plugin) !== there) continue;
      this.#plugins.delete(plugin);
      const delta = nextOf({ parts: this.#source.read({ kind: 'plugin', plugin }), since, services: [] });
      if (delta === null) continue;
      this.#send(delta, since);
      return true;
    }
    return false;
  }

  /** Sends one message of a tenant if there is one to send. */
  #sendTenant(): boolean {
    const transfer = this.#tenantTransfer ?? this.#nextTenant();
    const delta = transfer === null ? null : nextOf(transfer);
    const whole = isWhole(delta) && delta?.kind !== 'endpoints';
    this.#tenantTransfer = whole ? null : transfer;
    if (transfer === null || delta === null) return false;
    if (whole) this.#know(delta, transfer);
    this.#send(delta, transfer.since);
    return true;
  }

  #nextTenant(): Transfer | null {
    for (const [tenant, since] of this.#tenants) {
      this.#tenants.delete(tenant);
      if (this.#source.hasTenant(tenant)) return this.#transferOf(tenant, since);
      this.#gone.set(tenant, since);
    }
    for (const [tenant, since] of this.#gone) {
      this.#gone.delete(tenant);
      if (this.#known.has(tenant)) return this.#transferOf(tenant, since);
    }
    return null;
  }

  #transferOf(tenant: string, since: number): Transfer {
    const services = this.#source.servicesOf(tenant);
    const own = this.#source.read({ kind: 'tenant', tenant });
    return { parts: this.#withNewServices(tenant, services, own), since, services };
  }

  /** Before a new configuration of a tenant that is served the endpoints of what it brings, so that none is missing for a while. */
  *#withNewServices(tenant: string, services: readonly string[], own: Iterator<Delta>): Generator<Delta> {
    const known = this.#known.get(tenant);
    for (const service of known === undefined ? [] : services) {
      if (known!.has(service)) continue;
      yield* Iterator.from(this.#source.read({ kind: 'endpoints', tenant, service }));
    }
    yield* Iterator.from(own);
  }

  /** With this message the worker knows the services of the tenant; what is new to it follows. */
  #know(delta: Delta, { services, since }: Transfer): void {
    const tenant = tenantOf(delta);
    if (tenant === null) return;
    const before = this.#refused.delete(tenant) ? undefined : this.#known.get(tenant);
    if (delta.kind === 'tenant-removed') this.#known.delete(tenant);
    else this.#known.set(tenant, new Set(services));
    for (const service of services) if (before?.has(service) !== true) this.#markEndpoints(tenant, service, since);
  }

  #send(delta: Delta, since: number): void {
    const id = this.#nextId++;
    this.#sent.set(id, { since, tenant: tenantOf(delta) });
    this.#post({ kind: 'feed', id, delta });
  }
}

/** Whose configuration it is; null: nobody's. */
function tenantOf(delta: Delta): string | null {
  return delta.kind === 'endpoints' || !('tenant' in delta) ? null : delta.tenant;
}

function nextOf({ parts }: Transfer): Delta | null {
  const { done, value } = parts.next();
  return done === true ? null : value;
}

function isWhole(delta: Delta | null): boolean {
  return delta === null || !('last' in delta) || delta.last;
}
