import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TenantFile, unreadable } from './tenant-file.ts';
import type { LoadedTenant, TenantLoader } from './tenant-loader.ts';
import { fileProblem } from '../config/problem.ts';

let directory = '';
let path = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-tenant-file-'));
  path = join(directory, 'home.yaml');
  await writeFile(path, 'tenant: home\n');
  // Younger files are read at each look anyway.
  await vi.waitFor(async () => expect(Date.now() - (await stat(path)).ctimeMs).toBeGreaterThan(200), 30_000);
});

afterAll(() => rm(directory, { recursive: true }));

/** What files are loaded as: each time something else. */
function loaderOf(loads: { count: number }): TenantLoader {
  const load = async (file: string): Promise<LoadedTenant> => {
    await nextTurn();
    return unreadable(fileProblem(file, 'SLUICE_CONFIG_INVALID', `load ${++loads.count}`, 'none'));
  };
  return { load } as unknown as TenantLoader;
}

it('is sure of itself after the next look, whenever a doubt came during the last one', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const loads = { count: 0 };
    const loader = loaderOf(loads);
    const file = new TenantFile(path);
    const look = file.refresh(loader, undefined, false);
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    const before = loads.count;
    file.doubt();
    await look;
    await file.refresh(loader, undefined, false);
    expect([turns, file.doubtful, loads.count > before]).toEqual([turns, false, true]);
    expect(await file.refresh(loader, undefined, false)).toBe(false);
  }
});

it('is doubtful until it has been loaded anew', async () => {
  const loads = { count: 0 };
  const file = new TenantFile(path);
  await file.refresh(loaderOf(loads), undefined, false);
  const { digest } = file;
  file.doubt();
  const { promise: loading, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const slow = {
    load: async (name: string, text: string) => {
      ask();
      await loading;
      return loaderOf(loads).load(name, text);
    },
  } as unknown as TenantLoader;
  const look = file.refresh(slow, undefined, false);
  await asked;
  // Whoever looks now finds what was doubted.
  expect([file.doubtful, file.loaded?.problems[0]?.message]).toEqual([true, 'load 1']);
  file.doubt();
  resolve();
  await look;
  expect([file.doubtful, file.digest]).toEqual([true, digest]);
  await file.refresh(loaderOf(loads), undefined, false);
  expect([file.doubtful, file.loaded?.problems[0]?.message]).toEqual([false, 'load 3']);
});
