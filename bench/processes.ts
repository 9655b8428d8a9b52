import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SLUICE = resolve(import.meta.dirname, '../gateway/bin/sluice.js');

/** Host of the bench tenant. */
export const HOST = 'bench.example.com';

/** A process that is measured, or measured against. */
export interface Subject {
  readonly name: string;
  readonly url: string;
  /** null: nothing of it is to be measured. */
  readonly pid: number | null;
}

/** CPUs for the gateway and for everything else; null where processes cannot be pinned. */
export interface Pinning {
  readonly gateway: string;
  readonly others: string;
}

/** Whether this program is there. */
export async function has(program: string, ...args: string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    (error: { code?: unknown }) => error.code !== 'ENOENT',
  );
}

/** One core for the gateway, the others for load and upstream. */
export async function choosePinning(): Promise<Pinning | null> {
  const cores = availableParallelism();
  if (cores < 2 || !(await has('taskset', '--version'))) return null;
  return { gateway: '0', others: `1-${cores - 1}` };
}

/** The command line that runs `command` on these CPUs. */
export function pinned(cpus: string | undefined, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = cpus === undefined ? command : ['taskset', '-c', cpus, ...command];
  return [program, args];
}

/** Starts the upstream. Resolves to its port. */
export async function startUpstream(pinning: Pinning | null, children: ChildProcess[]): Promise<number> {
  const script = join(import.meta.dirname, 'upstream.ts');
  const child = spawn(...pinned(pinning?.others, [process.execPath, script]), { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(String(port));
}

/**
 * Starts a gateway as an operator would, with access log (thrown away). Its files go to `directory`. Resolves when it
 * answers. @throws Error when it does not.
 */
export async function startGateway(
  upstreamPort: number,
  directory: string,
  pinning: Pinning | null,
  children: ChildProcess[],
): Promise<Subject> {
  await writeConfiguration(upstreamPort, directory);
  const command = [process.execPath, SLUICE, 'run', '-c', join(directory, 'gateway.yaml')];
  const child = spawn(...pinned(pinning?.gateway, command), { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  let port: string | undefined;
  while (port === undefined) {
    if (child.exitCode !== null) throw new Error(`the gateway ended:\n${log}`);
    await sleep(20);
    port = /"port":(\d+),"msg":"listening"/.exec(log)?.[1];
  }
  return { name: 'gateway', url: `http://127.0.0.1:${port}/data`, pid: child.pid! };
}

async function writeConfiguration(upstreamPort: number, directory: string): Promise<void> {
  const gateway = {
    apiVersion: 'sluice/v1',
    listeners: [{ name: 'http', address: '127.0.0.1', port: 0 }],
    workers: 1,
    admin: { port: 0 },
    tenants: { directory: 'tenants' },
    accessLog: { path: 'stdout' },
  };
  const tenant = {
    tenant: 'bench',
    domains: [HOST],
    services: { data: { static: [{ address: `127.0.0.1:${upstreamPort}` }] } },
    routes: [{ id: 'data', match: { path: { prefix: '/data' } }, upstream: { service: 'data' } }],
  };
  await mkdir(join(directory, 'tenants'));
  await writeFile(join(directory, 'gateway.yaml'), JSON.stringify(gateway));
  await writeFile(join(directory, 'tenants/bench.yaml'), JSON.stringify(tenant));
}

/** CPU time of a process with all its threads, in microseconds; null where the system does not tell. */
export async function cpuMicros(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // Fields 14 and 15, in ticks of 10 ms; the second field may contain anything, in parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Resident memory of a process; null where the system does not tell. */
export async function rssMiB(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  const kiB = /VmRSS:\s+(\d+)/.exec(status ?? '')?.[1];
  return kiB === undefined ? null : Math.round(Number(kiB) / 1024);
}
