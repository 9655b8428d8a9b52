import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CataloguedPlugin } from '../config/rules.ts';
import type { PluginConfig } from '../config/schema-plugin.ts';
import { MemoryLog } from '../discovery/fixtures.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { Catalogue, type CatalogueFollower } from './catalogue.ts';
import type { CatalogueModule } from './feed.ts';
import type { AcceptModule } from './modules/entry.ts';

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

/** What tenants may use, as it was told, and who runs what. */
let offers: string[] = [];
const running = new Map<string, string[]>();
beforeEach(() => {
  offers = [];
  running.clear();
});

function follower(accept: AcceptModule): CatalogueFollower {
  const shown = ({ name, awaited }: CataloguedPlugin) => (awaited === true ? `(${name})` : name);
  return {
    accept,
    remove: (name) => running.get(name) ?? [],
    offer: (plugins) => void offers.push(plugins.map(shown).join(' ')),
  };
}

async function load(...plugins: PluginConfig[]): Promise<Catalogue> {
  return (catalogue = await Catalogue.load({ plugins, log, settleMs: 5, pollMs: 20 }));
}

describe('the modules of the catalogue', () => {
  it('are loaded with what the operator grants them', async () => {
    const { modules } = await load(plugin('good'), plugin('good', { name: 'pinned', sha256: digestOf(ONE) }));
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
    (await load(plugin('good'))).follow(follower(accept));
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
    loaded.follow(follower(accept));
    await eventually(() => state().module!.digest).toBe(digestOf(TWO));
  });

  it.each<[string, Partial<PluginConfig>, () => void, RegExp]>([
    ['is none any more', {}, () => write('good', 'text'), /not a WebAssembly module/],
    ['has another digest', { sha256: digestOf(ONE) }, () => write('good', TWO), /SHA-256/],
    ['is gone', {}, () => rmSync(join(directory, 'good.wasm')), /ENOENT/],
    ['is refused by those who use it', {}, () => write('good', TWO), /not with me/],
  ])('and %s leaves the former one in force', async (_what, more, change, reason) => {
    refusal = 'not with me';
    (await load(plugin('good', more))).follow(follower(accept));
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
    (await load(plugin('good'))).follow(follower(accept));
    write('good', TWO);
    await eventually(() => state().refusal).toBe('not yet');
    refusal = '';
    await eventually(() => accepted).toEqual([digestOf(TWO)]);
    await eventually(() => state().refusal).toBe('');
    expect(state().loads).toEqual({ success: 2, failure: 1 });
  });

  it('is not offered again because something else in its directory changes', async () => {
    let tries = 0;
    const loaded = await Catalogue.load({ plugins: [plugin('good')], log, settleMs: 5, pollMs: 600_000 });
    catalogue = loaded;
    const refuse = async (): Promise<void> => {
      tries++;
      throw new Error('not with me');
    };
    loaded.follow(follower(refuse));
    write('good', TWO);
    await eventually(() => tries).toBe(1);
    loaded.change([plugin('good'), plugin('marker')]);
    write('marker', THREE);
    // Its own refusal tells that this look at the directory has ended.
    await eventually(() => loaded.modules[1]!.error).toBe('not with me');
    write('other', THREE);
    write('marker', ONE);
    await eventually(() => tries).toBeGreaterThan(2);
    expect(tries).toBe(3);
    await loaded.reload();
    expect(tries).toBe(5);
  });

  it('and that cannot be used is told of until it can, whatever else changes', async () => {
    const granted: number[] = [];
    const loaded = await load(plugin('good'));
    loaded.follow(follower(async ({ bodyLimit }) => void granted.push(bodyLimit)));
    write('good', 'text');
    await eventually(() => state().refusal).toMatch(/not a WebAssembly module/);
    const { limits } = plugin('good');
    loaded.change([plugin('good', { limits: { ...limits, body: 2048 } })]);
    await eventually(() => granted).toEqual([2048]);
    await loaded.reload();
    expect(state()).toMatchObject({
      refusal: expect.stringMatching(/not a WebAssembly module/),
      loads: { failure: 1 },
    });
    write('good', ONE);
    await eventually(() => state().refusal).toBe('');
    expect(granted).toEqual([2048]);
  });

  it('comes into force where there was none', async () => {
    (await load(plugin('late'))).follow(follower(accept));
    expect(state().error).toMatch(/ENOENT/);
    write('late', TWO);
    await eventually(() => accepted).toEqual([digestOf(TWO)]);
    await eventually(() => state()).toMatchObject({ error: '', refusal: '' });
  });

  it('is read at once when that is asked for', async () => {
    const loaded = await Catalogue.load({ plugins: [plugin('good')], log, settleMs: 600_000, pollMs: 600_000 });
    catalogue = loaded;
    loaded.follow(follower(accept));
    write('good', TWO);
    await loaded.reload();
    expect(accepted).toEqual([digestOf(TWO)]);
    await loaded.reload();
    expect(accepted).toHaveLength(1);
  });

  it('is of no interest after the end', async () => {
    const loaded = await load(plugin('good'));
    loaded.follow(follower(accept));
    await loaded.close();
    write('good', TWO);
    await loaded.reload();
    expect(accepted).toEqual([]);
  });
});

describe('a plugin that comes to a running gateway', () => {
  const eventually = <T>(look: () => T) => expect.poll(look, { interval: 2, timeout: 8000 });
  const names = () => catalogue!.modules.map(({ name }) => name);

  it('may be used from when its module is in force', async () => {
    const { promise: trial, resolve } = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    (await load(plugin('good'))).follow(
      follower(async ({ name }) => {
        if (name !== 'more') return;
        started.resolve();
        await trial;
      }),
    );
    write('more', TWO);
    catalogue!.change([plugin('more'), plugin('good')]);
    await started.promise;
    expect([names(), offers]).toEqual([['more', 'good'], ['(more) good']]);
    expect(catalogue!.modules[0]).toMatchObject({ module: null, added: true, awaited: false });
    resolve();
    await eventually(() => offers).toEqual(['(more) good', 'more good']);
    await eventually(() => catalogue!.modules[0]!.module?.digest).toBe(digestOf(TWO));
  });

  it('is not to be used while there is no module', async () => {
    (await load()).follow(follower(async () => {}));
    catalogue!.change([plugin('late')]);
    await eventually(() => catalogue!.modules[0]!.error).toMatch(/ENOENT/);
    expect(offers).toEqual(['(late)']);
    write('late', ONE);
    await eventually(() => offers).toEqual(['(late)', 'late']);
  });

  /** A plugin `good` that was given up while its module is tried, until `resolve`. */
  async function giveUpWhileTried() {
    const { promise: trial, resolve } = Promise.withResolvers<void>();
    const asked: string[] = [];
    const removed: string[] = [];
    (await load()).follow({
      ...follower(async ({ name }) => {
        asked.push(name);
        await trial;
      }),
      remove: (name) => {
        removed.push(name);
        return [];
      },
    });
    catalogue!.change([plugin('good')]);
    await eventually(() => asked).toEqual(['good']);
    catalogue!.change([]);
    return { removed, resolve };
  }

  it('that was given up while its module was tried leaves nothing behind', async () => {
    const { removed, resolve } = await giveUpWhileTried();
    expect([names(), removed]).toEqual([[], ['good']]);
    resolve();
    await eventually(() => removed).toEqual(['good', 'good']);
    expect(offers).toEqual(['(good)', '']);
  });

  it('is not to be used because of the module of one of its name that was given up before', async () => {
    const { removed, resolve } = await giveUpWhileTried();
    catalogue!.change([plugin('late', { name: 'good' })]);
    resolve();
    await eventually(() => removed).toEqual(['good', 'good']);
    expect(offers).toEqual(['(good)', '', '(good)']);
  });
});

describe('a plugin that is asked for no more', () => {
  it('goes when nobody runs it', async () => {
    (await load(plugin('good'), plugin('bad'))).follow(follower(async () => {}));
    catalogue!.change([plugin('good')]);
    expect(catalogue!.modules.map(({ name }) => name)).toEqual(['good']);
    expect(offers).toEqual(['good']);
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', message: 'plugin removed', fields: { plugin: 'bad' } });
  });

  it('stays for those who run it, says who they are, and may come back', async () => {
    write('bad', TWO);
    (await load(plugin('good'), plugin('bad'))).follow(follower(async () => {}));
    running.set('bad', ['', 'a', 'b', 'c', 'd', 'e', 'f']);
    catalogue!.change([plugin('good')]);
    const reason = "gone from gateway.yaml, and still run by the gateway's own chain, a, b, c, d and 2 more";
    expect(catalogue!.modules[1]).toMatchObject({ name: 'bad', refusal: reason, module: { digest: digestOf(TWO) } });
    catalogue!.sweep();
    expect(log.lines.filter(({ message }) => message === 'plugin stays until nobody runs it')).toMatchObject([
      { level: 'warn', fields: { plugin: 'bad', reason } },
    ]);
    catalogue!.change([plugin('good'), plugin('bad')]);
    expect(catalogue!.modules[1]).toMatchObject({ name: 'bad', refusal: '' });
    running.set('bad', ['a']);
    catalogue!.change([plugin('good')]);
    expect(catalogue!.modules[1]!.refusal).toBe('gone from gateway.yaml, and still run by a');
    running.delete('bad');
    catalogue!.sweep();
    expect(catalogue!.modules.map(({ name }) => name)).toEqual(['good']);
    expect(offers).toEqual(['good', 'good bad', 'good']);
  });
});
