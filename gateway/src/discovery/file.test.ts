import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointRecord, ServiceRef } from '../core/endpoint.ts';
import { LIMITS } from '../core/limits.ts';
import { systemClock } from './clock.ts';
import { FileSource } from './file.ts';
import { endpoint, ListRecorder, ManualClock, MemoryLog } from './fixtures.suite.ts';
import { endpointSourceSuite } from './source.suite.ts';

function ref(name: string, more: Partial<ServiceRef> = {}): ServiceRef {
  return { registry: 'local', namespace: 'public', group: 'DEFAULT_GROUP', name, ...more };
}

function servicesText(services: ReadonlyMap<string, readonly EndpointRecord[]>): string {
  const entries = Array.from(services, ([name, endpoints]) => [
    name,
    { endpoints: endpoints.map(({ address, port, ...rest }) => ({ address: `${address}:${port}`, ...rest })) },
  ]);
  return JSON.stringify({ services: Object.fromEntries(entries) });
}

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'sluice-services-'));
}

/** As editors and operators should do it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

endpointSourceSuite('file', async () => {
  const home = await directory();
  const path = join(home, 'services.yaml');
  const services = new Map<string, readonly EndpointRecord[]>();
  await writeFile(path, servicesText(services));
  const log = new MemoryLog();
  const source = new FileSource({ registry: 'local', path, clock: systemClock, log });
  const read = 'services file read';
  await log.until(read);
  let closed = false;
  return {
    source: {
      subscribe: (of, listener) => source.subscribe(of, listener),
      status: () => source.status(),
      close: () => {
        closed = true;
        return source.close();
      },
    },
    ref: (name) => ref(name),
    set: async (name, endpoints) => {
      services.set(name, endpoints);
      const count = log.matching(read).length;
      await replace(path, servicesText(services));
      if (!closed) await log.until(read, count + 1);
    },
    dispose: async () => {
      await source.close();
      await rm(home, { recursive: true });
    },
  };
});

describe('file source', () => {
  let home: string;
  let path: string;
  let log: MemoryLog;
  let source: FileSource | undefined;

  beforeEach(async () => {
    home = await directory();
    path = join(home, 'services.yaml');
    log = new MemoryLog();
  });

  afterEach(async () => {
    await source?.close();
    await rm(home, { recursive: true });
  });

  function watch(more: Partial<ServiceRef> = {}, clock: ManualClock | typeof systemClock = systemClock): ListRecorder {
    source ??= new FileSource({ registry: 'local', path, clock, log });
    const recorder = new ListRecorder();
    source.subscribe(ref('users', more), recorder.listener);
    return recorder;
  }

  afterEach(() => {
    source = undefined;
  });

  const good = (port: number) => `services: { users: { endpoints: [{ address: "127.0.0.1:${port}" }] } }`;

  it('reads all fields and fills in the defaults', async () => {
    const full = '{ address: "[::1]:9002", weight: 0.5, healthy: false, cluster: east, metadata: { version: v2 } }';
    await writeFile(path, `services:\n  users:\n    endpoints: [{ address: "127.0.0.1:9001" }, ${full}]`);
    expect((await watch().ports([9001, 9002])).endpoints).toEqual([
      endpoint(9001),
      endpoint(9002, { address: '::1', weight: 0.5, healthy: false, cluster: 'east', metadata: { version: 'v2' } }),
    ]);
  });

  it('answers for namespace and group only where the file names them', async () => {
    await writeFile(path, `services: { users: { namespace: a, group: g, endpoints: [{ address: "127.0.0.1:1" }] } }`);
    await watch({ namespace: 'a', group: 'g' }).ports([1]);
    await watch({ namespace: 'b', group: 'g' }).ports([]);
    await watch({ namespace: 'a', group: 'h' }).ports([]);
  });

  it('keeps the last good list while the file is broken, says where, and recovers', async () => {
    await writeFile(path, good(1));
    const users = watch();
    await users.ports([1]);
    await replace(path, 'services:\n  users:\n    endpoints: [{ adress: "127.0.0.1:2" }]');
    await users.ports([1], 'stale');
    expect(source!.status()).toMatchObject({ connected: false, services: [{ state: 'stale', endpoints: 1 }] });
    expect(source!.status().lastError).toMatch(/services\.yaml:3:\d+ services\.users\.endpoints\[0\]/);
    expect(log.matching('cannot be used')).toHaveLength(1);
    await replace(path, good(3));
    await users.ports([3]);
    expect(source!.status()).toMatchObject({ connected: true, lastError: '' });
  });

  it('waits for a file, and for a directory, that is not there yet', async () => {
    const clock = new ManualClock();
    path = join(home, 'later', 'services.yaml');
    const users = watch({}, clock);
    await log.until('cannot be used');
    expect(source!.status()).toMatchObject({ connected: false, services: [{ state: 'pending' }] });
    await mkdir(join(home, 'later'));
    await writeFile(path, good(1));
    await clock.advance(5_000);
    await users.ports([1]);
  });

  it('keeps the last list when the file goes away, and takes the same text again when it is back', async () => {
    await writeFile(path, good(1));
    const users = watch();
    await users.ports([1]);
    await rm(path);
    await users.ports([1], 'stale');
    await writeFile(path, good(1));
    await users.ports([1]);
  });

  it('follows the links of a mounted config map', async () => {
    await mkdir(join(home, '..v1'));
    await mkdir(join(home, '..v2'));
    await writeFile(join(home, '..v1', 'services.yaml'), good(1));
    await writeFile(join(home, '..v2', 'services.yaml'), good(2));
    await symlink('..v1', join(home, '..data'));
    await symlink(join('..data', 'services.yaml'), path);
    const users = watch();
    await users.ports([1]);
    await symlink('..v2', join(home, '..data_tmp'));
    await rename(join(home, '..data_tmp'), join(home, '..data'));
    await users.ports([2]);
  });

  it('refuses a file that is too large, and one that is no file', async () => {
    await writeFile(path, `#${' '.repeat(LIMITS.configFileBytes)}`);
    const users = watch();
    await log.until('is larger than');
    await rm(path);
    await mkdir(path);
    await log.until('EISDIR');
    expect(users.lists).toHaveLength(0);
    await rm(path, { recursive: true });
  });
});
