import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PluginConfig } from '../config/schema-gateway.ts';
import { MemoryLog } from '../discovery/fixtures.suite.ts';
import { pluginModule } from '../wasm/wat.suite.ts';
import { loadModules } from './modules.ts';

let directory = '';
const bytes = pluginModule({});
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-modules-'));
  writeFileSync(join(directory, 'good.wasm'), bytes);
  writeFileSync(join(directory, 'text.wasm'), 'no module');
  writeFileSync(join(directory, 'unmarked.wasm'), pluginModule({ marker: '' }));
});
afterAll(() => rmSync(directory, { recursive: true }));

function plugin(file: string, more: Partial<PluginConfig> = {}): PluginConfig {
  const fuel = { request: 1, tick: 2, configure: 100_000 };
  return { name: file, source: `file:${join(directory, `${file}.wasm`)}`, limits: { memory: 65_536, fuel }, ...more };
}

describe('the modules of the catalogue', () => {
  it('are loaded with their limits', async () => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const [plain, checked] = await loadModules([plugin('good'), plugin('good', { sha256 })], new MemoryLog());
    expect(plain).toMatchObject({ name: 'good', error: '', fuel: { request: 1, tick: 2, configure: 100_000 } });
    expect(checked!.module).toMatchObject({ digest: sha256, memory: 65_536, abi: '0.2.1' });
  });

  it.each([
    ['missing', {}, /ENOENT.*missing\.wasm/],
    ['text', {}, /text\.wasm/],
    ['unmarked', {}, /no Proxy-Wasm marker/],
    ['good', { sha256: '0'.repeat(64) }, /good\.wasm.*sha256|digest/i],
  ])('that cannot be loaded stop no other one: %s', async (file, more, reason) => {
    const log = new MemoryLog();
    const [bad, good] = await loadModules([plugin(file, more), plugin('good')], log);
    expect(bad).toMatchObject({ module: null, error: expect.stringMatching(reason) });
    expect(good!.error).toBe('');
    expect(log.lines).toMatchObject([
      { level: 'error', message: 'plugin module cannot be loaded', fields: { plugin: file, reason: bad!.error } },
    ]);
  });
});
