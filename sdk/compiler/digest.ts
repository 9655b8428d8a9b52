import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { SDK_FOLDER } from '../folder.ts';
import { type CompilerOptions, findCompiler } from './asc.ts';

/** What makes modules, besides the compiler: as it was packed, or its sources, where those are. */
const PARTS = existsSync(join(SDK_FOLDER, 'transform')) ? ['transform', 'compiler'] : ['dist'];

/** A digest of all that a module is made of: sources, description, SDK, options, compiler. */
export function digestOf(folder: string, entry: string, options: CompilerOptions): string {
  const hash = createHash('sha256').update(
    JSON.stringify([findCompiler(folder).version, relative(folder, entry), options]),
  );
  const files = [
    ...sourcesIn(dirname(entry)),
    ...['plugin.json', 'package-lock.json'].map((name) => join(folder, name)),
    ...['assembly', ...PARTS].flatMap((name) => sourcesIn(join(SDK_FOLDER, name))),
    ...['index.ts', 'callbacks.ts', 'asconfig.json', 'package.json'].map((name) => join(SDK_FOLDER, name)),
  ];
  for (const file of files) {
    if (existsSync(file)) hash.update(`\0${relative(folder, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function sourcesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[jt]s$/.test(file));
  return files
    .filter((file) => !/(^|[\\/])node_modules[\\/]/.test(file))
    .sort()
    .map((file) => join(folder, file));
}
