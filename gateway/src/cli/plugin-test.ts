import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Output } from './output.ts';
import { buildAndTell, installedFile, PluginFolder, PluginFolderError } from './plugin-folder.ts';

export interface TestOptions extends Output {
  /** Of the plugin. */
  readonly folder: string;
  /** For vitest; a first word that is none of its commands is a filter of file names. */
  readonly args: readonly string[];
}

const CANNOT = 1;
const DOES_NOT_COMPILE = 2;

/**
 * `sluice plugin test`: builds the plugin, then runs its tests with the vitest that is installed in its folder, which
 * prints for itself. Resolves to the exit code: that of vitest (0 all passed, 1 some failed), 2 when the plugin does
 * not compile, 1 when it cannot be tried.
 */
export async function testPlugin(options: TestOptions): Promise<number> {
  try {
    const folder = await PluginFolder.open(options.folder);
    const vitest = await vitestOf(folder.path);
    if ((await buildAndTell(folder, options)) === null) return DOES_NOT_COMPILE;
    return await runVitest(vitest, options.args, folder.path);
  } catch (error) {
    if (!(error instanceof PluginFolderError)) throw error;
    options.printError(error.message);
    return CANNOT;
  }
}

/** Its program. @throws PluginFolderError when it is not installed */
async function vitestOf(folder: string): Promise<string> {
  const vitest = installedFile(folder, 'vitest/package.json');
  if (vitest === null) {
    const remedy = 'run there: npm install --save-dev vitest';
    throw new PluginFolderError(`vitest, which runs the tests of plugins, is not installed in ${folder}; ${remedy}`);
  }
  const { bin } = JSON.parse(await readFile(vitest, 'utf8')) as { bin: { vitest: string } };
  return join(dirname(vitest), bin.vitest);
}

/** Once through, unless the arguments ask for something else. */
async function runVitest(program: string, args: readonly string[], cwd: string): Promise<number> {
  const mode = args.some((arg) => arg === '--watch' || arg === '-w') ? [] : ['run'];
  const child = spawn(process.execPath, [program, ...mode, ...args], { cwd, stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; this one must outlive vitest, to have its exit code.
  const stay = (): void => {};
  const end = (): void => void child.kill();
  process.on('SIGINT', stay).on('SIGTERM', end);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? CANNOT;
  } finally {
    process.off('SIGINT', stay).off('SIGTERM', end);
  }
}
