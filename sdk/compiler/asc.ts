import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SDK_FOLDER } from '../folder.ts';

/** What the compiler is told besides the SDK's options. */
export interface CompilerOptions {
  /** False: quick to make, large and slow. */
  readonly optimize: boolean;
  /** Names of functions stay in the module. */
  readonly debug: boolean;
}

export interface CompilerRun extends CompilerOptions {
  /** Ends the compiler. */
  readonly signal: AbortSignal | undefined;
}

/** The compiler's own report: file, line and an excerpt of the source. */
export class PluginCompileError extends Error {
  override name = 'PluginCompileError';
}

/** The AssemblyScript compiler: that of the plugin, else that of the SDK. @throws PluginCompileError when there is none */
export function findCompiler(folder: string): { readonly script: string; readonly version: string } {
  for (const from of [folder, SDK_FOLDER]) {
    const { resolve } = createRequire(join(from, 'package.json'));
    try {
      const manifest = JSON.parse(readFileSync(resolve('assemblyscript/package.json'), 'utf8')) as { version: string };
      return { script: resolve('assemblyscript/bin/asc.js'), version: manifest.version };
    } catch {
      // The next place may have it.
    }
  }
  throw new PluginCompileError(
    `there is no AssemblyScript compiler in ${folder}: npm install --save-dev assemblyscript`,
  );
}

/**
 * Runs the compiler, in a process of its own: its types and its 100 MiB stay out of ours.
 * @param folder what paths in messages are relative to
 * @returns its warnings
 * @throws PluginCompileError
 */
export async function runCompiler(
  folder: string,
  entry: string,
  output: string,
  options: CompilerRun,
): Promise<string> {
  const { script } = findCompiler(folder);
  // What the compiler's script would start a second process with.
  const args = [
    '--enable-source-maps',
    script,
    entry,
    '--baseDir',
    folder,
    '--outFile',
    output,
    // The report is text for whoever reads it; asc would colour it wherever CI is set.
    '--noColors',
    ...sdkOptions(),
    ...flagsOf(options),
  ];
  try {
    const { stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: folder,
      maxBuffer: 1 << 26,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return stderr;
  } catch (error) {
    const { stderr, message, signal } = error as { stderr?: string; message: string; signal?: string };
    throw new PluginCompileError(stderr || (signal ? `the compiler was ended by ${signal}` : message));
  }
}

/**
 * Those of `asconfig.json`, with the transform by its path: by its name it is not found where the package is a link
 * to somewhere else.
 */
function sdkOptions(): readonly string[] {
  const { options } = JSON.parse(readFileSync(join(SDK_FOLDER, 'asconfig.json'), 'utf8')) as { options: Options };
  const given: Options = { ...options, transform: [join(SDK_FOLDER, 'lib', 'transform.js')] };
  return Object.entries(given).flatMap(([name, value]) => {
    if (value === true) return [`--${name}`];
    return [value].flat().flatMap((each) => [`--${name}`, String(each)]);
  });
}

type Options = Readonly<Record<string, string | number | boolean | readonly string[]>>;

function flagsOf({ optimize, debug }: CompilerOptions): readonly string[] {
  return [...(optimize ? [] : ['--optimizeLevel', '0', '--shrinkLevel', '0']), ...(debug ? ['--debug'] : [])];
}
