// Two versions of a plugin, which the suites swap.
import { readFileSync } from 'node:fs';
import { compilePlugin } from '../../../sdk/compile.ts';

export type MarkerVersion = 'v1' | 'v2';

/** The modules; each sets `x-version` of responses to its name. Compiled where they are not up to date. */
export async function markerModules(): Promise<Readonly<Record<MarkerVersion, Uint8Array>>> {
  const module = async (version: MarkerVersion): Promise<Uint8Array> => {
    const source = { entry: `assembly/${version}.ts`, output: `build/${version}.wasm` };
    const { path } = await compilePlugin({ folder: import.meta.dirname, ...source });
    return readFileSync(path);
  };
  const [v1, v2] = await Promise.all([module('v1'), module('v2')]);
  return { v1, v2 };
}
