import { writeFile } from 'node:fs/promises';
import { HOST } from '../load/load.ts';

// 1 000 domains and 10 000 routes, as ten tenants.

export const TENANTS = 10;
const DOMAINS = 100;
const ROUTES = 1000;
/** Neither shares a factor with what it strides over, so that neighbours in time are none in any table. */
const REQUEST_STRIDE = 3331;
const DOMAIN_STRIDE = 37;

function domain(tenant: number, number: number): string {
  return `home-${number}.tenant-${tenant}.${HOST}`;
}

function path(route: number): string {
  return `/api/service-${String(route).padStart(4, '0')}`;
}

/** Domains of a tenant. */
export function domainsOf(tenant: number): string[] {
  return Array.from({ length: DOMAINS }, (_, number) => domain(tenant, number));
}

/** Path prefixes of the routes that each tenant has. */
export function paths(): string[] {
  return Array.from({ length: ROUTES }, (_, route) => path(route));
}

/** Writes `host path` lines that reach every route of every tenant once. */
export async function writeRequests(file: string): Promise<void> {
  const total = TENANTS * ROUTES;
  const lines = Array.from({ length: total }, (_, at) => {
    const number = (at * REQUEST_STRIDE) % total;
    const route = Math.floor(number / TENANTS);
    return `${domain(number % TENANTS, (route * DOMAIN_STRIDE) % DOMAINS)} ${path(route)}/items\n`;
  });
  await writeFile(file, lines.join(''));
}
