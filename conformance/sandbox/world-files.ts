// What the gateway of the suite is configured with, and the service behind hostile tenants.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { corpus } from './corpus.ts';
import { SERVICE } from './guest.ts';

export const WORKERS = 2;
/** The tenant that does nothing wrong; its service is `device`. */
export const STEADY = 'steady';
export const STEADY_HOST = 'steady.example.com';
/** How long attacks may hold an exchange. */
const PAUSE_MS = 300;

export function hostOf(attack: string): string {
  return `${attack}.attack.example.com`;
}

/** Reads the request to its end and answers with a body and trailers. */
export async function startEcho(): Promise<Server> {
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
    request.on('error', () => {});
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/plain', trailer: 'x-trailer' });
      response.write('a ');
      response.addTrailers({ 'x-trailer': '2' });
      response.end('response');
    });
    request.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export function sections() {
  const attacks = corpus.map(({ name, limits, allow = {} }) => ({
    name,
    allow,
    source: `file:attacks/${name}.wasm`,
    limits: {
      memory: `${limits?.memoryMiB ?? 1}MiB`,
      pause: `${PAUSE_MS}ms`,
      ...(limits?.fuel === undefined ? {} : { fuel: { request: limits.fuel } }),
    },
  }));
  return {
    workers: WORKERS,
    plugins: [{ name: 'marker', source: 'file:marker.wasm' }, ...attacks],
    accessLog: { path: 'off' },
  };
}

export function steadyTenant(port: number) {
  return {
    tenant: STEADY,
    domains: [STEADY_HOST],
    services: { device: { static: [{ address: `127.0.0.1:${port}` }] } },
    routes: [
      { id: 'plain', match: { path: { exact: '/plain' } }, upstream: { service: 'device' } },
      {
        id: 'marked',
        match: { path: { exact: '/marked' } },
        upstream: { service: 'device' },
        plugins: [{ use: 'marker' }],
      },
    ],
  };
}

export function hostileTenant(name: string, port: number) {
  const route = (policy: string) => ({
    id: policy,
    match: { path: { exact: `/${policy}` } },
    upstream: { service: SERVICE },
    // With a configuration of its own each has an instance of its own.
    plugins: [{ use: name, onFailure: policy, config: { policy } }],
  });
  return {
    tenant: name,
    domains: [hostOf(name)],
    services: { [SERVICE]: { static: [{ address: `127.0.0.1:${port}` }] } },
    routes: [route('closed'), route('open')],
  };
}
