import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SDK = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(SDK);
const { resolve } = createRequire(import.meta.url);
const COMPILER = resolve('assemblyscript/bin/asc.js');
const COMPILER_PACKAGE = resolve('assemblyscript/package.json');

/** The compiler's own report: file, line and an excerpt of the source. */
export class PluginCompileError extends Error {
  override name = 'PluginCompileError';
}

export interface CompiledPlugin {
  /** The module's file. */
  path: string;
  /** Bytes of the module. */
  size: number;
  /** False: the file was there and nothing had changed since. */
  compiled: boolean;
  /** What the compiler has to say about a module it has made, usually nothing. */
  warnings: string;
}

/**
 * Compiles an AssemblyScript plugin with the options of the SDK's `asconfig.json`, unless `output` was made from the same
 * sources, SDK, options and compiler. Safe to call from several processes at once.
 * @param entry the plugin's entry file; everything in its folder counts as its source
 * @param output the `.wasm` file; a `.digest` file is kept beside it
 * @throws PluginCompileError
 */
export async function compilePlugin(entry: string, output: string): Promise<CompiledPlugin> {
  const digest = digestOf(entry);
  const digestFile = `${output}.digest`;
  if (readIfThere(digestFile) === digest) {
    const size = statSync(output, { throwIfNoEntry: false })?.size;
    if (size !== undefined) return { path: output, size, compiled: false, warnings: '' };
  }
  mkdirSync(dirname(output), { recursive: true });
  const fresh = temporaryOf(output);
  const warnings = await compile(entry, fresh);
  renameSync(fresh, output);
  const freshDigest = temporaryOf(digestFile);
  writeFileSync(freshDigest, digest);
  renameSync(freshDigest, digestFile);
  return { path: output, size: statSync(output).size, compiled: true, warnings };
}

/** In a process of its own: the compiler's types and its 100 MiB stay out of ours. */
async function compile(entry: string, output: string): Promise<string> {
  const options = ['--baseDir', ROOT, '--config', join(SDK, 'asconfig.json'), '--outFile', output];
  try {
    const { stderr } = await promisify(execFile)(process.execPath, [COMPILER, entry, ...options], { cwd: ROOT });
    return stderr;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new PluginCompileError(stderr || message);
  }
}

function digestOf(entry: string): string {
  const hash = createHash('sha256').update(readFileSync(COMPILER_PACKAGE)).update(basename(entry));
  for (const file of [
    ...sourcesIn(dirname(entry)),
    ...sourcesIn(join(SDK, 'assembly')),
    ...sourcesIn(join(SDK, 'exports')),
  ]) {
    hash.update(`\0${file}\0`).update(readFileSync(file));
  }
  for (const file of ['index.ts', 'asconfig.json']) hash.update(readFileSync(join(SDK, file)));
  return hash.digest('hex');
}

function sourcesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.sort().map((file) => join(folder, file));
}

function readIfThere(file: string): string | null {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? null : readFileSync(file, 'utf8');
}

/** A name beside the file: it is written there and renamed, so that a reader sees the old or the new, never half of it. */
function temporaryOf(file: string): string {
  return `${file}.${process.pid}`;
}
