// Clients that ask on and on, and count.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, KeepAliveClient, Lost, type Target } from './client.ts';

export interface ClientLoadOptions {
  readonly target: () => Target;
  readonly clients: number;
  readonly host: string;
  readonly path: string;
  /** Of each client between an answer and the next request, ms. */
  readonly pauseMs: number;
  /** A request that is lost as RFC 9110 allows it to be repeated is sent once more, on a new connection. Default: it has failed. */
  readonly repeats?: boolean;
  /** Default: 200 is right. */
  readonly isRight?: (answer: Answer) => boolean;
}

export interface ClientCounts {
  requests: number;
  failed: number;
  repeated: number;
  connections: number;
  toldToClose: number;
  /** What the first failures were. */
  failures: string[];
}

export class ClientLoad {
  readonly #options: ClientLoadOptions;
  readonly #clients: readonly KeepAliveClient[];
  readonly #counts = { requests: 0, failed: 0, repeated: 0, failures: [] as string[] };
  readonly #running: readonly Promise<void>[];
  #stopping = false;

  /** Begins. */
  constructor(options: ClientLoadOptions) {
    this.#options = options;
    this.#clients = Array.from({ length: options.clients }, () => new KeepAliveClient(options.target));
    this.#running = this.#clients.map((client) => this.#run(client));
  }

  counts(): ClientCounts {
    const sum = (read: (client: KeepAliveClient) => number): number =>
      this.#clients.reduce((all, client) => all + read(client), 0);
    return {
      ...this.#counts,
      connections: sum(({ connections }) => connections),
      toldToClose: sum(({ toldToClose }) => toldToClose),
    };
  }

  async stop(): Promise<ClientCounts> {
    this.#stopping = true;
    await Promise.all(this.#running);
    for (const client of this.#clients) client.close();
    return this.counts();
  }

  async #run(client: KeepAliveClient): Promise<void> {
    const { pauseMs } = this.#options;
    while (!this.#stopping) {
      await this.#ask(client, this.#options.repeats === true);
      await sleep(pauseMs);
    }
  }

  async #ask(client: KeepAliveClient, mayRepeat: boolean): Promise<void> {
    const { host, path, isRight = ({ status }) => status === 200 } = this.#options;
    try {
      const answer = await client.get(host, path);
      this.#counts.requests++;
      if (!isRight(answer)) this.#fail(answer.head);
    } catch (error) {
      if (mayRepeat && error instanceof Lost && error.repeatable) {
        this.#counts.repeated++;
        return this.#ask(client, false);
      }
      this.#counts.requests++;
      this.#fail(String(error));
    }
  }

  #fail(what: string): void {
    this.#counts.failed++;
    if (this.#counts.failures.length < 10) this.#counts.failures.push(what);
  }
}
