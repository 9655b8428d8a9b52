// Both gateways before one service.
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPlugins } from '../../plugins/build.ts';
import { compilePlugin } from '../../sdk/compile.ts';
import { type GatewayUnderTest, startReadyGateway } from '../gateway.ts';
import { until } from '../until.ts';
import { ask } from './client.ts';
import type { Case } from './case.ts';
import { CONFIGURATIONS, type PluginUse } from './configurations.ts';
import type { Difference, Side } from './differences.ts';
import { Envoy } from './envoy.ts';
import type { SeenRequest, SeenResponse } from './message.ts';
import { CASE_HEADER, Service } from './service.ts';

const PROBE = join(import.meta.dirname, 'probe');

/** What came of one case in one gateway. */
export interface Observed {
  /** null: the connection ended without a response. */
  readonly response: SeenResponse | null;
  readonly requests: readonly SeenRequest[];
}

export class World {
  /** Rows of `DIFFERENCES` that were needed. */
  readonly used = new Set<Difference>();
  readonly #service: Service;
  readonly #envoy: Envoy;
  readonly #sluice: GatewayUnderTest;
  readonly #modules: Readonly<Record<string, string>>;
  #exchanges = 0;

  private constructor(
    service: Service,
    envoy: Envoy,
    sluice: GatewayUnderTest,
    modules: Readonly<Record<string, string>>,
  ) {
    this.#modules = modules;
    this.#service = service;
    this.#envoy = envoy;
    this.#sluice = sluice;
  }

  static async start(directory: string): Promise<World> {
    const service = await Service.start();
    const built = [...(await buildPlugins()), { name: 'probe', ...(await compilePlugin({ folder: PROBE })) }];
    const modules = Object.fromEntries(built.map(({ name, path }) => [name, path]));
    const ports = { service: service.port, dead: await closedPort() };
    const envoy = await Envoy.start(join(directory, 'envoy'), {
      configurations: CONFIGURATIONS,
      modules,
      clusters: ports,
    });
    const sluice = await startSluice(join(directory, 'sluice'), modules, ports);
    return new World(service, envoy, sluice, modules);
  }

  async exchange(side: Side, { configuration, method, target, headers, body, answer }: Case): Promise<Observed> {
    const id = `x${++this.#exchanges}`;
    this.#service.expect(id, answer);
    const port = side === 'envoy' ? this.#envoy.portOf(configuration) : this.#sluice.port;
    const lines = [`Host: ${hostOf(configuration)}`, `${CASE_HEADER}: ${id}`, ...headers];
    const response = await ask(port, { method, target, headers: lines, body });
    return { response, requests: this.#service.take(id) };
  }

  /** Lines that plugins logged with this beginning, each with its level before it. */
  readonly logs = (side: Side, beginning: string): string[] => {
    const lines = side === 'envoy' ? envoyLines(this.#envoy.log()) : sluiceLines(this.#sluice.processLog());
    return lines
      .filter(({ message }) => message.startsWith(beginning))
      .map(({ level, message }) => `${level} ${message}`);
  };

  /** Counters and gauges of the plugin of the host calls. */
  async metrics(side: Side): Promise<Readonly<Record<string, number>>> {
    const text = side === 'envoy' ? await this.#envoy.admin('/stats') : (await this.#sluice.admin('/metrics')).body;
    const valueOf = (name: string): number =>
      Number(new RegExp(`${name}(?:\\{[^}]*\\}|"[^}]*\\})?:? (\\d+)`).exec(text)?.[1]);
    return Object.fromEntries(['probe_tries', 'probe_level'].map((name) => [name, valueOf(name)]));
  }

  /** Why Envoy does not start with this use alone; '' = it does. */
  async refusalOfEnvoy({ use, config }: PluginUse, directory: string): Promise<string> {
    const files = { configurations: { refused: [{ use, config }] }, modules: this.#modules, clusters: { service: 1 } };
    try {
      await (await Envoy.start(directory, files)).stop();
      return '';
    } catch (error) {
      return String(error);
    }
  }

  /** What Sluice has to say of a tenant with this use. */
  async refusalOfSluice({ use, config }: PluginUse): Promise<{ errors: readonly string[]; log: string }> {
    const name = `refused-${++this.#exchanges}`;
    const file = join(this.#sluice.directory, 'tenants', `${name}.yaml`);
    const tenant = { tenant: name, domains: [hostOf(name)], plugins: [{ use, config }] };
    writeFileSync(`${file}.new`, JSON.stringify(tenant));
    renameSync(`${file}.new`, file);
    const look = async () => {
      const { tenants } = JSON.parse((await this.#sluice.admin('/api/tenants')).body) as {
        tenants: { tenant: string; state: string; errors: string[] }[];
      };
      return tenants.find((it) => it.tenant === name);
    };
    const seen = await until('Sluice to decide on the tenant', look, (found) => found !== undefined);
    return { errors: seen!.state === 'failed' ? seen!.errors : [], log: this.#sluice.processLog() };
  }

  async stop(): Promise<void> {
    await this.#envoy.stop();
    await this.#sluice.stop();
    this.#service.stop();
  }
}

interface LogLine {
  readonly level: string;
  readonly message: string;
}

function envoyLines(text: string): LogLine[] {
  return [...text.matchAll(/^(\w+) wasm log \S+ \S+ \S+: (.*)$/gm)].map(([, level = '', message = '']) => ({
    level,
    message,
  }));
}

function sluiceLines(text: string): LogLine[] {
  const lines = text.split('\n').filter((line) => line.includes('"plugin":'));
  return lines.map((line) => {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    return { level: level === 'warn' ? 'warning' : level, message: msg };
  });
}

const hostOf = (configuration: string): string => `${configuration}.example.com`;

/** Sluice with one tenant, which has a domain for each configuration. */
function startSluice(
  directory: string,
  modules: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>>,
) {
  mkdirSync(directory, { recursive: true });
  for (const [name, path] of Object.entries(modules)) copyFileSync(path, join(directory, `${name}.wasm`));
  const plugins = Object.keys(modules).map((name) => ({ name, source: `file:${name}.wasm` }));
  const names = Object.keys(CONFIGURATIONS);
  const tenant = {
    tenant: 'portability',
    domains: names.map(hostOf),
    services: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, listOf(port)])),
    routes: names.map((name) => routeOf(name, CONFIGURATIONS[name]!)),
  };
  return startReadyGateway(directory, { gateway: { workers: 1, plugins }, tenants: { portability: tenant } });
}

const listOf = (port: number): object => ({ static: [{ address: `127.0.0.1:${port}` }] });

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const service = await Service.start();
  const { port } = service;
  service.stop();
  return port;
}

function routeOf(name: string, uses: readonly PluginUse[]): object {
  const match = { path: { prefix: '/' } };
  return { id: name, hosts: [hostOf(name)], match, upstream: { service: 'service' }, plugins: uses };
}
