import type { ErrorCode } from '../core/errors.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import { type ConnectionOwner, UpstreamConnection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import type { ConnectionSource, EndpointPool, PoolLimits, PoolWaiter } from './pool.ts';

/**
 * A connection for one request that may switch protocols. It is not one of the pool's: no other request goes over it, and
 * a tunnel that lasts for hours takes no room from others.
 */
export class OwnConnection implements ConnectionSource, ConnectionOwner, Expirable {
  readonly #pool: EndpointPool;
  readonly #endpoint: Endpoint;
  readonly #limits: PoolLimits;
  readonly #wheel: TimerWheel;
  #waiter: PoolWaiter | null = null;
  #connection: UpstreamConnection | null = null;
  #watch: WheelTimer | null = null;

  constructor(pool: EndpointPool, endpoint: Endpoint, limits: PoolLimits, wheel: TimerWheel) {
    this.#pool = pool;
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#wheel = wheel;
  }

  get ca(): string | undefined {
    return this.#pool.ca;
  }

  acquire(waiter: PoolWaiter): boolean {
    this.#waiter = waiter;
    this.#connection = new UpstreamConnection(this, this.#endpoint, waiter.serverName, true);
    this.#connection.activeAt = performance.now();
    this.#watchOn();
    return true;
  }

  forget(): void {
    this.#waiter = null;
    this.#connection?.destroy();
  }

  sessionOf(serverName: string): Buffer | undefined {
    return this.#pool.sessionOf(serverName);
  }

  keepSession(serverName: string, session: Buffer): void {
    this.#pool.keepSession(serverName, session);
  }

  onConnected(connection: UpstreamConnection): void {
    if (this.#waiter === null) connection.destroy();
    else this.#waiter.onConnection(connection);
  }

  onConnectFailed(_connection: UpstreamConnection, code: ErrorCode): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.onNoConnection(code);
  }

  /** It was answered in HTTP. */
  onFree(connection: UpstreamConnection): void {
    connection.destroy();
  }

  onClosed(): void {
    this.#wheel.cancel(this.#watch);
    this.#watch = null;
  }

  onTimeout(): void {
    this.#watch = null;
    const connection = this.#connection!;
    // Closed, or handed over: then others watch it.
    if (connection.closed) return;
    const now = performance.now();
    if (!connection.connected && now - connection.activeAt > this.#limits.connectMs) {
      connection.destroy();
      this.onConnectFailed(connection, 'SLUICE_UPSTREAM_CONNECT_TIMEOUT');
    } else if (connection.stalledFor(now) > this.#limits.stallMs) {
      connection.fail('SLUICE_UPSTREAM_STALLED');
    } else {
      this.#watchOn();
    }
  }

  #watchOn(): void {
    const { connectMs, stallMs } = this.#limits;
    this.#watch = this.#wheel.schedule(this, Math.max(10, Math.min(500, connectMs / 4, stallMs / 4)));
  }
}
