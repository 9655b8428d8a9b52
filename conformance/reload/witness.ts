// Connections to each worker, so that what all of them say is live everywhere.
import { check, until } from '../until.ts';
import { type Answer, KeepAliveClient, type Target } from './client.ts';
import type { Probe } from './probe-client.ts';

const CONNECTIONS_PER_WORKER = 2;
const MOST_TRIES = 100;

export class Witness {
  readonly #clients: readonly KeepAliveClient[];

  private constructor(clients: readonly KeepAliveClient[]) {
    this.#clients = clients;
  }

  /** Connects until every worker has taken enough. */
  static async open(probe: Probe, target: Target, host: string, path: string): Promise<Witness> {
    const tried: KeepAliveClient[] = [];
    const byWorker = new Map<number, KeepAliveClient[]>();
    const enough = (): boolean =>
      byWorker.size > 0 && [...byWorker.values()].every(({ length }) => length >= CONNECTIONS_PER_WORKER);
    while (!enough()) {
      check(tried.length < MOST_TRIES, `every worker to take some of ${MOST_TRIES} connections`, tried.length);
      const client = new KeepAliveClient(() => target);
      tried.push(client);
      await client.get(host, path);
      const workers = await probe.connections();
      workers.forEach((ports, worker) => {
        const own = byWorker.get(worker) ?? [];
        byWorker.set(worker, own);
        if (ports.has(client.localPort)) own.push(client);
      });
    }
    const chosen = [...byWorker.values()].flatMap((own) => own.slice(0, CONNECTIONS_PER_WORKER));
    for (const client of tried) if (!chosen.includes(client)) client.close();
    return new Witness(chosen);
  }

  /** How often one of its connections had to be made anew: then it is not known any more which worker has it. */
  get reconnected(): number {
    return this.#clients.reduce((sum, { connections }) => sum + connections - 1, 0);
  }

  /** The answers over all connections. */
  all(host: string, path: string): Promise<Answer[]> {
    return Promise.all(this.#clients.map((client) => client.get(host, path)));
  }

  /** Resolves to the milliseconds until all answers are right. @throws Unmet */
  async live(what: string, host: string, path: string, isRight: (answer: Answer) => boolean): Promise<number> {
    const start = performance.now();
    await until(
      what,
      () => this.all(host, path),
      (answers) => answers.every(isRight),
    );
    return performance.now() - start;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
