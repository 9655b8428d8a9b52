import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Log } from '../core/log.ts';

/** As many threads as a configuration may ask for; more share too little memory and too few connections each. */
const MOST = 64;

/** Who carries traffic. */
export interface WorkerCount {
  /** Threads; 0 = the main thread. */
  readonly workers: number;
  /** Several sockets may listen on one port: those of all workers, and those of listeners that change places. */
  readonly reusePort: boolean;
}

/**
 * How many threads carry traffic: what the configuration says, `auto` being one for each CPU that the process may use. 1
 * where the platform cannot share a port between sockets, with a line in the log.
 * @param probe whether it can; default: tries it.
 */
export async function workerCount(
  configured: number | 'auto',
  log: Log,
  probe: () => Promise<boolean> = canSharePorts,
): Promise<WorkerCount> {
  const wanted = configured === 'auto' ? Math.min(MOST, availableParallelism()) : configured;
  const reusePort = await probe();
  if (reusePort || wanted <= 1) return { workers: wanted, reusePort };
  log.warn({ wanted, platform: process.platform }, 'ports cannot be shared on this platform: there is one worker');
  return { workers: 1, reusePort };
}

/** Whether several sockets may listen on one port (`SO_REUSEPORT`) and the system spreads connections over them. */
async function canSharePorts(): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once('error', () => resolve(false));
  server.listen({ host: '127.0.0.1', port: 0, reusePort: true }, () => resolve(true));
  const can = await promise;
  server.close();
  return can;
}
