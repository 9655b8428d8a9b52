import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HOST } from '../load/load.ts';
import { benchPlugin } from '../plugin/guests.ts';
import { type Child, until } from '../processes.ts';
import { domainsOf, paths, TENANTS } from './many-routes.ts';
import { shippedGateway } from './shipped.ts';
import type { Demands, Place, Running, Subject } from './subject.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** A tenant file. */
interface Tenant {
  readonly tenant: string;
  readonly domains: readonly string[];
  readonly services: object;
  readonly routes: readonly object[];
}

/** `sluice run` of the compiled package with one worker and its access log on, as an operator would start it. */
export class GatewaySubject implements Subject {
  readonly name: string;
  readonly #plugins: number;
  readonly #alwaysOneRoute: boolean;

  /** @param plugins in the chain, of the same module with a configuration of its own each */
  constructor(name: string, plugins = 0, alwaysOneRoute = false) {
    this.name = name;
    this.#plugins = plugins;
    this.#alwaysOneRoute = alwaysOneRoute;
  }

  async obstacle({ routes }: Demands): Promise<string | null> {
    return this.#alwaysOneRoute && routes === 'one' ? 'is the gateway itself here' : null;
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    const manifest = await readFile(join(ROOT, 'gateway/package.json'), 'utf8');
    return { sluice: (JSON.parse(manifest) as { version: string }).version, node: process.version };
  }

  async start(place: Place): Promise<Running> {
    const { directory, processes, profile } = place;
    await mkdir(join(directory, 'tenants'));
    await write(join(directory, 'gateway.yaml'), await this.#gateway(place));
    for (const tenant of this.#tenants(place)) await write(join(directory, `tenants/${tenant.tenant}.yaml`), tenant);
    const profiling = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', join(profile, this.name)];
    const launcher = await shippedGateway();
    const command = [process.execPath, ...profiling, launcher, 'run', '-c', join(directory, 'gateway.yaml')];
    const child = processes.start('subject', command);
    let port = 0;
    await until(this.name, child, () => (port = portIn(child, /"port":(\d+),"msg":"listening"/)) !== 0);
    const admin = portIn(child, /"port":(\d+),"msg":"admin API listening"/);
    await until(this.name, child, async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    return { port, child, requests: () => answered(admin) };
  }

  async #gateway({ tls, certificate, key }: Place): Promise<object> {
    const numbers = Array.from({ length: this.#plugins }, (_, at) => at + 1);
    const plugins = this.#plugins === 0 ? [] : [{ name: 'bench', source: `file:${await benchPlugin()}` }];
    return {
      apiVersion: 'sluice/v1',
      listeners: [
        {
          name: 'bench',
          address: '127.0.0.1',
          port: 0,
          ...(tls ? { tls: { certificates: [{ certFile: certificate, keyFile: key }] } } : {}),
        },
      ],
      workers: 1,
      shutdown: { grace: '0s', deadline: '1s' },
      admin: { port: 0 },
      tenants: { directory: 'tenants' },
      accessLog: { path: 'stdout' },
      plugins,
      chain: numbers.map((number) => ({ use: 'bench', config: { set: `x-plugin-${number}` } })),
    };
  }

  #tenants({ routes, upstreamPort }: Place): Tenant[] {
    const services = { data: { static: [{ address: `127.0.0.1:${upstreamPort}` }] } };
    const upstream = { service: 'data' };
    if (routes === 'one' || this.#alwaysOneRoute) {
      const route = { id: 'data', match: { path: { prefix: '/' } }, upstream };
      return [{ tenant: 'bench', domains: [HOST, `*.${HOST}`], services, routes: [route] }];
    }
    return Array.from({ length: TENANTS }, (_, number) => ({
      tenant: `tenant-${number}`,
      domains: domainsOf(number),
      services,
      routes: paths().map((prefix, at) => ({ id: `route-${at}`, match: { path: { prefix } }, upstream })),
    }));
  }
}

function write(path: string, content: object): Promise<void> {
  return writeFile(path, JSON.stringify(content));
}

function portIn(child: Child, pattern: RegExp): number {
  return Number(pattern.exec(child.log())?.[1] ?? 0);
}

async function answered(admin: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const counts = metrics.matchAll(/^sluice_requests_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
