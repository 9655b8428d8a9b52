import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PluginConfig } from '../config/schema-plugin.ts';
import { MemoryLog } from '../discovery/fixtures.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { Catalogue } from './catalogue.ts';
import type { CatalogueModule } from './feed.ts';

/** Modules that differ in a number. */
const moduleOf = (n: number): Uint8Array =>
  pluginModule({ fields: `(global (export "version") i32 (i32.const ${n}))` });
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const [ONE, TWO, THREE] = [moduleOf(1), moduleOf(2), moduleOf(3)];

let directory = '';
let log: MemoryLog;
let catalogue: Catalogue | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-modules-'));
  log = new MemoryLog();
  write('good', ONE);
});
afterEach(async () => {
  await catalogue?.close();
  catalogue = null;
  rmSync(directory, { recursive: true });
});

function write(name: string, content: Uint8Array | string): void {
  writeFileSync(join(directory, 'new'), content);
  renameSync(join(directory, 'new'), join(directory, `${name}.wasm`));
}

function plugin(file: string, more: Partial<PluginConfig> = {}): PluginConfig {
  const fuel = { request: 1, bodyByte: 0, tick: 2, configure: 100_000 };
  const limits = { memory: 65_536, body: 1024, pause: 1000, fuel };
  const allow = {
    services: ['a/auth'],
    tenantServices: true,
    environment: {},
    hostCalls: { deny: [] },
    clock: 'precise' as const,
  };
  const source = `file:${join(directory, `${file}.wasm`)}`;
  return { name: file, source, limits, allow, ...more };
}

async function load(...plugins: PluginConfig[]): Promise<Catalogue> {
  return (catalogue = await Catalogue.load({ plugins, log, settleMs: 5, pollMs: 20 }));
}

describe('the modules of the catalogue', () => {
  it('are loaded with what the operator grants them', async () => {
    const { modules } = await load(plugin('good'), plugin('good', { sha256: digestOf(ONE) }));
    expect(modules[0]).toMatchObject({
      name: 'good',
      source: join(directory, 'good.wasm'),
      error: '',
      fuel: { request: 1, tick: 2, configure: 100_000 },
      bodyLimit: 1024,
      pauseMs: 1000,
      recycleBytes: 49_152,
      permissions: { services: ['a/auth'], properties: null, hostCalls: { allow: null, deny: [] } },
      loads: { success: 1, failure: 0 },
    });
    expect(modules[1]!.module).toMatchObject({ digest: digestOf(ONE), memory: 65_536, abi: '0.2.1' });
  });

  it.each<[string, string | Uint8Array | null, Partial<PluginConfig>, RegExp]>([
    ['missing', null, {}, /ENOENT.*bad\.wasm/],
    ['text', 'no module', {}, /bad\.wasm.*not a WebAssembly module/],
    ['unmarked', pluginModule({ marker: '' }), {}, /no Proxy-Wasm marker/],
    ['another', ONE, { sha256: '0'.repeat(64) }, /bad\.wasm.*SHA-256/],
  ])('that cannot be loaded stop no other one: %s', async (_what, content, more, reason) => {
    if (content !== null) write('bad', content);
    const { modules } = await load(plugin('bad', more), plugin('good'));
    const [bad, good] = modules;
    expect(bad).toMatchObject({ module: null, error: expect.stringMatching(reason), refusal: '', loadedAt: 0 });
    expect(good!.error).toBe('');
    expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'plugin module cannot be loaded', fields: { plugin: 'bad', reason: bad!.error } },
    ]);
  });
});

describe('a module file that changes', () => {
  let accepted: string[];
  /** Why modules are refused, or '' . */
  let refusal: string;
  beforeEach(() => {
    accepted = [];
    refusal = '';
  });

  const accept = async ({ module }: CatalogueModule): Promise<void> => {
    if (refusal !== '') throw new Error(refusal);
    accepted.push(module!.digest);
  };
  const state = () => catalogue!.modules[0]!;
  const eventually = <T>(look: () => T) => expect.poll(look, { interval: 2, timeout: 8000 });

  it('is put in force, once', async () => {
    (await load(plugin('good'))).follow(accept);
    write('good', TWO);
    await eventually(() => accepted).toEqual([digestOf(TWO)]);
    await eventually(() => state().module!.digest).toBe(digestOf(TWO));
    expect(state()).toMatchObject({ refusal: '', loads: { success: 2, failure: 0 } });
    write('good', TWO);
    write('good', THREE);
    await eventually(() => accepted).toEqual([digestOf(TWO), digestOf(THREE)]);
  });

  it('between start and watch is not missed', async () => {
    const loaded = await load(plugin('good'));
    write('good', TWO);
    loaded.follow(accept);
    await eventually(() => state().module!.digest).toBe(digestOf(TWO));
  });

  it.each<[string, Partial<PluginConfig>, () => void, RegExp]>([
    ['is none any more', {}, () => write('good', 'text'), /not a WebAssembly module/],
    ['has another digest', { sha256: digestOf(ONE) }, () => write('good', TWO), /SHA-256/],
    ['is gone', {}, () => rmSync(join(directory, 'good.wasm')), /ENOENT/],
    ['is refused by those who use it', {}, () => write('good', TWO), /not with me/],
  ])('and %s leaves the former one in force', async (_what, more, change, reason) => {
    refusal = 'not with me';
    (await load(plugin('good', more))).follow(accept);
    change();
    await eventually(() => state().refusal).toMatch(reason);
    expect(state()).toMatchObject({ error: '', loads: { success: 1, failure: 1 } });
    expect(state().module!.digest).toBe(digestOf(ONE));
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      message: 'changed plugin module refused; the former one stays in force',
    });
    write('good', ONE);
    await eventually(() => state().refusal).toBe('');
    expect([accepted, state().loads]).toEqual([[], { success: 1, failure: 1 }]);
  });

  it('is offered again to those who refused it', async () => {
    refusal = 'not yet';
    (await load(plugin('good'))).follow(accept);
    write('good', TWO);
    await eventually(() => state().refusal).toBe('not yet');
    refusal = '';
    await eventually(() => accepted).toEqual([digestOf(TWO)]);
    await eventually(() => state().refusal).toBe('');
    expect(state().loads).toEqual({ success: 2, failure: 1 });
  });

  it('comes into force where there was none', async () => {
    (await load(plugin('late'))).follow(accept);
    expect(state().error).toMatch(/ENOENT/);
    write('late', TWO);
    await eventually(() => accepted).toEqual([digestOf(TWO)]);
    await eventually(() => state()).toMatchObject({ error: '', refusal: '' });
  });

  it('is read at once when that is asked for', async () => {
    const loaded = await Catalogue.load({ plugins: [plugin('good')], log, settleMs: 600_000, pollMs: 600_000 });
    catalogue = loaded;
    loaded.follow(accept);
    write('good', TWO);
    await loaded.reload();
    expect(accepted).toEqual([digestOf(TWO)]);
    await loaded.reload();
    expect(accepted).toHaveLength(1);
  });

  it('is of no interest after the end', async () => {
    const loaded = await load(plugin('good'));
    loaded.follow(accept);
    await loaded.close();
    write('good', TWO);
    await loaded.reload();
    expect(accepted).toEqual([]);
  });
});
