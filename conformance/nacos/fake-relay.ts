import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Passes TCP connections on to a port of this machine and can break them as networks do. It stands in front of the fake
 * server's gRPC port, whose library gives no access to its sockets.
 */
export class FakeRelay {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #frozen = false;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((outer) => this.#accept(outer));
  }

  /** Resolves when it listens on 127.0.0.1; rejects when the port is taken. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  /** Connections open now. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Nothing passes any more, in neither direction, and nobody is told: power loss, cut cable. New ones connect, in vain. */
  freeze(): void {
    this.#frozen = true;
    for (const [outer, inner] of this.#pairs) {
      outer.unpipe(inner);
      inner.unpipe(outer);
      outer.pause();
      inner.pause();
    }
  }

  /** What was held back passes. */
  thaw(): void {
    this.#frozen = false;
    for (const [outer, inner] of this.#pairs) {
      outer.pipe(inner);
      inner.pipe(outer);
    }
  }

  /** Resets all connections. */
  drop(): void {
    for (const [outer, inner] of this.#pairs) {
      outer.resetAndDestroy();
      inner.destroy();
    }
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(outer: Socket): void {
    const inner = connect(this.#target, '127.0.0.1');
    const pair = [outer, inner] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      // Errors are what this relay is for; 'close' follows each.
      socket.on('error', () => {});
      socket.on('close', () => {
        if (this.#frozen) return;
        this.#pairs.delete(pair);
        outer.destroy();
        inner.destroy();
      });
    }
    if (!this.#frozen) {
      outer.pipe(inner);
      inner.pipe(outer);
    }
  }
}
