import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryLog } from '../../discovery/fixtures.suite.ts';
import { ModuleCache } from './cache.ts';
import { digestOf } from './library.ts';

const [ONE, TWO] = [Buffer.from('one'), Buffer.from('two')];
const pinned = (bytes: Uint8Array) => ({ pin: `sha256:${digestOf(bytes)}`, digest: digestOf(bytes) });

let state = '';
let log: MemoryLog;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  log = new MemoryLog();
});
afterEach(() => rmSync(state, { recursive: true }));

const at = (name: string): string => join(state, 'modules', name);
const files = (): string[] => readdirSync(join(state, 'modules')).sort();

async function open(...plugins: string[]): Promise<ModuleCache> {
  const cache = new ModuleCache(state, log);
  await cache.open(plugins);
  return cache;
}

describe('kept modules', () => {
  it('are there after a restart, one for each plugin', async () => {
    const first = await open('a', 'b');
    expect([first.lastGood('a'), await first.read(digestOf(ONE))]).toEqual([null, null]);
    await first.keep('a', pinned(ONE), ONE);
    await first.keep('b', pinned(ONE), ONE);
    await first.keep('b', pinned(TWO), TWO);
    const second = await open('a', 'b');
    expect([second.lastGood('a'), second.lastGood('b')]).toEqual([pinned(ONE), pinned(TWO)]);
    expect([await second.read(digestOf(ONE)), await second.read(digestOf(TWO))]).toEqual([ONE, TWO]);
    await second.keep('a', pinned(TWO), TWO);
    expect(files()).toEqual(['a.json', 'b.json', `${digestOf(TWO)}.wasm`].sort());
    expect(log.lines).toEqual([]);
  });

  it('go with their plugin', async () => {
    const first = await open('a', 'b');
    await first.keep('a', pinned(ONE), ONE);
    await first.keep('b', pinned(TWO), TWO);
    await open('b');
    expect(files()).toEqual(['b.json', `${digestOf(TWO)}.wasm`].sort());
  });

  it.each<[string, string, string]>([
    ['a module that is not what it was', `${digestOf(ONE)}.wasm`, 'other'],
    ['a record that cannot be read', 'a.json', '{'],
    ['a record of a path', 'a.json', '{"pin":"sha256:../x","digest":"../../x"}'],
  ])('are not there when there is %s', async (_what, name, content) => {
    await (await open('a')).keep('a', pinned(ONE), ONE);
    writeFileSync(at(name), content);
    const cache = await open('a');
    expect(await cache.read(digestOf(ONE))).toBeNull();
    await cache.keep('a', pinned(ONE), ONE);
    expect(readFileSync(at(`${digestOf(ONE)}.wasm`))).toEqual(ONE);
    expect((await open('a')).lastGood('a')).toEqual(pinned(ONE));
  });

  it('are for their user alone, and leave other files in peace', async () => {
    await (await open('a')).keep('a', pinned(ONE), ONE);
    writeFileSync(at('notes.txt'), 'mine');
    await open();
    expect(files()).toEqual(['notes.txt']);
  });

  it('are a loss that is told once, and nothing more, when the disk fails', async () => {
    writeFileSync(join(state, 'modules'), 'a file where the directory belongs');
    const cache = await open('a');
    await cache.keep('a', pinned(ONE), ONE);
    await cache.keep('a', pinned(TWO), TWO);
    expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'fetched modules cannot be kept: a restart needs their servers' },
    ]);
    rmSync(join(state, 'modules'));
    await cache.keep('a', pinned(TWO), TWO);
    expect(log.lines.at(-1)).toMatchObject({ level: 'info', message: 'fetched modules can be kept again' });
    expect((await open('a')).lastGood('a')).toEqual(pinned(TWO));
  });
});
