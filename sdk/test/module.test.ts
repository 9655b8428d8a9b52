import { compilePlugin, PluginCompileError } from '../compile.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { guestPath } from './guests.ts';
import { RawPlugin } from './raw-plugin.ts';

let hello: string;
let helloConfig: string;

beforeAll(async () => {
  hello = (await compilePlugin(...guestPath('hello'))).path;
  helloConfig = (await compilePlugin(...guestPath('hello-config'))).path;
}, 60_000);

describe('the module of a small plugin', () => {
  it('takes at most 10 KB, and 16 KB with a configuration', () => {
    expect(readFileSync(hello).length).toBeLessThanOrEqual(10_000);
    expect(readFileSync(helloConfig).length).toBeLessThanOrEqual(16_000);
  });

  it('exports every callback but those of bodies, and imports what it uses', () => {
    const { imports, exports } = new RawPlugin(hello);
    expect(exports.toSorted()).toEqual([
      '_initialize',
      'memory',
      'proxy_abi_version_0_2_1',
      'proxy_on_configure',
      'proxy_on_context_create',
      'proxy_on_delete',
      'proxy_on_done',
      'proxy_on_http_call_response',
      'proxy_on_log',
      'proxy_on_memory_allocate',
      'proxy_on_request_headers',
      'proxy_on_response_headers',
      'proxy_on_tick',
      'proxy_on_vm_start',
    ]);
    expect(imports.toSorted()).toEqual([
      'env.proxy_get_buffer_bytes',
      'env.proxy_get_log_level',
      'env.proxy_log',
      'env.proxy_replace_header_map_value',
      'env.proxy_set_effective_context',
    ]);
  });
});

describe('memory', () => {
  it('stays flat over 1 000 000 exchanges', () => {
    const plugin = new RawPlugin(helloConfig);
    for (let id = 2; id < 1002; id++) {
      plugin.begin(id);
      plugin.end(id);
    }
    const before = plugin.memoryBytes;
    for (let id = 1002; id < 1_000_002; id++) {
      plugin.begin(id);
      plugin.end(id);
    }
    expect(plugin.memoryBytes).toBe(before);
    expect(before).toBe(64 * 1024);
  }, 60_000);

  it('holds 20 000 exchanges at once, ended in any order, and gives the room back to the next ones', () => {
    const plugin = new RawPlugin(helloConfig);
    const round = (from: number): number => {
      const ids = Array.from({ length: 20_000 }, (_, i) => from + i);
      for (const id of ids) plugin.begin(id);
      for (const id of ids) if (id % 3 === 0) plugin.end(id);
      for (const id of ids.toReversed()) if (id % 3 !== 0) plugin.end(id);
      return plugin.memoryBytes;
    };
    const first = round(2);
    for (let i = 1; i < 5; i++) expect(round(2 + i * 20_000)).toBe(first);
    expect(first).toBeLessThan(8 * 1024 * 1024);
  });

  it('takes callbacks for contexts it does not know', () => {
    const plugin = new RawPlugin(helloConfig);
    for (const id of [0, 7, 0xffff_ffff]) plugin.end(id);
    expect(plugin.call('proxy_on_request_headers', 7, 1, 1)).toBe(0);
    expect(plugin.call('proxy_on_configure', 7, 0)).toBe(0);
    plugin.call('proxy_on_context_create', 9, 8);
    expect(plugin.call('proxy_on_response_headers', 9, 1, 1)).toBe(0);
  });
});

describe('compilePlugin', () => {
  const scratch = join(dirname(fileURLToPath(import.meta.url)), 'build');

  function withSource(source: string, run: (entry: string, output: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(scratch, 'compile-'));
    const entry = join(folder, 'plugin.ts');
    writeFileSync(entry, source);
    return run(entry, join(folder, 'out', 'plugin.wasm')).finally(() => rmSync(folder, { recursive: true }));
  }

  const minimal = "export { proxy_abi_version_0_2_1 } from '@sluice/plugin-sdk/exports';\n";

  it(
    'compiles once, and again when a source has changed',
    () =>
      withSource(minimal, async (entry, output) => {
        expect((await compilePlugin(entry, output)).compiled).toBe(true);
        expect((await compilePlugin(entry, output)).compiled).toBe(false);
        writeFileSync(join(dirname(entry), 'other.ts'), '');
        expect((await compilePlugin(entry, output)).compiled).toBe(true);
        rmSync(output);
        expect((await compilePlugin(entry, output)).compiled).toBe(true);
      }),
    60_000,
  );

  it(
    "reports the author's own line and leaves no module behind",
    () =>
      withSource(`${minimal}const answer: i32 = 'forty-two';\nanswer;\n`, async (entry, output) => {
        const error: unknown = await compilePlugin(entry, output).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(PluginCompileError);
        expect((error as Error).message).toMatch(/const answer: i32 = 'forty-two'[\s\S]*plugin\.ts\(2,21\)/);
        expect(() => readFileSync(output)).toThrow('ENOENT');
      }),
    60_000,
  );
});
