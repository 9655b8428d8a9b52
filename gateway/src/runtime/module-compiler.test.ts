import { describe, expect, it } from 'vitest';
import { pluginModule } from '../wasm/wat.suite.ts';
import { compileAside } from './module-compiler.ts';

const options = { name: 'x.wasm', memory: 1 << 20, startFuel: 1000 };
const large = (marker?: string): Uint8Array =>
  pluginModule({
    fields: `(data (i32.const 0) "${'x'.repeat(30_000)}")`.repeat(6),
    memory: '8',
    ...(marker === undefined ? {} : { marker }),
  });

describe('a module that is compiled aside', () => {
  it.each([
    ['a small one', pluginModule({})],
    ['a large one', large()],
  ])('can be run: %s', async (_what, bytes) => {
    const module = await compileAside(bytes, options);
    expect(module).toMatchObject({ name: 'x.wasm', abi: '0.2.1', memory: 1 << 20 });
    expect(WebAssembly.Module.exports(module.module).map(({ name }) => name)).toContain('memory');
  });

  it.each([
    ['a small one', pluginModule({ marker: '' })],
    ['a large one', large('')],
  ])('is refused in words: %s', async (_what, bytes) => {
    await expect(compileAside(bytes, options)).rejects.toThrow(/x\.wasm: it has no Proxy-Wasm marker/);
  });
});
