import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What made tenants look like. */
export interface MadeTenants {
  readonly tenants: number;
  /** Routes of each tenant. */
  readonly routes: number;
  /** Names of catalogue plugins; each tenant uses all of them, every tenth route the first one more. Default: none. */
  readonly plugins?: readonly string[];
  /** A secret that each use of a plugin refers to. Default: none. */
  readonly secret?: string;
  /** Where every service is, as `host:port`. Default: an address that nobody answers at. */
  readonly upstream?: string;
}

/** `t0000`, `t0001`, …: names sort as their numbers do. */
export function tenantName(index: number): string {
  return `t${String(index).padStart(4, '0')}`;
}

/** The domain of a made tenant; its routes are `/area-0/item-0`, `/area-0/item-1`, … */
export function tenantDomain(index: number): string {
  return `${tenantName(index)}.example.com`;
}

/**
 * One tenant file as people write them: block style, a mixture of exact, prefix and template paths, methods, header
 * conditions, rewrites, timeouts. Every route leads to a service. Same input, same text.
 * @param revision changes the text, and the timeout of the first route with it
 */
export function tenantText(index: number, made: MadeTenants, revision = 0): string {
  const { plugins = [], secret, upstream = '127.0.0.1:9' } = made;
  const value = secret === undefined ? `value-${index}` : `{ secret: ${secret} }`;
  const use = (plugin: string, indent: string) =>
    `${indent}- use: ${plugin}\n${indent}  config:\n${indent}    owner: ${tenantName(index)}\n${indent}    key: ${value}\n`;
  const lines = [
    `# Tenant ${index}, revision ${revision}`,
    `tenant: ${tenantName(index)}`,
    `domains:\n  - ${tenantDomain(index)}\n  - "*.${tenantDomain(index)}"`,
    'lanes:\n  - name: gray\n    tag: gray\n    rules:\n      - headers: [{ name: x-device-model, in: [cam-2, cam-3] }]',
    `services:\n  devices:\n    static:\n      - address: ${upstream}\n  accounts:\n    loadBalancer: p2c\n    static:\n      - address: ${upstream}`,
  ];
  if (plugins.length > 0)
    lines.push(
      `plugins:\n${plugins
        .map((plugin) => use(plugin, '  '))
        .join('')
        .trimEnd()}`,
    );
  lines.push('routes:');
  for (let route = 0; route < made.routes; route++) {
    lines.push(routeText(route, revision));
    if (plugins[0] !== undefined && route % 10 === 0)
      lines.push(`    plugins:\n${use(plugins[0], '      ').trimEnd()}`);
  }
  return `${lines.join('\n')}\n`;
}

function routeText(route: number, revision: number): string {
  const path = `/area-${Math.floor(route / 20)}/item-${route}`;
  const perTry = route === 0 ? 1000 + (revision % 1000) : 1000;
  const kinds = [
    `      path: { prefix: ${path} }\n      methods: [GET, POST]`,
    `      path:\n        exact: ${path}`,
    `      path: { template: "${path}/{id}" }\n      headers:\n        - name: x-api\n          exact: v2`,
    `      path: { prefix: ${path} }\n      query: [{ name: version, prefix: "2" }]`,
  ];
  const rewrite = route % 4 === 0 ? `    rewrite: { stripPrefix: /area-${Math.floor(route / 20)} }\n` : '';
  return `  - id: route-${route}
    match:
${kinds[route % kinds.length]}
${rewrite}    upstream:
      service: ${route % 2 === 0 ? 'devices' : 'accounts'}
    timeouts: { request: 3s, perTry: ${perTry}ms }
    retries:
      attempts: 2
      on: [connect-failure, reset-before-response, 503]`;
}

/** Writes `t0000.yaml` … into the directory, which is made if it is missing. */
export async function writeTenants(directory: string, made: MadeTenants): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (let index = 0; index < made.tenants; index++) await writeTenant(directory, index, made);
}

/** Writes one tenant's file, in one of its revisions. */
export async function writeTenant(directory: string, index: number, made: MadeTenants, revision = 0): Promise<void> {
  await writeFile(join(directory, `${tenantName(index)}.yaml`), tenantText(index, made, revision));
}
