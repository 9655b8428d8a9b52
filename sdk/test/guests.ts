import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** Entry and output of a guest in `test/assembly`, as `compilePlugin` takes them. */
export function guestPath(name: string): [entry: string, output: string] {
  return [join(FOLDER, 'assembly', `${name}.ts`), join(FOLDER, 'build', `${name}.wasm`)];
}
