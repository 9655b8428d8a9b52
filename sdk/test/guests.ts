import type { PluginSource } from '../compile.ts';

/** A guest of `test/assembly`, as `compilePlugin` takes it. */
export function guest(name: string): PluginSource {
  return { folder: import.meta.dirname, entry: `assembly/${name}.ts`, output: `build/${name}.wasm` };
}
