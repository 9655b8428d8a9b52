import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Pinning, pinned } from './machine.ts';

const KEPT_LOG = 64 * 1024;
const STOP_MS = 5000;

/** A process of the benchmark. */
export interface Child {
  readonly pid: number;
  /** The last of what it wrote to standard error. */
  log(): string;
  readonly ended: boolean;
  stop(): Promise<void>;
}

/** The processes of a benchmark; none outlives it. */
export class Processes {
  readonly pinning: Pinning | null;
  readonly #children = new Set<ChildProcess>();

  constructor(pinning: Pinning | null) {
    this.pinning = pinning;
    process.once('exit', () => {
      for (const child of this.#children) child.kill('SIGKILL');
    });
  }

  /** Starts a program; its standard output is thrown away. */
  start(
    role: keyof Pinning,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    cwd?: string,
  ): Child {
    const child = spawn(...pinned(this.pinning?.[role], command), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
      cwd,
    });
    this.#children.add(child);
    let log = '';
    child.once('error', (error) => (log += error.message));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-KEPT_LOG)));
    return {
      pid: child.pid ?? 0,
      log: () => log,
      get ended() {
        return hasEnded(child);
      },
      stop: async () => {
        await terminate(child);
        this.#children.delete(child);
      },
    };
  }

  /** Ends all that are left. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => terminate(child)));
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function terminate(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([exited, sleep(STOP_MS, null, { ref: false })]);
  child.kill('SIGKILL');
  await exited;
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until somebody listens on the port. @throws Error with the log when the process ends, or after `seconds`. */
export async function listening(name: string, child: Child, port: number, seconds = 20): Promise<void> {
  await until(name, child, () => accepts(port), seconds);
}

/** Waits until `condition` holds. @throws Error with the log when the process ends, or after `seconds`. */
export async function until(
  name: string,
  child: Child,
  condition: () => boolean | Promise<boolean>,
  seconds = 20,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (child.ended || performance.now() > deadline) throw new Error(`${name} does not start:\n${child.log()}`);
    await sleep(20);
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
