import { compilePlugin } from '../compile.ts';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { guest } from './guests.ts';
import { RawPlugin } from './raw-plugin.ts';

let hello: string;
let helloConfig: string;
let edges: string;

beforeAll(async () => {
  hello = (await compilePlugin(guest('hello'))).path;
  helloConfig = (await compilePlugin(guest('hello-config'))).path;
  edges = (await compilePlugin(guest('edges'))).path;
}, 60_000);

describe('the module of a small plugin', () => {
  it('takes at most 10 KB, and 16 KB with a configuration', () => {
    expect(readFileSync(hello).length).toBeLessThanOrEqual(10_000);
    expect(readFileSync(helloConfig).length).toBeLessThanOrEqual(16_000);
  });

  it('exports the callbacks that it overrides, and imports what it uses', () => {
    const { imports, exports } = new RawPlugin(hello);
    expect(exports.toSorted()).toEqual([
      '_initialize',
      'memory',
      'proxy_abi_version_0_2_1',
      'proxy_on_configure',
      'proxy_on_context_create',
      'proxy_on_delete',
      'proxy_on_memory_allocate',
      'proxy_on_response_headers',
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

describe('a plugin on an odd host, or of an odd author', () => {
  it('takes an answer that the host has not written for an empty one, not for the answer before it', () => {
    const plugin = new RawPlugin(edges);
    plugin.begin(2);
    expect(plugin.call('proxy_on_request_body', 2, 0, 1)).toBe(0);
  });

  it('makes U+FFFD of half a surrogate pair', () => {
    const plugin = new RawPlugin(edges);
    plugin.begin(2);
    expect(plugin.call('proxy_on_response_headers', 2, 0, 1)).toBe(0);
  });

  it('stops when two exchanges are given the same filter', () => {
    const plugin = new RawPlugin(edges);
    plugin.begin(2);
    plugin.end(2);
    expect(() => plugin.begin(3)).toThrow(WebAssembly.RuntimeError);
  });
});
