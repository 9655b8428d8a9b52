// What the cases of the Nacos suite work with: one Nacos, one gateway in front of it, providers that are warm, and for
// each case a stage that takes away everything the case put up.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type GatewayFiles, type GatewayUnderTest, type ServiceView, startReadyGateway } from '../gateway.ts';
import type { Load, LoadReport, LoadStarter } from '../load.ts';
import { failuresOf } from '../load.ts';
import { check, until } from '../until.ts';
import { startUpstream, type Upstream } from '../upstream.ts';
import type { InstanceRegistration, Provider } from './java-provider.ts';
import type { NacosStarter, NacosTarget } from './target.ts';

/** In the spelling that wrk knows; it would add one of its own to any other. */
export const HOST = { Host: 'app.home.example.com' };
/** What a request of the gray lane carries, besides the host. */
export const GRAY = { ...HOST, 'x-device-model': 'cam-2' };
export const GRAY_METADATA = { 'opensergo.io/canary-gray': 'gray' };

/** Spans of time that are what a case is about, and how much of it. */
export interface Extent {
  /** Registrations and deregistrations that are measured. */
  readonly repetitions: number;
  /** Requests that a share of the traffic is measured on. */
  readonly samples: number;
  /** How long a provider serves on after it has deregistered, in ms. */
  readonly lingerMs: number;
  /** How long Nacos is away at least, in ms. */
  readonly outageMs: number;
}

export interface WorldOptions {
  readonly startNacos: NacosStarter;
  readonly startLoad: LoadStarter;
  readonly extent: Extent;
  /** Takes configuration and logs of everything that is started. */
  readonly directory: string;
  /** Services that the cases use; a route `/<service>/…` of the same name leads to each. */
  readonly services: readonly string[];
}

export class World {
  readonly options: WorldOptions;
  readonly nacos: NacosTarget;
  readonly gateway: GatewayUnderTest;
  readonly #idle: Provider[] = [];
  #directories = 0;

  private constructor(options: WorldOptions, nacos: NacosTarget, gateway: GatewayUnderTest) {
    this.options = options;
    this.nacos = nacos;
    this.gateway = gateway;
  }

  /** Starts Nacos and a gateway, which is ready when this resolves. */
  static async start(options: WorldOptions): Promise<World> {
    const { directory, services, startNacos } = options;
    const nacos = await startNacos({ directory: join(directory, 'nacos') });
    try {
      const tenants = { home: tenantFile('home', services) };
      const gateway = await startReadyGateway(newDirectory(directory, 'gateway'), filesFor(nacos.address, tenants));
      return new World(options, nacos, gateway);
    } catch (error) {
      await nacos.stop();
      throw error;
    }
  }

  /** A directory of its own for another gateway or server. */
  directory(name: string): string {
    return newDirectory(this.options.directory, `${name}-${++this.#directories}`);
  }

  provider(): Provider {
    return this.#idle.pop() ?? this.nacos.provider();
  }

  /** Takes back a provider that has nothing registered. */
  park(provider: Provider): void {
    this.#idle.push(provider);
  }

  /** Runs a case on a stage of its own. */
  async onStage<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
    const stage = new Stage(this);
    try {
      return await work(stage);
    } catch (error) {
      if (error instanceof Error) error.message += await stage.reports();
      throw error;
    } finally {
      await stage.end();
    }
  }

  async stop(): Promise<void> {
    for (const provider of this.#idle) provider.kill();
    await Promise.all(this.#idle.map(({ exited }) => exited));
    await this.gateway.stop();
    await this.nacos.stop();
  }
}

/** A gateway whose registry is the Nacos at `address`. */
export function filesFor(address: string, tenants: GatewayFiles['tenants'], login: object = {}): GatewayFiles {
  return { gateway: { registries: { nacos: { type: 'nacos', servers: [address], ...login } } }, tenants };
}

/** A tenant with a lane `gray` by header and a route for each service; `-safe` at the end has the default policy, which repeats what was cut off. */
export function tenantFile(tenant: string, services: readonly string[], discovery: object = {}): object {
  const plain = { attempts: 1, on: ['connect-failure'] };
  return {
    tenant,
    domains: [`app.${tenant}.example.com`],
    discovery: { registry: 'nacos', ...discovery },
    lanes: [{ name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'x-device-model', in: ['cam-2'] }] }] }],
    routes: services.flatMap((service) => [
      { id: service, match: { path: { prefix: `/${service}` } }, upstream: { service }, retries: plain },
      { id: `${service}-safe`, match: { path: { prefix: `/${service}-safe` } }, upstream: { service } },
    ]),
  };
}

export interface InstanceOptions {
  readonly service: string;
  readonly gray?: boolean;
  readonly weight?: number;
  readonly namespace?: string;
  /** False: it serves but is not registered yet. */
  readonly registered?: boolean;
}

/** An upstream and the provider that registers it. */
export class Instance {
  upstream: Upstream;
  provider: Provider;
  registration: InstanceRegistration;
  #registered = false;
  #killed = false;

  constructor(upstream: Upstream, provider: Provider, registration: InstanceRegistration) {
    this.upstream = upstream;
    this.provider = provider;
    this.registration = registration;
  }

  get address(): string {
    return `127.0.0.1:${this.upstream.port}`;
  }

  /** Registers it, or registers it again with changes. Resolves to the wall clock time at which the client was done. */
  async register(changes: Partial<InstanceRegistration> = {}): Promise<number> {
    this.registration = { ...this.registration, ...changes };
    this.#registered = true;
    return (await this.provider.register(this.registration)).at;
  }

  async deregister(): Promise<number> {
    const { at } = await this.provider.deregister(this.registration);
    this.#registered = false;
    return at;
  }

  /** After `kill`: the same address with a new provider and a new upstream; not registered yet. */
  async revive(provider: Provider): Promise<void> {
    this.upstream = await startUpstream(this.upstream.name, this.upstream.port);
    this.provider = provider;
    this.#killed = false;
  }

  /** kill -9 of both. */
  async kill(): Promise<void> {
    this.#registered = false;
    this.#killed = true;
    this.provider.kill();
    await Promise.all([this.upstream.kill(), this.provider.exited]);
  }

  /** Takes it away; `park` gets a provider that can be used again. */
  async end(park: (provider: Provider) => void): Promise<void> {
    if (this.#killed) return;
    try {
      if (this.#registered) await this.deregister();
      park(this.provider);
    } catch {
      this.provider.kill();
    }
    await this.upstream.kill();
  }
}

export class Stage {
  readonly world: World;
  readonly #instances: Instance[] = [];
  #named = 0;
  readonly #loads = new Set<Load>();

  constructor(world: World) {
    this.world = world;
  }

  /** Starts an upstream and registers it; resolves when the gateway has it. */
  async instance(options: InstanceOptions): Promise<Instance> {
    const { service, gray = false, weight = 1, registered = true } = options;
    const upstream = await startUpstream(gray ? 'gray' : `baseline-${++this.#named}`);
    const registration = {
      service,
      ip: '127.0.0.1',
      port: upstream.port,
      weight,
      metadata: gray ? GRAY_METADATA : { version: 'v1' },
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    };
    const instance = new Instance(upstream, this.world.provider(), registration);
    this.#instances.push(instance);
    if (registered) await instance.register();
    return instance;
  }

  /** Starts several and waits until the gateway has them all. */
  async instances(...options: InstanceOptions[]): Promise<Instance[]> {
    const instances = await Promise.all(options.map((each) => this.instance(each)));
    for (const instance of instances) await this.listed(instance);
    return instances;
  }

  /** Waits until the gateway has the instance. */
  async listed(instance: Instance): Promise<void> {
    await this.service(instance.registration.service, `${instance.address} to be listed`, (view) =>
      view.endpoints.some(({ address }) => address === instance.address),
    );
  }

  async unlisted(instance: Instance): Promise<void> {
    await this.service(instance.registration.service, `${instance.address} to be gone`, (view) =>
      view.endpoints.every(({ address }) => address !== instance.address),
    );
  }

  /** Waits until what the gateway believes of a service passes the test. */
  service(
    name: string,
    expected: string,
    test: (view: ServiceView) => boolean,
    withinMs?: number,
  ): Promise<ServiceView> {
    const { gateway } = this.world;
    check(gateway.alive, 'the gateway to run', 'it has ended');
    return until(expected, () => gateway.service(name), test, withinMs);
  }

  /** Load of GETs on a path: about 1 000 requests per second on 8 connections unless told. */
  load(
    path: string,
    headers: Readonly<Record<string, string>>,
    pace: { connections?: number; delayMs?: number } = {},
  ): Load {
    const { startLoad, directory } = this.world.options;
    const { connections = 8, delayMs = 8 } = pace;
    const started = startLoad({ port: this.world.gateway.port, path, headers, connections, delayMs }, directory);
    let report: Promise<LoadReport> | undefined;
    const load = {
      stop: () => {
        this.#loads.delete(load);
        report ??= started.stop();
        return report;
      },
    };
    this.#loads.add(load);
    return load;
  }

  /** What the loads that run report when they are ended now; for the message of a failure. */
  async reports(): Promise<string> {
    const reports = await Promise.all([...this.#loads].map((load) => load.stop().catch(String)));
    return reports.length === 0 ? '' : `; load: ${JSON.stringify(reports)}`;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#loads].map((load) => load.stop().catch(() => {})));
    await Promise.all(this.#instances.map((instance) => instance.end((provider) => this.world.park(provider))));
  }
}

/** Ends a load none of whose requests may have failed; resolves to its number of requests. */
export async function endClean(load: Load): Promise<number> {
  const report = await load.stop();
  check(failuresOf(report) === 0 && report.requests > 0, 'requests, none of them failed', report);
  return report.requests;
}

function newDirectory(parent: string, name: string): string {
  const directory = join(parent, name);
  mkdirSync(directory, { recursive: true });
  return directory;
}
