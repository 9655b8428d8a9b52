// Envoy with the same plugins and configurations: a listener for each configuration, all of them before one service.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envoyProgram } from '../../bench/envoy.ts';
import { until } from '../until.ts';
import type { PluginUse } from './configurations.ts';

const START_LIMIT_MS = 30_000;
const WASM = 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const MANAGER = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

export interface EnvoyFiles {
  /** By name. */
  readonly configurations: Readonly<Record<string, readonly PluginUse[]>>;
  /** Paths of modules, by plugin. */
  readonly modules: Readonly<Record<string, string>>;
  /** Ports of clusters on 127.0.0.1; the first one is the service that requests go to. */
  readonly clusters: Readonly<Record<string, number>>;
}

export class Envoy {
  readonly #directory: string;
  readonly #child: ChildProcess;
  /** By configuration. */
  #ports: Readonly<Record<string, number>> = {};

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#child = child;
  }

  /** Resolves when it serves; rejects with its log when it ends before that, as for a plugin that refuses its configuration. */
  static async start(directory: string, files: EnvoyFiles): Promise<Envoy> {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'envoy.json'), JSON.stringify(bootstrap(files), null, 2));
    const output = openSync(join(directory, 'envoy.log'), 'w');
    const options = ['-c', 'envoy.json', '--concurrency', '1', '--disable-hot-restart', '--log-format', '%l %v'];
    const logging = ['-l', 'warning', '--component-log-level', 'wasm:info', '--admin-address-path', 'admin'];
    const child = spawn((await envoyProgram())!, [...options, ...logging], {
      cwd: directory,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const kill = (): void => void child.kill('SIGKILL');
    process.on('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const envoy = new Envoy(directory, child);
    try {
      await envoy.#ready();
    } catch (error) {
      await envoy.stop();
      throw new Error(`${String(error)}\n${envoy.log()}`, { cause: error });
    }
    return envoy;
  }

  portOf(configuration: string): number {
    return this.#ports[configuration]!;
  }

  log(): string {
    return readFileSync(join(this.#directory, 'envoy.log'), 'utf8');
  }

  async admin(path: string): Promise<string> {
    const address = readFileSync(join(this.#directory, 'admin'), 'utf8');
    return (await fetch(`http://${address}${path}`)).text();
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #ready(): Promise<void> {
    const look = async () => (this.#ended ? 'ended' : (await this.admin('/ready')).trim());
    const state = await until('Envoy to be ready', look, (seen) => seen === 'LIVE' || seen === 'ended', START_LIMIT_MS);
    if (state === 'ended') throw new Error('Envoy ended before it was ready');
    const { listener_statuses: listeners } = JSON.parse(await this.admin('/listeners?format=json')) as {
      listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
    };
    const places = listeners.map(({ name, local_address: at }) => [name, at.socket_address.port_value]);
    this.#ports = Object.fromEntries(places);
  }
}

function bootstrap({ configurations, modules, clusters }: EnvoyFiles): object {
  const [service] = Object.keys(clusters);
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: Object.entries(configurations).map(([name, uses]) => listener(name, uses, modules, service!)),
      clusters: Object.entries(clusters).map(([name, port]) => cluster(name, port)),
    },
  };
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function listener(name: string, uses: readonly PluginUse[], modules: EnvoyFiles['modules'], service: string): object {
  const manager = {
    '@type': MANAGER,
    stat_prefix: name,
    codec_type: 'HTTP1',
    generate_request_id: false,
    delayed_close_timeout: '0.05s',
    server_header_transformation: 'PASS_THROUGH',
    http_protocol_options: { enable_trailers: true },
    route_config: {
      virtual_hosts: [
        { name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: service, timeout: '10s' } }] },
      ],
    },
    http_filters: [
      ...uses.map((use, at) => wasmFilter(`${name}-${at}`, use, modules)),
      { name: 'router', typed_config: { '@type': ROUTER, suppress_envoy_headers: true } },
    ],
  };
  const filters = [{ name: 'http', typed_config: manager }];
  return { name, address: address(0), filter_chains: [{ filters }] };
}

function wasmFilter(name: string, { use, config }: PluginUse, modules: EnvoyFiles['modules']): object {
  const value = JSON.stringify(config);
  const config_ = {
    name: use,
    root_id: use,
    configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value },
    vm_config: { vm_id: name, runtime: 'envoy.wasm.runtime.v8', code: { local: { filename: modules[use]! } } },
  };
  return { name, typed_config: { '@type': WASM, config: config_ } };
}

function cluster(name: string, port: number): object {
  const endpoint = { endpoint: { address: address(port) } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}
