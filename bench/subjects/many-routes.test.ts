import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { domainsOf, paths, TENANTS, writeRequests } from './many-routes.ts';

it('has 1 000 domains, and requests that reach each of 10 000 routes', async () => {
  const tenantOf = new Map<string, number>();
  for (let tenant = 0; tenant < TENANTS; tenant++) for (const name of domainsOf(tenant)) tenantOf.set(name, tenant);
  expect(tenantOf.size).toBe(1000);
  const file = join(tmpdir(), `many-routes-${process.pid}`);
  await writeRequests(file);
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  await rm(file);
  const known = new Set(paths());
  const reached = new Set<string>();
  const asked = new Set<string>();
  for (const line of lines) {
    const [host = '', path = ''] = line.split(' ');
    const prefix = path.replace(/\/items$/, '');
    expect(known).toContain(prefix);
    reached.add(`${tenantOf.get(host)} ${prefix}`);
    asked.add(host);
  }
  expect(reached.size).toBe(10_000);
  expect(reached).not.toContain('undefined');
  expect(asked.size).toBe(1000);
});
