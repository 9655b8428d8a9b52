// Commands that suites run to their end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';
import { Unmet } from './until.ts';

export interface Place {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The environment of this process with this Node first on the path. */
export function environment(): NodeJS.ProcessEnv {
  // npm tells its children about the package they run for; other packages must not hear of it.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name));
  return { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` };
}

/**
 * Runs a command and resolves to what it printed.
 * @throws Unmet with the end of its output when it does not end with code 0
 */
export async function sh(
  command: string,
  args: readonly string[],
  { cwd, env = environment() }: Place,
): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', kill);
  const output = Buffer.concat(chunks).toString();
  if (code !== 0) {
    const tail = `${output}${Buffer.concat(errors).toString()}`.slice(-3_000);
    throw new Unmet(`${command} ${args.join(' ')} to end with code 0`, `code ${code}: ${tail}`);
  }
  return output;
}
