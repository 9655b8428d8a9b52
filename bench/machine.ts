import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** CPUs for what is measured and for everything else; null where processes cannot be pinned. */
export interface Pinning {
  readonly subject: string;
  readonly others: string;
}

/** What a program prints, errors included; null where it is missing. */
export async function output(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(program, args);
    return stdout + stderr;
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return code === 'ENOENT' ? null : stdout + stderr;
  }
}

/** The first number with a dot in what a program prints about itself; null where it is missing. */
export async function versionOf(program: string, ...args: string[]): Promise<string | null> {
  const text = await output(program, ...args);
  return text === null ? null : (/\d+\.\d+(?:\.\d+)*/.exec(text)?.[0] ?? 'unknown');
}

/** One core for the subject, the others for load and upstream. */
export async function choosePinning(): Promise<Pinning | null> {
  const cores = availableParallelism();
  if (cores < 2 || (await output('taskset', '--version')) === null) return null;
  return { subject: '0', others: cores === 2 ? '1' : `1-${cores - 1}` };
}

/** The command line that runs `command` on these CPUs. */
export function pinned(cpus: string | undefined, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = cpus === undefined ? command : ['taskset', '-c', cpus, ...command];
  return [program, args];
}

/** Where it was measured, and how busy that place was before. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly loadAverage: readonly number[];
  readonly pinning: Pinning | null;
}

export function describeMachine(pinning: Pinning | null): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? '',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()}`,
    loadAverage: loadavg().map((value) => Math.round(value * 100) / 100),
    pinning,
  };
}
