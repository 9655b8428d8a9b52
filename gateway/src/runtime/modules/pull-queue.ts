import { LIMITS } from '../../core/limits.ts';

/** Lets few fetches from one server run at a time. Those of other servers do not wait for them. */
export class PullQueue {
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Runs `work` when its turn has come. @param server `host:port` */
  async run<T>(server: string, work: () => Promise<T>): Promise<T> {
    await this.#enter(server);
    try {
      return await work();
    } finally {
      this.#leave(server);
    }
  }

  #enter(server: string): Promise<void> {
    const running = this.#running.get(server) ?? 0;
    if (running < LIMITS.pluginPullsPerServer) {
      this.#running.set(server, running + 1);
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(server);
    if (waiting === undefined) this.#waiting.set(server, [resolve]);
    else waiting.push(resolve);
    return promise;
  }

  /** The place goes to whoever waits longest. */
  #leave(server: string): void {
    const waiting = this.#waiting.get(server);
    const next = waiting?.shift();
    if (waiting?.length === 0) this.#waiting.delete(server);
    if (next !== undefined) {
      next();
      return;
    }
    const running = this.#running.get(server)! - 1;
    if (running === 0) this.#running.delete(server);
    else this.#running.set(server, running);
  }
}
