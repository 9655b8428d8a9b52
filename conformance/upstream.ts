// A demo service behind the gateway: a node:http server that counts what reaches it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { until } from './until.ts';

/** Requests since the last reset, with and without a lane's tag; times are wall clock ms, 0 for never. */
export interface UpstreamCounts {
  untagged: number;
  tagged: number;
  firstAt: number;
  lastAt: number;
}

export interface ToUpstream {
  readonly id: number;
  readonly op: 'counts' | 'reset' | 'stop';
}

export interface Upstream {
  readonly name: string;
  /** On 127.0.0.1. */
  readonly port: number;
  counts(): Promise<UpstreamCounts>;
  /** Counts from zero again; resolves to what was counted so far. */
  reset(): Promise<UpstreamCounts>;
  /** Resolves to the wall clock time of the first request since the last reset. */
  first(withinMs?: number): Promise<number>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Takes no new connections, finishes what it has, ends. */
  stop(): Promise<void>;
}

type FromUpstream = { id: 0; port: number } | { id: number; counts: UpstreamCounts };

/** Starts one in a process of its own, on a free port unless one is given. Its answers carry `name`. */
export async function startUpstream(name: string, port = 0): Promise<Upstream> {
  const child = fork(join(import.meta.dirname, 'upstream-child.ts'), [name, String(port)], { execArgv: [] });
  const waiting = new Map<number, (counts: UpstreamCounts) => void>();
  const exited = once(child, 'exit');
  let lastId = 0;
  const listening = new Promise<number>((resolve, reject) => {
    child.on('message', (message: FromUpstream) => {
      if ('port' in message) resolve(message.port);
      else waiting.get(message.id)?.(message.counts);
    });
    child.once('exit', (code) => reject(new Error(`upstream ${name} ended with code ${code}`)));
  });

  function ask(op: 'counts' | 'reset'): Promise<UpstreamCounts> {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, (counts) => {
        waiting.delete(id);
        resolve(counts);
      });
      child.send({ id, op } satisfies ToUpstream, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  async function end(how: () => void): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) how();
    await exited;
  }

  const bound = await listening;
  return {
    name,
    port: bound,
    counts: () => ask('counts'),
    reset: () => ask('reset'),
    first: async (withinMs = 10_000) => {
      const look = (): Promise<UpstreamCounts> => ask('counts');
      const { firstAt } = await until(`a request at ${name}`, look, (seen) => seen.firstAt > 0, withinMs);
      return firstAt;
    },
    kill: () => end(() => child.kill('SIGKILL')),
    stop: () => end(() => child.send({ id: 0, op: 'stop' } satisfies ToUpstream)),
  };
}
