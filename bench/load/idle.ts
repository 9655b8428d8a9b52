import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pinned } from '../machine.ts';
import type { Reading } from '../statistics.ts';
import type { Target } from './load.ts';
import { script } from './own.ts';

/** Open connections without a request. */
export interface IdleConnections {
  /** Of opening them, and of the one request that each has made. */
  readonly reading: Reading;
  close(): Promise<void>;
}

/** Opens so many connections, makes one request on each, and keeps them. */
export async function holdIdle({ port, tls, pinning }: Target, count: number): Promise<IdleConnections> {
  const command = script('idle-connections.ts', `${port}`, tls ? 'tls' : 'clear', `${count}`);
  const child = spawn(...pinned(pinning?.others, command), { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const [text] = await Promise.race([line, exited]);
  if (typeof text !== 'string') throw new Error('idle-connections.ts ended too early');
  return {
    reading: JSON.parse(text) as Reading,
    close: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
