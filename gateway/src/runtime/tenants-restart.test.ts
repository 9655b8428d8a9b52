import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseGateway } from '../config/parse-gateway.ts';
import { silentLog } from '../core/log.ts';
import { detailsOf } from './parse-result.ts';
import { decodeRecord } from './tenant-record.ts';
import { Recorder, responding, tenant } from './tenants.suite.ts';
import { Tenants } from './tenants.ts';

const GATEWAY = `apiVersion: sluice/v1
listeners: [{ name: h, port: 0 }]
tenants: { directory: tenants }
secrets: { directory: secrets }
state: { directory: state }
plugins: [{ name: key-auth, source: "file:key-auth.wasm" }]
`;

let root: string;
let recorder: Recorder;
let running: Tenants | null = null;

const path = (name: string) => join(root, name);
const write = (name: string, text: string) => writeFileSync(path(name), text);
const keyAuth = (key: string) => `plugins: [{ use: key-auth, config: { keys: [{ key: ${key} }] } }]\n`;

/** A new process as far as the tenants are concerned. */
async function restart({ version = '1.0.0', gateway = GATEWAY } = {}): Promise<Tenants> {
  await running?.close();
  recorder = new Recorder();
  running = new Tenants({
    gateway: parseGateway(path('gateway.yaml'), gateway).config!,
    version,
    listener: recorder,
    log: silentLog,
    settleMs: 10,
    pollMs: 600_000,
    parsing: { threads: 0 },
  });
  await running.start();
  return running;
}

const stored = () => readdirSync(path('state/accepted')).map((name) => name.split('.')[0]);
const statusOf = (tenants: Tenants) => tenants.state().map(({ tenant, status }) => `${tenant} ${status}`);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-restart-'));
  mkdirSync(path('tenants'));
  mkdirSync(path('secrets'));
});
afterEach(async () => {
  await running?.close();
  running = null;
  rmSync(root, { recursive: true, force: true });
});

describe('a restart', () => {
  it('knows again what was accepted, and gives the same configuration', async () => {
    write('tenants/a.yaml', tenant('a', 'A.example.com', responding('hello')));
    write('tenants/b.yaml', tenant('b', 'b.example.com', responding('hello')));
    await restart();
    expect(recorder.known).toEqual(new Set());
    const [first, digests] = [recorder.configs, recorder.digests];
    write('tenants/b.yaml', tenant('b', 'b.example.com', responding('changed')));
    const tenants = await restart();
    expect([...recorder.known]).toEqual(['a']);
    expect(recorder.configs.get('a')).toEqual(first.get('a'));
    expect(Object.isFrozen(recorder.configs.get('a')?.routes[0]?.match)).toBe(true);
    expect(recorder.digests[0]).toBe(digests[0]);
    expect(recorder.configs.get('b')?.routes[0]?.respond?.body).toBe('changed');
    expect(tenants.state()[0]?.config).toMatchObject({
      tenant: 'a',
      domains: ['A.example.com'],
      tagHeader: 'x-mse-tag',
    });
  });

  it.each([
    ['another version of the gateway', { version: '1.0.1' }],
    ['another registry', { gateway: `${GATEWAY}registries: { other: { type: file, path: services.yaml } }\n` }],
  ])('parses everything anew under %s', async (_, change) => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await restart();
    await restart(change);
    expect(recorder.told).toEqual(['tenant a: a.example.com']);
    expect(recorder.known).toEqual(new Set());
    await restart(change);
    expect([...recorder.known]).toEqual(['a']);
    expect(stored()).toEqual(['a']);
  });

  it('knows again under another catalogue what uses nothing that is gone', async () => {
    write('secrets/x', 'x');
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    write('tenants/b.yaml', tenant('b', 'b.example.com', keyAuth('x')));
    await restart();
    await restart({
      gateway: GATEWAY.replace('[{ name: key-auth', '[{ name: other, source: "file:o.wasm" }, { name: key-auth'),
    });
    expect([...recorder.known]).toEqual(['a', 'b']);
    await restart({ gateway: GATEWAY.replace('name: key-auth', 'name: other') });
    expect([...recorder.known]).toEqual(['a']);
    expect(recorder.told.at(-1)).toMatch(/^broken b.*there is no plugin "key-auth" in the catalogue/);
  });

  it('parses anew what is kept in a damaged file', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await restart();
    await running?.close();
    const [name] = readdirSync(path('state/accepted'));
    write(`state/accepted/${name}`, 'damaged');
    await restart();
    expect(recorder.told).toEqual(['tenant a: a.example.com']);
    expect(recorder.known).toEqual(new Set());
    await restart();
    expect([...recorder.known]).toEqual(['a']);
  });

  it('knows a file that was renamed', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    await restart();
    renameSync(path('tenants/a.yaml'), path('tenants/z.yaml'));
    await restart();
    expect([...recorder.known]).toEqual(['a']);
    write('tenants/z.yaml', '[');
    await restart();
    expect(recorder.told[0]).toBe('tenant a: a.example.com');
  });

  it('keeps nothing without a state directory', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com'));
    const gateway = GATEWAY.replace(/state:.*\n/, '');
    await restart({ gateway });
    write('tenants/a.yaml', 'tenant: a\ndomains: [a.example.com]\nrutes: []\n');
    await restart({ gateway });
    expect(recorder.told).toEqual(['broken a: a.example.com (down) unknown key']);
    expect(readdirSync(root)).not.toContain('state');
  });
});

describe('the last good version', () => {
  beforeEach(async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', responding('good')));
    write('tenants/b.yaml', tenant('b', 'b.example.com'));
    await restart();
  });

  it.each([
    ['that misses a key', 'tenant: a\ndomains: [a.example.com]\nrutes: []\n', 'unknown key'],
    ['whose name cannot be read', '[', 'the bracket of 1:1 does not close'],
    ['that is empty', '', 'the file is empty'],
    ['with another name', 'tenant: other\nrutes: []\n', 'the key domains is missing'],
  ])('serves for a broken file %s', async (_, text, problem) => {
    write('tenants/a.yaml', text);
    const tenants = await restart();
    expect(recorder.told).toEqual([
      'tenant a: a.example.com',
      'tenant b: b.example.com',
      expect.stringContaining(`broken a: a.example.com (last good) ${problem}`),
    ]);
    expect(recorder.configs.get('a')?.routes[0]?.respond?.body).toBe('good');
    expect(statusOf(tenants)).toEqual(['a serving-last-good', 'b ok']);
    expect(tenants.state()[0]?.config).toMatchObject({ domains: ['a.example.com'] });
    write('tenants/a.yaml', tenant('a', 'a.example.com', responding('mended')));
    await recorder.until('tenant a: a.example.com', 3);
    expect(statusOf(tenants)).toEqual(['a ok', 'b ok']);
  });

  it('serves for a file that cannot be read', async () => {
    rmSync(path('tenants/a.yaml'));
    mkdirSync(path('tenants/a.yaml'));
    await restart();
    expect(recorder.told[0]).toBe('tenant a: a.example.com');
    expect(recorder.told[2]).toBe('broken a: a.example.com (last good) this is not a regular file');
  });

  it('stays over further restarts, also of another version of the gateway', async () => {
    write('tenants/a.yaml', '[');
    for (const version of ['1.0.0', '2.0.0', '2.0.0', '3.0.0']) {
      await restart({ version });
      expect(recorder.told[0]).toBe('tenant a: a.example.com');
    }
  });

  it('is not served when the gateway does not accept it any more', async () => {
    write('tenants/a.yaml', tenant('a', 'a.example.com', keyAuth('x')));
    await running!.reload();
    write('tenants/a.yaml', 'tenant: a\ndomains: [a.example.com]\nrutes: []\n');
    const gateway = GATEWAY.replace('name: key-auth', 'name: other');
    await restart({ gateway });
    expect(recorder.told.at(-1)).toBe('broken a: a.example.com (down) unknown key');
    // It is kept all the same: the catalogue may come back.
    await restart();
    expect(recorder.told[0]).toBe('tenant a: a.example.com');
  });

  it('keeps its domains against newcomers, as if there had been no restart', async () => {
    write('tenants/a.yaml', 'tenant: a\nrutes: []\n');
    write('tenants/0.yaml', tenant('new', 'new.example.com, a.example.com'));
    await restart();
    expect(recorder.told).toEqual([
      'tenant a: a.example.com',
      'tenant b: b.example.com',
      expect.stringMatching(
        /^broken new: new.example.com \(down\) the domain a.example.com already belongs to tenant a/,
      ),
      expect.stringContaining('broken a: a.example.com (last good)'),
    ]);
  });

  it('serves a tenant whose new version claims a domain of another one', async () => {
    write('tenants/b.yaml', tenant('b', 'b2.example.com, a.example.com'));
    const tenants = await restart();
    expect(statusOf(tenants)).toEqual(['a ok', 'b serving-last-good']);
    expect(recorder.told.filter((line) => line.startsWith('tenant'))).toEqual([
      'tenant a: a.example.com',
      'tenant b: b.example.com',
    ]);
    expect(recorder.told.at(-1)).toMatch(/^broken b: b.example.com \(last good\) the domain a.example.com already/);
  });

  it('serves a tenant whose new version the listener refuses', async () => {
    write('tenants/a.yaml', tenant('a', 'a2.example.com'));
    await running!.close();
    running = null;
    const refusing = new Recorder();
    Object.defineProperty(refusing, 'onTenant', {
      value(name: string, config: { domains: string[] }, meta: never) {
        if (config.domains.includes('a2.example.com')) throw new Error('no room');
        return Recorder.prototype.onTenant.call(this, name, config as never, meta);
      },
    });
    running = new Tenants({
      gateway: parseGateway(path('gateway.yaml'), GATEWAY).config!,
      version: '1.0.0',
      listener: refusing,
      log: silentLog,
      parsing: { threads: 0 },
    });
    await running.start();
    expect(refusing.told.at(-1)).toBe('broken a: a.example.com (last good) cannot be built: no room');
    expect(refusing.configs.get('a')?.domains).toEqual(['a.example.com']);
  });

  it('stays with the file that it came from, whatever another one says of the tenant', async () => {
    write('tenants/a.yaml', 'tenant: a\nrutes: []\n');
    write('tenants/c.yaml', tenant('a', 'c.example.com'));
    await restart();
    expect(recorder.told[0]).toBe('tenant a: a.example.com');
    expect(recorder.told.at(-1)).toContain('the tenant a is already defined in');
  });

  it('follows the tenant to another file when its own is gone', async () => {
    rmSync(path('tenants/a.yaml'));
    write('tenants/c.yaml', 'tenant: a\nrutes: []\n');
    await restart();
    expect(recorder.told[0]).toBe('tenant a: a.example.com');
    expect(recorder.told.at(-1)).toBe('broken a: a.example.com (last good) the key domains is missing');
  });

  it('goes with its file, also when that is deleted while the gateway is down', async () => {
    rmSync(path('tenants/a.yaml'));
    await restart();
    expect(recorder.told).toEqual(['tenant b: b.example.com']);
    rmSync(path('tenants/b.yaml'));
    await running!.reload();
    expect(recorder.told.at(-1)).toBe('removed b');
    await running!.close();
    expect(stored()).toEqual([]);
    write('tenants/a.yaml', 'tenant: a\ndomains: [a.example.com]\nrutes: []\n');
    await restart();
    expect(recorder.told).toEqual(['broken a: a.example.com (down) unknown key']);
  });

  it('serves for all tenants while their directory is away, until it is back', async () => {
    renameSync(path('tenants'), path('elsewhere'));
    const tenants = await restart();
    expect(statusOf(tenants)).toEqual(['a serving-last-good', 'b serving-last-good']);
    expect(recorder.told.filter((line) => line.startsWith('tenant'))).toEqual([
      'tenant a: a.example.com',
      'tenant b: b.example.com',
    ]);
    expect(recorder.told.at(-1)).toMatch(/^broken b: b.example.com \(last good\) the directory of the tenants cannot/);
    renameSync(path('elsewhere'), path('tenants'));
    rmSync(path('tenants/b.yaml'));
    await tenants.reload();
    expect(statusOf(tenants)).toEqual(['a ok']);
    expect(recorder.told.slice(4)).toEqual(['removed b', 'tenant a: a.example.com']);
    expect([...recorder.known]).toEqual(['a']);
  });
});

describe('secrets', () => {
  /** All files of the state directory, as they are and unpacked. */
  const everything = () =>
    readdirSync(path('state/accepted')).map((name) => {
      const bytes = readFileSync(path(join('state/accepted', name)));
      return `${bytes.toString('latin1')} ${JSON.stringify(detailsOf(decodeRecord(bytes)!.details))}`;
    });
  const holds = (value: string) => everything().some((text) => text.includes(value));

  beforeEach(() => {
    write('secrets/app-key', 's3cret-one\n');
    write('tenants/a.yaml', tenant('a', 'a.example.com', keyAuth('{ secret: app-key }')));
    write('tenants/b.yaml', tenant('b', 'b.example.com', responding('{ secret: app-key }')));
  });

  const keyOf = (name: string) => JSON.stringify(recorder.configs.get(name)?.plugins[0]?.config);

  it('are never written, and are put in again after a restart, as they are then', async () => {
    await restart();
    await running!.close();
    expect(everything()).toHaveLength(2);
    expect([holds('s3cret-one'), holds('app-key'), holds('b.example.com')]).toEqual([false, true, true]);
    write('secrets/app-key', 's3cret-two\n');
    await restart();
    expect(keyOf('a')).toBe('{"keys":[{"key":"s3cret-two"}]}');
    expect(recorder.configs.get('b')?.routes[0]?.respond?.body).toBe('s3cret-two');
    // What the schema has to check is checked again.
    expect([...recorder.known]).toEqual(['a']);
    await running!.close();
    expect(holds('s3cret-two')).toBe(false);
  });

  it('are put into the last good version', async () => {
    await restart();
    for (const name of ['a', 'b']) write(`tenants/${name}.yaml`, `tenant: ${name}\nrutes: []\n`);
    write('secrets/app-key', 's3cret-two\n');
    await restart();
    expect(keyOf('a')).toBe('{"keys":[{"key":"s3cret-two"}]}');
    expect(recorder.configs.get('b')?.routes[0]?.respond?.body).toBe('s3cret-two');
    expect(holds('s3cret')).toBe(false);
  });

  it('that are missing at a restart are problems with their place, and nothing can be served', async () => {
    await restart();
    rmSync(path('secrets/app-key'));
    const tenants = await restart();
    expect(recorder.told).toEqual([
      'broken a: a.example.com (down) the secret app-key is missing or unreadable',
      'broken b: b.example.com (down) the secret app-key is missing or unreadable',
    ]);
    expect(tenants.state()[0]?.problems[0]).toMatchObject({ line: 3, key: 'plugins[0].config.keys[0].key' });
    write('secrets/app-key', 's3cret-three');
    await tenants.reload();
    expect(keyOf('a')).toBe('{"keys":[{"key":"s3cret-three"}]}');
    expect(statusOf(tenants)).toEqual(['a ok', 'b ok']);
  });

  it('that change while it runs leave the former configuration as it was', async () => {
    await restart();
    const before = recorder.configs.get('a')!;
    const from = recorder.lines.length;
    write('secrets/app-key', 's3cret-two\n');
    await recorder.until('tenant a: a.example.com', from);
    await recorder.until('tenant b: b.example.com', from);
    expect(keyOf('a')).toBe('{"keys":[{"key":"s3cret-two"}]}');
    expect(JSON.stringify(before)).toContain('s3cret-one');
  });
});
