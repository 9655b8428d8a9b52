import { HOST } from '../load/load.ts';
import { versionOf } from '../machine.ts';
import { freePort, listening } from '../processes.ts';
import { domainsOf, paths, TENANTS } from './many-routes.ts';
import { configure, type Demands, type Place, type Running, type Subject } from './subject.ts';

/** nginx with one worker: what others are compared with. */
export const nginx: Subject = {
  name: 'nginx',
  warmUp: 1,

  async obstacle() {
    return (await versionOf('nginx', '-v')) === null ? 'nginx is not installed' : null;
  },

  async versions() {
    return { nginx: (await versionOf('nginx', '-v')) ?? '' };
  },

  async start(place: Place): Promise<Running> {
    const port = await freePort();
    const tlsPort = await freePort();
    const file = await configure('nginx.conf', place, { servers: servers(place, port, tlsPort) });
    const child = place.processes.start('subject', ['nginx', '-e', 'stderr', '-c', file]);
    await listening('nginx', child, port);
    return { port: place.tls ? tlsPort : port, child };
  },
};

function servers({ routes }: Demands, port: number, tlsPort: number): string {
  if (routes === 'one') return server(port, tlsPort, [HOST], ['/data']);
  return Array.from({ length: TENANTS }, (_, tenant) => server(port, tlsPort, domainsOf(tenant), paths())).join('');
}

function server(port: number, tlsPort: number, names: readonly string[], prefixes: readonly string[]): string {
  const locations = prefixes.map((prefix) => `    location ${prefix} { proxy_pass http://data; }\n`).join('');
  return `
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    server_name ${names.join(' ')};
${locations}  }
`;
}
