import { describe, expect, it } from 'vitest';
import { type ServiceRef, serviceRefKey } from '../core/endpoint.ts';
import { silentLog } from '../core/log.ts';
import { SeriesTable } from '../core/series-table.ts';
import { systemClock } from '../discovery/clock.ts';
import { Registries } from '../discovery/registries.ts';
import type { EndpointListener, EndpointSource, Subscription } from '../discovery/source.ts';
import { StaticSource } from '../discovery/static.ts';
import { ControlPlane } from './control-plane.ts';
import { DataPlane } from './data-plane.ts';
import type { FeedMessage } from './feed.ts';
import { Outbox } from './outbox.ts';
import { PluginPool } from './plugin-pool.ts';
import { ManualWheel, pluginServices, tenantOf } from './runtime.suite.ts';

/** Three of it are longer than one message. */
const LONG = 'x'.repeat(50_000);

/** A registry that answers when the test says so. */
class FakeSource implements EndpointSource {
  readonly listeners = new Map<string, EndpointListener>();

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    const key = serviceRefKey(ref);
    this.listeners.set(key, listener);
    return { close: () => void (this.listeners.get(key) === listener && this.listeners.delete(key)) };
  }

  /** Every third list is so long that it travels in parts. */
  push(key: string, port: number): void {
    const metadata: Record<string, string> = port % 3 === 0 ? { long: LONG } : {};
    const endpoints = [0, 1, 2].map((place) => {
      return { address: '10.0.0.1', port: port + place, weight: 1, healthy: true, cluster: '', metadata };
    });
    this.listeners.get(key)?.({ endpoints, state: 'fresh' });
  }

  status(): never {
    throw new Error('not asked');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A worker that takes up its messages when the test lets it. */
class FakeWorker {
  readonly plane: DataPlane;
  readonly outbox: Outbox;
  readonly #inbox: FeedMessage[] = [];

  constructor(source: ControlPlane) {
    const wheel = new ManualWheel();
    this.plane = new DataPlane(new PluginPool(pluginServices(wheel)), [], silentLog, wheel);
    this.outbox = new Outbox(source, (message) => void this.#inbox.push(message));
    source.attach(this.outbox);
  }

  /** Takes up to `count` messages at once, as a thread does; the answers come when they are carried out. */
  take(count: number): void {
    for (const { id, delta } of this.#inbox.splice(0, count)) {
      void this.plane.apply(delta).then(() => this.outbox.acknowledge(id));
    }
  }

  /** What it believes, in words. */
  believes(): string[] {
    const { tenants, domains } = this.plane.snapshot;
    const words = [...tenants.values()].map((tenant) => {
      const held = tenant.domains.filter((domain) => domains.find(domain) === tenant);
      if (!tenant.available) return `${tenant.name} broken ${held.join()}`;
      const clusters = [...tenant.clusters].map(
        ([name, { endpoints }]) => `${name}:${endpoints[0]?.record.port ?? ''}`,
      );
      return `${tenant.name} ${tenant.routes.routes[0]?.id} ${held.join()} ${clusters.toSorted().join()}`;
    });
    return [...words.toSorted(), `${domains.size} domains`];
  }
}

function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const SERVICES = ['s', 't', 'u'];

/** Changes without end, as an operator and a registry make them: no two tenants hold one domain. */
class World {
  readonly source = new FakeSource();
  readonly plane: ControlPlane;
  readonly #next: (below: number) => number;
  readonly #domains = new Map<string, string[]>();
  #change = 0;

  constructor(next: (below: number) => number) {
    this.#next = next;
    const statics = new StaticSource({ log: silentLog, clock: systemClock });
    this.plane = new ControlPlane({
      registries: new Registries(new Map([['nacos', this.source]]), statics),
      series: new SeriesTable(),
      modules: [],
      pluginServices: pluginServices(new ManualWheel()),
      log: silentLog,
    });
  }

  change(): void {
    this.#change++;
    const name = NAMES[this.#next(NAMES.length)]!;
    const meta = { file: name, digest: String(this.#change), acceptedBefore: false };
    const kind = this.#next(10);
    if (kind < 5) this.#configure(name, meta);
    else if (kind < 8) this.#push();
    else if (!this.#domains.has(name)) return;
    else if (kind === 8) this.#remove(name);
    else this.plane.onTenantBroken(name, this.#domains.get(name)!, [], { ...meta, lastGood: false });
  }

  /** Those that have heard nothing of a service hear of it; all others have to know what they have heard. */
  answer(): void {
    for (const { ref, list } of this.plane.services()) {
      if (list === null) this.source.push(serviceRefKey(ref), 1 + this.#next(60_000));
    }
  }

  /** What a worker is to believe, in words. */
  truth(): string[] {
    const services = Map.groupBy(this.plane.services(), ({ tenant }) => tenant);
    const active = [...this.plane.tenants.values()].map(({ config }) => {
      const lists = services.get(config.tenant) ?? [];
      const words = lists.map(({ service, list }) => `${service}:${list?.endpoints[0]?.port ?? ''}`);
      return `${config.tenant} ${config.routes[0]?.id} ${config.domains.join()} ${words.toSorted().join()}`;
    });
    const broken = [...this.plane.unavailable].map(([name, domains]) => `${name} broken ${domains.join()}`);
    const domains = [...this.#domains.values()].reduce((sum, held) => sum + held.length, 0);
    return [...[...active, ...broken].toSorted(), `${domains} domains`];
  }

  #configure(name: string, meta: Parameters<ControlPlane['onTenant']>[2]): void {
    const taken = new Set([...this.#domains].flatMap(([owner, held]) => (owner === name ? [] : held)));
    const domains = [1, 2, 3, 4, 5].map((number) => `x${number}.example`).filter((domain) => !taken.has(domain));
    const held = [`${name}.example`, ...domains.filter(() => this.#next(3) === 0)];
    const routes = SERVICES.filter(() => this.#next(2) === 0).map((service, index) => {
      return { id: `r${this.#change}-${index}`, upstream: { service } };
    });
    // So long that the configuration travels in parts.
    const long =
      this.#next(3) === 0 ? ['1', '2', '3'].map((id) => ({ id: `long-${id}`, respond: { body: LONG } })) : [];
    const discovery = { registry: 'nacos', namespace: name };
    this.#domains.set(name, held);
    this.plane.onTenant(name, tenantOf({ tenant: name, domains: held, discovery, routes: [...routes, ...long] }), meta);
  }

  #remove(name: string): void {
    this.#domains.delete(name);
    this.plane.onTenantRemoved(name);
  }

  #push(): void {
    const keys = [...this.source.listeners.keys()];
    if (keys.length > 0) this.source.push(keys[this.#next(keys.length)]!, 1 + this.#next(60_000));
  }
}

describe('the feed', () => {
  it.each([1, 2, 3, 4])('brings every worker to the truth, whatever happens on the way (%d)', async (seed) => {
    const next = numbers(seed);
    const world = new World(next);
    const workers = [new FakeWorker(world.plane), new FakeWorker(world.plane)];
    for (let i = 0; i < 250; i++) {
      world.change();
      if (next(60) === 0) {
        world.plane.detach(workers[0]!.outbox);
        workers[0] = new FakeWorker(world.plane);
      }
      for (const worker of workers) if (next(3) === 0) worker.take(next(4));
      if (next(4) === 0) await new Promise(setImmediate);
    }
    world.answer();
    const settled = Promise.all(workers.map(({ outbox }) => outbox.settled()));
    let done = false;
    const end = settled.then(() => (done = true));
    const pump = async (): Promise<void> => {
      for (const worker of workers) worker.take(4);
      await new Promise(setImmediate);
      return done ? undefined : pump();
    };
    await Promise.all([end, pump()]);
    for (const worker of workers) {
      expect(worker.believes()).toEqual(world.truth());
      expect(worker.outbox.appliedVersion).toBe(world.plane.version);
    }
  });
});
