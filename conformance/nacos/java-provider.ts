// A service provider that is a process of its own and uses the official Java client.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { classPath } from './java-build.ts';
import type { ServiceName } from './nacos-admin.ts';

/** Which instance of which service. `cluster` defaults to `DEFAULT`, `ephemeral` to true. */
export interface InstanceIdentity extends ServiceName {
  ip: string;
  port: number;
  cluster?: string;
  ephemeral?: boolean;
}

/** Defaults: weight 1, no metadata, enabled, healthy. */
export interface InstanceRegistration extends InstanceIdentity {
  weight?: number;
  metadata?: Record<string, string>;
  enabled?: boolean;
  healthy?: boolean;
}

export interface ProviderOptions {
  /** `host:port` of the server's main port; gRPC is expected 1000 above it. */
  address: string;
  username?: string;
  password?: string;
  /** How long a command may take, in ms; 15 000 unless told. Includes the start of the JVM for the first one. */
  commandTimeoutMs?: number;
}

/** `at`: wall clock ms at which the call of the Java client returned, taken in the provider's process. */
export interface Done {
  at: number;
}

/** Commands reject with the client's own error text, on timeout, and when the process is gone. */
export interface Provider {
  readonly pid: number;
  /** One ephemeral instance per provider and service: a second one replaces the first, as in any Java service. */
  register(instance: InstanceRegistration): Promise<Done>;
  /** Registers again with other weight or metadata. The server ignores it for what was edited in the console. */
  update(instance: InstanceRegistration): Promise<Done>;
  deregister(instance: InstanceIdentity): Promise<Done>;
  /** kill -9: no goodbye to the server. Commands under way reject. */
  kill(): void;
  /** Shuts the client down in order and resolves when the process has ended; after 5 s it is killed. */
  quit(): Promise<void>;
  /** Resolves when the process has ended, whatever ended it. */
  readonly exited: Promise<void>;
}

const quitWithinMs = 5_000;

/**
 * Starts a provider. Returns at once; the first command waits for the JVM (about 1 s). Needs `prepareRealNacos()` before.
 * Keeps this process alive until `kill` or `quit`; ends by itself when this process dies.
 */
export function startProvider(options: ProviderOptions): Provider {
  const home = mkdtempSync(join(tmpdir(), 'sluice-nacos-provider-')); // the client writes caches and logs to its user's home
  const child = spawn(
    'java',
    [
      '-Xmx64m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Duser.home=${home}`,
      '-cp',
      classPath('client'),
      'sluice.conformance.NacosProvider',
      '--address',
      options.address,
      ...(options.username === undefined ? [] : ['--username', options.username]),
      ...(options.password === undefined ? [] : ['--password', options.password]),
    ],
    { cwd: home, stdio: ['pipe', 'pipe', 'ignore'] },
  );

  const waiting = new Map<number, { resolve(done: Done): void; reject(error: Error): void; timer: NodeJS.Timeout }>();
  let lastId = 0;
  let ended = false;

  const leaveNothing = (): void => {
    child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', leaveNothing);

  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      if (ended) return;
      ended = true;
      for (const id of waiting.keys()) settle(id, new Error('the provider process has ended'));
      leaveNothing();
      process.off('exit', leaveNothing);
      resolve();
    };
    child.once('error', end);
    child.once('exit', end);
  });
  child.stdin.on('error', () => {}); // writing to a killed process; its commands reject through exit
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as { id: number; ok: boolean; at: number; error?: string };
    settle(answer.id, answer.ok ? { at: answer.at } : new Error(answer.error));
  });

  function settle(id: number, outcome: Done | Error): void {
    const command = waiting.get(id);
    if (command === undefined) return;
    waiting.delete(id);
    clearTimeout(command.timer);
    if (outcome instanceof Error) command.reject(outcome);
    else command.resolve(outcome);
  }

  function send(op: string, fields: object): Promise<Done> {
    if (ended) return Promise.reject(new Error('the provider process has ended'));
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(id, new Error(`${op} took too long`)), options.commandTimeoutMs ?? 15_000);
      waiting.set(id, { resolve, reject, timer });
      child.stdin.write(JSON.stringify({ ...fields, id, op }) + '\n');
    });
  }

  async function quit(): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), quitWithinMs);
    send('quit', {}).catch(() => {}); // the end of the process is the answer
    await exited;
    clearTimeout(timer);
  }

  return {
    pid: child.pid ?? -1,
    register: (instance) => send('register', instance),
    update: (instance) => send('update', instance),
    deregister: (instance) => send('deregister', instance),
    kill: () => void child.kill('SIGKILL'),
    quit,
    exited,
  };
}
