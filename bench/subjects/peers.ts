import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { output, versionOf } from '../machine.ts';
import { freePort, listening } from '../processes.ts';
import { benchPlugin } from './gateway.ts';
import { CACHE, configure, type Demands, filled, peerFile, type Place, type Running, type Subject } from './subject.ts';

/** What they are not set up for. */
function unable({ tls, routes }: Demands, can: { readonly tls?: true; readonly manyRoutes?: true }): string | null {
  if (routes === 'many' && can.manyRoutes !== true) return 'is set up for one route';
  return tls && can.tls !== true ? 'is set up without TLS' : null;
}

/** HAProxy with one thread. */
export const haproxy: Subject = {
  name: 'haproxy',
  async obstacle(demands) {
    if ((await versionOf('haproxy', '-v')) === null) return 'haproxy is not installed';
    return unable(demands, { tls: true });
  },
  async versions() {
    return { haproxy: (await versionOf('haproxy', '-v')) ?? '' };
  },
  async start(place) {
    return withTwoPorts('haproxy', place, 'haproxy.cfg', (file) => ['haproxy', '-f', file]);
  },
};

/** Caddy with as many threads as its one core. */
export const caddy: Subject = {
  name: 'caddy',
  async obstacle(demands) {
    if ((await versionOf('caddy', 'version')) === null) return 'caddy is not installed';
    return unable(demands, { tls: true });
  },
  async versions() {
    return { caddy: (await versionOf('caddy', 'version')) ?? '' };
  },
  async start(place) {
    return withTwoPorts('caddy', place, 'Caddyfile', (file) => [
      'caddy',
      'run',
      '--adapter',
      'caddyfile',
      '--config',
      file,
    ]);
  },
};

/** Envoy of the Python wheel, with one worker. */
export class EnvoySubject implements Subject {
  readonly name: string;
  readonly #plugins: number;

  /** @param plugins Wasm filters, of the module that the gateway runs */
  constructor(name: string, plugins = 0) {
    this.name = name;
    this.#plugins = plugins;
  }

  async obstacle(demands: Demands): Promise<string | null> {
    if ((await envoy()) === null) return 'Envoy is not there: npx node bench/setup.ts envoy';
    return unable(demands, { tls: true });
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    const text = (await output((await envoy()) ?? '', '--version')) ?? '';
    return { envoy: /\/(\d+\.\d+\.\d+)\//.exec(text)?.[1] ?? 'unknown' };
  }

  async start(place: Place): Promise<Running> {
    const module = this.#plugins === 0 ? '' : await benchPlugin();
    const numbers = Array.from({ length: this.#plugins }, (_, at) => at + 1);
    const filters = await Promise.all(numbers.map((number) => filled('envoy-plugin.yaml', { number, module })));
    const program = (await envoy())!;
    const command = (file: string): string[] => {
      return [program, '-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
    };
    return withTwoPorts(this.name, place, 'envoy.yaml', command, { plugins: filters.join('') });
  }
}

/** The program inside the wheel; its launcher would be one process more. */
async function envoy(): Promise<string | null> {
  const lib = join(CACHE, 'venv/lib');
  const [python] = await readdir(lib).catch(() => []);
  return python === undefined ? null : join(lib, python, 'site-packages/envoy/_bin/envoy');
}

/** @fastify/http-proxy on the Node of the gateway. */
export const fastifyHttpProxy: Subject = {
  name: 'fastify-http-proxy',
  async obstacle(demands) {
    if ((await manifestVersion('@fastify/http-proxy')) === null) return '@fastify/http-proxy is not installed';
    return unable(demands, {});
  },
  async versions() {
    return { '@fastify/http-proxy': (await manifestVersion('@fastify/http-proxy')) ?? '', node: process.version };
  },
  start: (place) => nodeScript('fastify-http-proxy', place, 'fastify-http-proxy.js'),
};

/** A TCP forwarder that parses nothing. */
export const floor: Subject = {
  name: 'floor',
  obstacle: async (demands) => unable(demands, { manyRoutes: true }),
  versions: async () => ({ node: process.version }),
  start: (place) => nodeScript('floor', place, 'floor.ts'),
};

/** The upstream itself: what machine and load can do at most. */
export const direct: Subject = {
  name: 'direct',
  obstacle: async (demands) => unable(demands, { manyRoutes: true }),
  versions: async () => ({}),
  start: async ({ upstreamPort }) => ({ port: upstreamPort, child: null }),
};

async function manifestVersion(name: string): Promise<string | null> {
  try {
    const manifest = (await import(`${name}/package.json`, { with: { type: 'json' } })) as {
      default: { version: string };
    };
    return manifest.default.version;
  } catch {
    return null;
  }
}

async function withTwoPorts(
  name: string,
  place: Place,
  file: string,
  command: (file: string) => string[],
  values: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const port = await freePort();
  const tlsPort = await freePort();
  const path = await configure(file, place, { ...values, port, tlsPort });
  const child = place.processes.start('subject', command(path), {
    XDG_DATA_HOME: place.directory,
    XDG_CONFIG_HOME: place.directory,
  });
  await listening(name, child, port);
  return { port: place.tls ? tlsPort : port, child };
}

async function nodeScript(name: string, { processes, upstreamPort }: Place, file: string): Promise<Running> {
  const port = await freePort();
  const child = processes.start('subject', [process.execPath, peerFile(file), `${port}`, `${upstreamPort}`], {
    NODE_ENV: 'production',
  });
  await listening(name, child, port);
  return { port, child };
}
