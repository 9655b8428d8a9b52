import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compilePlugin } from '../../sdk/compile.ts';
import { output } from '../machine.ts';
import { CACHE } from '../subjects/subject.ts';

const run = promisify(execFile);
const HERE = import.meta.dirname;

/** The same plugin in one language. */
export interface Guest {
  readonly language: string;
  /** Builds it. @returns modules for headers and for bodies @throws Error that says why it cannot be built here */
  build(): Promise<readonly [headers: string, bodies: string]>;
}

/** The plugin of scenarios under load; compiled where it has changed. @returns the module's path */
export function benchPlugin(): Promise<string> {
  return assemblyScript('plugin');
}

/** Makes calls of the SDK. @returns the module's path */
export function sdkPlugin(): Promise<string> {
  return assemblyScript('sdk');
}

/** Those of in-process measurements. */
export const GUESTS: readonly Guest[] = [
  {
    language: 'AssemblyScript',
    build: async () => [await assemblyScript('costs'), await assemblyScript('chunks')],
  },
  { language: 'Rust', build: rust },
  { language: 'Go', build: go },
];

async function assemblyScript(name: string): Promise<string> {
  return (await compilePlugin({ folder: HERE, entry: `assembly/${name}.ts`, output: `build/${name}.wasm` })).path;
}

async function rust(): Promise<[string, string]> {
  if ((await output('cargo', '--version')) === null) throw new Error('cargo is not installed');
  const source = join(CACHE, 'rust-plugin');
  await cp(join(HERE, 'rust'), source, { recursive: true });
  const target = 'wasm32-wasip1';
  await built('cargo', ['build', '--quiet', '--release', '--target', target], source);
  const file = join(source, 'target', target, 'release/costs.wasm');
  return [file, file];
}

async function go(): Promise<[string, string]> {
  if ((await output('go', 'version')) === null) throw new Error('go is not installed');
  const file = join(CACHE, 'go-plugin.wasm');
  await mkdir(CACHE, { recursive: true });
  await built('go', ['build', '-buildmode=c-shared', '-o', file, '.'], join(HERE, 'go'), {
    GOOS: 'wasip1',
    GOARCH: 'wasm',
  });
  return [file, file];
}

async function built(program: string, args: string[], cwd: string, environment: object = {}): Promise<void> {
  try {
    await run(program, args, { cwd, env: { ...process.env, ...environment } });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${program} fails: ${stderr.trim().split('\n').at(-1) ?? ''}`, { cause: error });
  }
}
