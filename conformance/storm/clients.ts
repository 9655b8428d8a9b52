// The clients of a storm, in processes of their own.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { within } from '../until.ts';

/** What clients have met since they were told to come. Times in milliseconds. */
export interface StormReport {
  attempts: number;
  /** Answers 503, by code. */
  refused: Record<string, number>;
  /** Connections that ended before the client was served, by how. */
  turnedAway: Record<string, number>;
  /** Whatever else they met. */
  unexpected: string[];
  /** Handshakes that went on with a session. */
  resumed: number;
  handshakesMs: number[];
  /** From the start of the storm to a client's first 200. */
  servedMs: number[];
}

export type ToClients = 'come' | 'leave' | 'report';
export type FromClients =
  | { readonly kind: 'ready' }
  | { readonly kind: 'all-served'; readonly report: StormReport }
  | { readonly kind: 'report'; readonly served: number; readonly report: StormReport };

const START_LIMIT_MS = 15_000;

/** So many clients that come and go together. */
export class StormClients {
  readonly #children: ChildProcess[] = [];

  /** Shares them out among some processes. */
  static async start(port: number, host: string, count: number, processes: number): Promise<StormClients> {
    const clients = new StormClients();
    const each = String(Math.ceil(count / processes));
    for (let i = 0; i < processes; i++) {
      const args = [String(port), each, host];
      clients.#children.push(fork(join(import.meta.dirname, 'client-child.ts'), args, { execArgv: [] }));
    }
    const ready = clients.#children.map((child) => next(child, 'ready'));
    await within(START_LIMIT_MS, 'the clients to be ready', Promise.all(ready));
    return clients;
  }

  /** All connect at once and come back until each has been served. @throws Unmet with what they met so far */
  async come(limitMs: number): Promise<StormReport> {
    const served = Promise.all(this.#children.map((child) => next(child, 'all-served')));
    for (const child of this.#children) child.send('come' satisfies ToClients);
    try {
      return merge((await within(limitMs, 'all clients to be served', served)).map(({ report }) => report));
    } catch (error) {
      const state = await Promise.all(this.#children.map((child) => this.#ask(child)));
      throw new Error(`${String(error)}; ${JSON.stringify(state)}`, { cause: error });
    }
  }

  /** All connections end at once, as they do when a network fails. */
  leave(): void {
    for (const child of this.#children) child.send('leave' satisfies ToClients);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }

  async #ask(child: ChildProcess): Promise<object> {
    const answer = next(child, 'report');
    child.send('report' satisfies ToClients);
    const { served, report } = await answer;
    const { attempts, refused, turnedAway, unexpected } = report;
    return { served, attempts, refused, turnedAway, unexpected };
  }
}

function next<K extends FromClients['kind']>(child: ChildProcess, kind: K): Promise<Extract<FromClients, { kind: K }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<FromClients, { kind: K }>>();
  const onMessage = (message: FromClients): void => {
    if (message.kind !== kind) return;
    child.off('message', onMessage);
    child.off('exit', onExit);
    resolve(message as Extract<FromClients, { kind: K }>);
  };
  const onExit = (code: number | null): void => reject(new Error(`a process of clients ended with code ${code}`));
  child.on('message', onMessage);
  child.once('exit', onExit);
  return promise;
}

function merge(reports: readonly StormReport[]): StormReport {
  const sum = (read: (report: StormReport) => number): number => reports.reduce((total, it) => total + read(it), 0);
  return {
    attempts: sum(({ attempts }) => attempts),
    refused: added(reports.map(({ refused }) => refused)),
    turnedAway: added(reports.map(({ turnedAway }) => turnedAway)),
    unexpected: reports.flatMap(({ unexpected }) => unexpected),
    resumed: sum(({ resumed }) => resumed),
    handshakesMs: reports.flatMap(({ handshakesMs }) => handshakesMs),
    servedMs: reports.flatMap(({ servedMs }) => servedMs),
  };
}

function added(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [what, count] of counts.flatMap((it) => Object.entries(it))) total[what] = (total[what] ?? 0) + count;
  return total;
}
