// A gateway with every attack in its catalogue, a tenant that does nothing wrong, and services for both.
import { mkdirSync, statSync, openSync, readSync, closeSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { CrashCause } from '../../gateway/src/wasm/host.ts';
import { rssMiB } from '../figures.ts';
import { type GatewayUnderTest, startGateway } from '../gateway.ts';
import { Files } from '../reload/files.ts';
import { markerModules } from '../reload/plugin/modules.ts';
import { PROBE, Probe } from '../reload/probe-client.ts';
import { check, until } from '../until.ts';
import { startUpstream, type Upstream } from '../upstream.ts';
import type { Attack } from './attack.ts';
import { CleanLoad } from './clean-load.ts';
import { corpus } from './corpus.ts';
import { type FailureLine, failureLine } from './judge.ts';
import { hostileTenant, sections, startEcho, STEADY, STEADY_HOST, steadyTenant, WORKERS } from './world-files.ts';

const CLEAN_PER_SECOND = 200;
const START_LIMIT_MS = 60_000;

/** What main knows of what it refused, in words. */
export interface Refusals {
  readonly modules: Readonly<Record<string, string>>;
  readonly tenants: Readonly<Record<string, string>>;
}

export class SandboxWorld {
  readonly gateway: GatewayUnderTest;
  readonly probe: Probe;
  readonly load: CleanLoad;
  readonly #files: Files;
  readonly #device: Upstream;
  readonly #echo: Server;
  #logRead = 0;

  private constructor(gateway: GatewayUnderTest, files: Files, device: Upstream, echo: Server) {
    this.gateway = gateway;
    this.#files = files;
    this.#device = device;
    this.#echo = echo;
    this.probe = new Probe(gateway.child, WORKERS);
    const paths = ['/plain', '/marked'];
    this.load = new CleanLoad({
      port: gateway.port,
      host: STEADY_HOST,
      paths,
      expect: '200',
      perSecond: CLEAN_PER_SECOND,
    });
  }

  static async start(directory: string): Promise<SandboxWorld> {
    const files = new Files(directory);
    mkdirSync(join(directory, 'attacks'));
    for (const { name, module } of corpus) files.write(join('attacks', `${name}.wasm`), module());
    files.write('marker.wasm', (await markerModules()).v1);
    const device = await startUpstream('device');
    const echo = await startEcho();
    const tenants = { [STEADY]: steadyTenant(device.port) };
    const program = { preload: PROBE, startLimitMs: START_LIMIT_MS };
    const gateway = await startGateway(directory, { gateway: sections(), tenants }, true, program);
    await until(
      'the tenant that does nothing wrong to be served',
      () => gateway.get('/marked', { host: STEADY_HOST }),
      ({ status }) => status === 200,
      START_LIMIT_MS,
    );
    return new SandboxWorld(gateway, files, device, echo);
  }

  /** Gives attacks a tenant each; resolves when all are in force or refused. */
  async add(attacks: readonly Attack[]): Promise<void> {
    const { port } = this.#echo.address() as AddressInfo;
    for (const { name } of attacks) this.#files.writeTenant(name, stringify(hostileTenant(name, port)));
    await this.#untilTenants((names) => attacks.every(({ name }) => names.has(name)));
  }

  async remove(attacks: readonly Attack[]): Promise<void> {
    for (const { name } of attacks) this.#files.removeTenant(name);
    await this.#untilTenants((names) => attacks.every(({ name }) => !names.has(name)));
  }

  /** On main, and then in all workers. */
  async #untilTenants(test: (names: ReadonlySet<string>) => boolean): Promise<void> {
    const look = async (): Promise<ReadonlySet<string>> => new Set((await this.#tenants()).map(({ tenant }) => tenant));
    await until('the tenants to be as their files are', look, test, START_LIMIT_MS);
    await until(
      'the workers to have taken that over',
      () => this.#workers(),
      (workers) => workers.every(({ lag }) => lag === 0),
      START_LIMIT_MS,
    );
  }

  async #workers(): Promise<{ state: string; lag: number; restarts: Record<string, number> }[]> {
    const { body } = await this.gateway.admin('/api/snapshot');
    return (JSON.parse(body) as { workers: { state: string; lag: number; restarts: Record<string, number> }[] })
      .workers;
  }

  async #tenants(): Promise<{ tenant: string; state: string; errors: string[] }[]> {
    const { body } = await this.gateway.admin('/api/tenants');
    return (JSON.parse(body) as { tenants: { tenant: string; state: string; errors: string[] }[] }).tenants;
  }

  async refusals(): Promise<Refusals> {
    const { body } = await this.gateway.admin('/api/plugins');
    const { modules } = JSON.parse(body) as { modules: { plugin: string; error: string }[] };
    return {
      modules: Object.fromEntries(modules.map(({ plugin, error }) => [plugin, error])),
      tenants: Object.fromEntries((await this.#tenants()).map(({ tenant, errors }) => [tenant, errors.join('\n')])),
    };
  }

  /** Failures of plugins so far, by plugin and cause. */
  async traps(): Promise<Readonly<Record<string, Partial<Record<CrashCause, number>>>>> {
    const { body } = await this.gateway.admin('/metrics');
    const traps: Record<string, Partial<Record<CrashCause, number>>> = {};
    for (const [, plugin, cause, count] of body.matchAll(
      /^sluice_plugin_traps_total\{.*plugin="([^"]*)",cause="(\w+)".*\} (\d+)$/gm,
    )) {
      (traps[plugin!] ??= {})[cause as CrashCause] = Number(count);
    }
    return traps;
  }

  /** Lines about failures of plugins since the last call; and that nothing worse stands in the log. */
  newFailures(): FailureLine[] {
    const lines = this.#newLog()
      .split('\n')
      .filter((line) => line !== '');
    const failures: FailureLine[] = [];
    for (const line of lines) {
      const entry = parse(line);
      check(entry !== null, 'every line of the log to be one entry', line.slice(0, 500));
      check(entry!['level'] !== 60 && entry!['level'] !== 'fatal', 'no fatal line in the log', line.slice(0, 500));
      if (typeof entry!['callback'] === 'string') failures.push(failureLine(entry!, entry!['msg']));
    }
    return failures;
  }

  #newLog(): string {
    const path = join(this.gateway.directory, 'process.log');
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(statSync(path).size - this.#logRead);
      readSync(file, bytes, 0, bytes.length, this.#logRead);
      const whole = bytes.lastIndexOf(0x0a) + 1;
      this.#logRead += whole;
      return bytes.toString('utf8', 0, whole);
    } finally {
      closeSync(file);
    }
  }

  /** Heaps without garbage, MiB by thread, and what the process has in memory. */
  async memory(): Promise<{ readonly heaps: Readonly<Record<string, number>>; readonly rss: number }> {
    return { heaps: await this.probe.heapsMiB(), rss: rssMiB(this.gateway.pid) };
  }

  /** @throws Unmet when a worker has ended since the start */
  async checkWorkers(): Promise<void> {
    const workers = await this.#workers();
    const restarts = workers.flatMap((worker) => Object.values(worker.restarts)).reduce((sum, count) => sum + count, 0);
    const unharmed = workers.length === WORKERS && workers.every(({ state }) => state === 'serving');
    check(unharmed && restarts === 0 && this.gateway.alive, 'the workers of the start to serve', workers);
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.gateway.stop();
    await this.#device.stop();
    this.#echo.closeAllConnections();
    this.#echo.close();
  }
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
