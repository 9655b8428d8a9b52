import { versionOf } from '../machine.ts';
import { freePort, listening } from '../processes.ts';
import { configure, type Demands, peerFile, type Place, type Running, type Subject } from './subject.ts';

/** What a peer is not set up for. */
export function unable(
  { tls, routes }: Demands,
  can: { readonly tls?: true; readonly manyRoutes?: true },
): string | null {
  if (routes === 'many' && can.manyRoutes !== true) return 'is set up for one route';
  return tls && can.tls !== true ? 'is set up without TLS' : null;
}

/** HAProxy with one thread. */
export const haproxy: Subject = {
  name: 'haproxy',
  warmUp: 1,
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
  warmUp: 1,
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
  obstacle: async (demands) =>
    demands.idle === undefined
      ? unable(demands, { manyRoutes: true })
      : 'it has a connection to the service for each of its clients',
  versions: async () => ({ node: process.version }),
  start: (place) => nodeScript('floor', place, 'floor.ts'),
};

/** The upstream itself: what machine and load can do at most. */
export const direct: Subject = {
  name: 'direct',
  warmUp: 1,
  obstacle: async (demands) =>
    demands.idle === undefined ? unable(demands, { manyRoutes: true }) : 'nothing stands before the service',
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

/** Starts a program that listens on one port without TLS and on one with it. */
export async function withTwoPorts(
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
