import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PluginCompileError, runCompiler } from './compiler/asc.ts';
import { digestOf } from './compiler/digest.ts';
import { customSection, type ModuleSection, sectionsOf } from './compiler/sections.ts';
import { descriptionFile, MANIFEST_SECTION, type PluginManifest, readDescription } from './transform/manifest.ts';

export { type ModuleSection, PluginCompileError, type PluginManifest };

export interface PluginSource {
  /** Holds `plugin.json` and the sources; messages name files relative to it. */
  readonly folder: string;
  /** The entry file; everything in its folder counts as source. Default `assembly/plugin.ts`. */
  readonly entry?: string;
  /** The `.wasm` file; a `.digest` file is kept beside it. Default `build/<name>.wasm` by the name in `plugin.json`. */
  readonly output?: string;
  /** False: quick to make, large and slow. Default true. */
  readonly optimize?: boolean;
  /** The module keeps the names of its functions. Default false. */
  readonly debug?: boolean;
  /** Ends the compiler when it aborts; the promise then rejects. */
  readonly signal?: AbortSignal;
}

export interface CompiledPlugin {
  /** The module's file. */
  readonly path: string;
  /** Bytes of the module. */
  readonly size: number;
  /** False: the file was there and nothing had changed since. */
  readonly compiled: boolean;
  /** What the compiler has to say about a module it has made, usually nothing. */
  readonly warnings: string;
  /** What the module says of itself; null without a `plugin.json`, which only sources with an `entry` of their own may lack. */
  readonly manifest: PluginManifest | null;
  /** What its bytes are, in their order. */
  readonly sections: readonly ModuleSection[];
}

/**
 * Compiles an AssemblyScript plugin with the options of the SDK's `asconfig.json`, unless the output was made from the same
 * sources, SDK, options and compiler. Safe to call from several processes at once.
 * @throws PluginCompileError with the author's own file, line and an excerpt
 */
export async function compilePlugin(source: PluginSource): Promise<CompiledPlugin> {
  const folder = resolve(source.folder);
  const entry = resolve(folder, source.entry ?? join('assembly', 'plugin.ts'));
  if (!existsSync(entry)) throw new PluginCompileError(`there is no ${entry}`);
  const output = resolve(folder, source.output ?? defaultOutput(folder));
  const options = { optimize: source.optimize ?? true, debug: source.debug ?? false };
  const digest = digestOf(folder, entry, options);
  const digestFile = `${output}.digest`;
  if (existsSync(output) && existsSync(digestFile) && readFileSync(digestFile, 'utf8') === recordOf(digest, output)) {
    return describe(output, false, '');
  }
  mkdirSync(dirname(output), { recursive: true });
  let warnings = '';
  let record = '';
  await replace(output, async (fresh) => {
    warnings = await runCompiler(folder, entry, fresh, { ...options, signal: source.signal });
    record = recordOf(digest, fresh);
  });
  // What was saved while the compiler ran may be in it, or not.
  if (digestOf(folder, entry, options) === digest) {
    await replace(digestFile, async (fresh) => writeFileSync(fresh, record));
  }
  return describe(output, true, warnings);
}

/** What a module was made of, and the module: a file that something else has written since is not up to date. */
function recordOf(digest: string, output: string): string {
  return `${digest} ${createHash('sha256').update(readFileSync(output)).digest('hex')}`;
}

function defaultOutput(folder: string): string {
  const file = descriptionFile(join(folder, 'assembly', 'plugin.ts'));
  if (file === null || dirname(file) !== folder) {
    throw new PluginCompileError(
      `there is no ${join(folder, 'plugin.json')}: { "name": "${basename(folder)}", "version": "0.1.0" }`,
    );
  }
  try {
    return join('build', `${readDescription(file).name}.wasm`);
  } catch (error) {
    throw new PluginCompileError((error as Error).message);
  }
}

function describe(path: string, compiled: boolean, warnings: string): CompiledPlugin {
  const bytes = readFileSync(path);
  const manifest = customSection(bytes, MANIFEST_SECTION);
  return {
    path,
    size: bytes.length,
    compiled,
    warnings,
    manifest: manifest && (JSON.parse(new TextDecoder().decode(manifest)) as PluginManifest),
    sections: sectionsOf(bytes),
  };
}

/** Makes a file beside its place and renames it, so that a reader sees the old or the new, never half of it. */
async function replace(file: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  try {
    await make(fresh);
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}
