import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, type LogFields, silentLog } from '../core/log.ts';
import type { TenantRecord } from './tenant-record.ts';
import { TenantStore } from './tenant-store.ts';

const key = (digit: string) => digit.repeat(64);

function record(tenant: string, digit: string): TenantRecord {
  return {
    tenant,
    origin: `file:${tenant}.yaml`,
    key: key(digit),
    config: `{"tenant":"${tenant}","version":"${digit}"}`,
    secretPlaces: [{ path: ['plugins', 0, 'config', 'key'], name: 'app-key' }],
    secretNames: ['app-key'],
    claims: { tenant: { name: tenant, line: 1, column: 9 }, domains: [] },
    details: Uint8Array.from([1, 2, 3]),
  };
}

let root: string;
let directory: string;
let logged: string[];

const note = (_fields: LogFields, message: string) => void logged.push(message);
const log: Log = { ...silentLog, warn: note, error: note, info: note };

async function opened(): Promise<TenantStore> {
  const store = new TenantStore(root, log);
  await store.open();
  return store;
}

async function kept(...records: TenantRecord[]): Promise<TenantStore> {
  const store = await opened();
  for (const each of records) store.save(each.tenant, () => each);
  await store.flush();
  return store;
}

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'sluice-state-')), 'state');
  directory = join(root, 'accepted');
  logged = [];
});
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }));

describe('the store of accepted tenants', () => {
  it('gives back by key and by tenant what was saved before a restart', async () => {
    await kept(record('a', '1'), record('b', '2'));
    const store = await opened();
    expect(store.tenants()).toEqual(['a', 'b']);
    expect(await store.cached(key('1'))).toEqual(record('a', '1'));
    expect(await store.lastGood('b')).toEqual(record('b', '2'));
    expect(await store.cached(key('3'))).toBeNull();
    expect(await store.lastGood('c')).toBeNull();
    expect(logged).toEqual([]);
  });

  it('is for its own user alone', async () => {
    await kept(record('a', '1'));
    const [name] = readdirSync(directory);
    expect([root, directory, join(directory, name!)].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o700, 0o600,
    ]);
  });

  it('keeps one version of a tenant: the last one saved', async () => {
    const store = await opened();
    for (const digit of ['1', '2', '3', '4']) store.save('a', () => record('a', digit));
    await store.flush();
    store.save('a', () => record('a', '5'));
    await store.flush();
    expect(readdirSync(directory)).toEqual([`a.${key('5')}.tenant`]);
    expect([store.holds('a', key('5')), store.holds('a', key('1'))]).toEqual([true, false]);
    expect(await store.cached(key('1'))).toBeNull();
  });

  it('forgets a tenant that is removed, also one whose writing has only begun', async () => {
    const store = await kept(record('a', '1'));
    store.save('b', () => record('b', '2'));
    for (const tenant of ['a', 'b', 'never-there']) store.remove(tenant);
    await store.flush();
    expect(readdirSync(directory)).toEqual([]);
    expect(store.tenants()).toEqual([]);
  });

  it('takes the newer of two versions that a crash left behind', async () => {
    await kept(record('a', '1'));
    const old = readFileSync(join(directory, `a.${key('1')}.tenant`));
    await kept(record('a', '2'));
    writeFileSync(join(directory, `a.${key('1')}.tenant`), old);
    utimesSync(join(directory, `a.${key('1')}.tenant`), 1, 1);
    const store = await opened();
    expect((await store.lastGood('a'))?.key).toBe(key('2'));
    store.save('a', () => record('a', '3'));
    await store.flush();
    expect(readdirSync(directory)).toEqual([`a.${key('3')}.tenant`]);
  });
});

describe('files that are not as they should be', () => {
  const damage = (edit: (bytes: Buffer) => Buffer) => {
    const path = join(directory, `a.${key('1')}.tenant`);
    writeFileSync(path, edit(readFileSync(path)));
  };

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 10)],
    ['empty', () => Buffer.alloc(0)],
    [
      'changed in one bit',
      (bytes) => Buffer.from(bytes.map((byte, at) => (at === bytes.length - 5 ? byte ^ 1 : byte))),
    ],
    ['of another format', (bytes) => Buffer.from(bytes.toString().replace('sluice tenant 1', 'sluice tenant 9'))],
    ['without any line', () => Buffer.from('nonsense')],
  ])('are ignored with a line in the log: %s', async (_, edit) => {
    await kept(record('a', '1'));
    damage(edit);
    const store = await opened();
    expect(await store.cached(key('1'))).toBeNull();
    expect(logged).toEqual(['a kept configuration cannot be used']);
  });

  it('are ignored when they stand under the name of another tenant', async () => {
    await kept(record('a', '1'));
    writeFileSync(join(directory, `b.${key('1')}.tenant`), readFileSync(join(directory, `a.${key('1')}.tenant`)));
    expect(await (await opened()).lastGood('b')).toBeNull();
  });

  it('are left alone when they are foreign, and removed when they are remains of a crash', async () => {
    mkdirSync(directory, { recursive: true });
    for (const name of ['notes.txt', '.tmp-1', 'A.yaml']) writeFileSync(join(directory, name), 'x');
    expect((await opened()).tenants()).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual(['A.yaml', 'notes.txt']);
    expect(logged).toEqual(['unknown files in the state directory']);
  });
});

describe('a disk that cannot be written', () => {
  it('is told of once, counted, and tried again', async () => {
    // A file in the place of the directory fails for every user, root included.
    writeFileSync(root, '');
    const store = await kept(record('a', '1'), record('b', '2'));
    expect(store.unsaved).toBe(2);
    expect(logged).toHaveLength(1);
    rmSync(root);
    store.retry();
    await store.flush();
    expect(store.unsaved).toBe(0);
    expect(readdirSync(directory)).toHaveLength(2);
    expect(logged).toEqual([expect.stringContaining('cannot be used'), 'state directory can be written again']);
  });

  it('keeps the newest of what could not be written', async () => {
    writeFileSync(root, '');
    const store = await kept(record('a', '1'), record('a', '2'));
    rmSync(root);
    store.retry();
    await store.flush();
    expect(readdirSync(directory)).toEqual([`a.${key('2')}.tenant`]);
  });
});
