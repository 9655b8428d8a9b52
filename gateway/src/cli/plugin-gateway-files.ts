import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { PluginManifest } from './plugin-folder.ts';

/** What the gateway of `sluice plugin dev` serves. */
export interface GatewaySetup {
  readonly plugin: PluginManifest;
  /** Configuration of the plugin's one use. */
  readonly config: unknown;
  /** Of its listener; 0: any free one. */
  readonly port: number;
  /** `host:port` of the upstream of all requests. */
  readonly upstream: string;
  /** `host:port` of further services that the plugin may call, by name. */
  readonly services: ReadonlyMap<string, string>;
}

/** Whose use of the plugin it is. */
export const TENANT = 'dev';
const UPSTREAM = 'echo';
/** Keys of the generated files, and where an author has said it. */
const ORIGINS: readonly (readonly [key: string, origin: string])[] = [
  ['plugins[0].allow', 'plugin.json: permissions'],
  ['routes[0].plugins[0].config', 'dev/config.json: config'],
];

/** Path of the module that the gateway runs, in the folder of its files. */
export function moduleFile(folder: string): string {
  return join(folder, 'plugin.wasm');
}

/** Puts a module where the gateway takes it from. */
export async function writeModule(folder: string, module: string): Promise<void> {
  const fresh = join(folder, 'fresh.wasm');
  await copyFile(module, fresh);
  await rename(fresh, moduleFile(folder));
}

/** What a gateway would refuse of this setup, in the author's words; '' for nothing. @param folder for files of the trial */
export async function refusalOf(folder: string, setup: GatewaySetup): Promise<string> {
  await writeTenant(folder, setup);
  const { problems } = await loadAll(await writeGateway(folder, setup));
  // The module comes when nothing is wrong.
  const wrong = problems.filter(({ key }) => key !== 'plugins[0].source');
  return wrong.map(authorsWords).join('\n');
}

function authorsWords({ key, message, remedy }: Problem): string {
  const [from, origin] = ORIGINS.find(([start]) => key.startsWith(start)) ?? ['', ''];
  return `${origin}${key.slice(from.length)}: ${message} — ${remedy}`;
}

/** Writes `gateway.yaml`; answers its path. */
export function writeGateway(folder: string, { plugin, port }: GatewaySetup): Promise<string> {
  return writeWhole(join(folder, 'gateway.yaml'), {
    apiVersion: 'sluice/v1',
    listeners: [{ name: 'http', address: '127.0.0.1', port }],
    admin: { address: '127.0.0.1', port: 0 },
    workers: 1,
    tenants: { directory: 'tenants' },
    accessLog: { path: 'stdout' },
    shutdown: { grace: '0s', deadline: '1s' },
    plugins: [{ name: plugin.name, source: `file:${moduleFile(folder)}`, allow: allowed(plugin) }],
  });
}

/** What it asks for. Services of the tenant that uses it need no permission; variables are there, and empty. */
function allowed({ permissions }: PluginManifest): object {
  const { properties, foreignFunctions, clock } = permissions;
  const services = listOf(permissions['services']).filter((name) => name.includes('/'));
  const environment = Object.fromEntries(listOf(permissions['environment']).map((name) => [name, '']));
  return { services, environment, properties, foreignFunctions, clock };
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Writes the tenant's file. */
export async function writeTenant(folder: string, setup: GatewaySetup): Promise<void> {
  await mkdir(join(folder, 'tenants'), { recursive: true });
  const others = new Map([...wantedServices(setup), ...setup.services]);
  const upstream = upstreamBeside(others);
  const services = [...others, [upstream, setup.upstream] as const];
  await writeWhole(join(folder, 'tenants', `${TENANT}.json`), {
    tenant: TENANT,
    domains: ['127.0.0.1', 'localhost'],
    services: Object.fromEntries(services.map(([name, address]) => [name, { static: [{ address }] }])),
    routes: [
      {
        id: 'all',
        match: { path: { prefix: '/' } },
        upstream: { service: upstream },
        plugins: [{ use: setup.plugin.name, config: setup.config }],
      },
    ],
  });
}

/** Its name, which none of the plugin's services has. */
function upstreamBeside(services: ReadonlyMap<string, string>): string {
  let name = UPSTREAM;
  while (services.has(name)) name += '-upstream';
  return name;
}

/** The tenant has the services that the plugin asks for, and the upstream answers for them. */
function wantedServices({ plugin, upstream }: GatewaySetup): (readonly [name: string, address: string])[] {
  const own = listOf(plugin.permissions['services']).filter(
    (name) => !name.includes('/') || name.startsWith(`${TENANT}/`),
  );
  return own.map((name) => [name.replace(`${TENANT}/`, ''), upstream] as const);
}

/** By renaming, so that the gateway never sees half of it. */
async function writeWhole(path: string, content: object): Promise<string> {
  await writeFile(`${path}.fresh`, JSON.stringify(content, null, 2));
  await rename(`${path}.fresh`, path);
  return path;
}
