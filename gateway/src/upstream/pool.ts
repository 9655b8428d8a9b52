import { isIP } from 'node:net';
import type { ErrorCode } from '../core/errors.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import { type ConnectionOwner, UpstreamConnection } from './connection.ts';
import type { ConnectionPool, Endpoint } from './endpoint.ts';

/** Bounds of the connections to one endpoint; the limits table says why. Times in milliseconds. */
export interface PoolLimits {
  readonly connections: number;
  readonly pending: number;
  readonly pendingMs: number;
  readonly connectMs: number;
  /** Silence in the middle of a response. */
  readonly stallMs: number;
  readonly keepAliveMs: number;
  /** An idle connection is looked at once more before use after it has been idle for this long. */
  readonly checkAfterMs: number;
}

/** Who waits for a connection. */
export interface PoolWaiter {
  /** Host name for TLS, '' without. */
  readonly serverName: string;
  /** performance.now() since when it has been waiting. */
  waitingSince: number;
  onConnection(connection: UpstreamConnection): void;
  onNoConnection(code: ErrorCode): void;
}

/** Where a call gets its connection from. */
export interface ConnectionSource {
  /** Answers through the waiter. False: too many wait already. */
  acquire(waiter: PoolWaiter): boolean;
  /** The waiter wants no connection any more. */
  forget(waiter: PoolWaiter): void;
}

const SESSIONS = 16;
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_.])?$/;

/**
 * Connections to one endpoint: the one used last is used next, so that few stay warm and the others age away. Bounded;
 * beyond the bound requests wait in order, up to a bound and a time.
 */
export class EndpointPool implements ConnectionPool, ConnectionSource, ConnectionOwner, Expirable {
  readonly ca: string | undefined;
  readonly #endpoint: Endpoint;
  readonly #limits: PoolLimits;
  readonly #wheel: TimerWheel;
  readonly #all = new Set<UpstreamConnection>();
  /** Oldest first. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #waiting: PoolWaiter[] = [];
  readonly #sessions = new Map<string, Buffer>();
  /** Connections on their way, by server name. */
  readonly #connecting = new Map<string, number>();
  #closing = false;
  #watch: WheelTimer | null = null;

  constructor(endpoint: Endpoint, limits: PoolLimits, wheel: TimerWheel, ca: string | undefined) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#wheel = wheel;
    this.ca = ca;
  }

  /** Whether an endpoint's address can be connected to at all. */
  static reachable({ record: { address, port } }: Endpoint): boolean {
    return port > 0 && port < 65_536 && (isIP(address) !== 0 || HOST_NAME.test(address));
  }

  /** Answers through the waiter, at once when a connection is idle. False: too many wait already. */
  acquire(waiter: PoolWaiter): boolean {
    const now = performance.now();
    const connection = this.#takeIdle(waiter.serverName, now);
    if (connection !== null) {
      this.#hand(connection, waiter, now);
      return true;
    }
    if (this.#waiting.length >= this.#limits.pending + this.#limits.connections - this.#busy) return false;
    waiter.waitingSince = now;
    this.#waiting.push(waiter);
    this.#connectMore();
    this.#startWatch();
    return true;
  }

  /** The waiter wants no connection any more. */
  forget(waiter: PoolWaiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    if (this.#waiting.length === 0) {
      for (const connection of this.#all) if (!connection.connected) connection.destroy();
    }
  }

  // --- what connections tell

  sessionOf(serverName: string): Buffer | undefined {
    return this.#sessions.get(serverName);
  }

  keepSession(serverName: string, session: Buffer): void {
    if (this.#sessions.size >= SESSIONS) this.#sessions.clear();
    this.#sessions.set(serverName, session);
  }

  onConnected(connection: UpstreamConnection): void {
    this.#count(connection.serverName, -1);
    this.onFree(connection);
  }

  onConnectFailed(connection: UpstreamConnection, code: ErrorCode): void {
    this.#count(connection.serverName, -1);
    this.#all.delete(connection);
    this.#takeWaiter(connection.serverName)?.onNoConnection(code);
    this.#connectMore();
  }

  onFree(connection: UpstreamConnection): void {
    const waiter = this.#waiting.length === 0 ? null : this.#takeWaiter(connection.serverName);
    if (waiter !== null) {
      waiter.onConnection(connection);
    } else if (this.#closing) {
      connection.destroy();
    } else {
      connection.idleSince = performance.now();
      this.#idle.push(connection);
      this.#startWatch();
      this.#connectMore();
    }
  }

  onClosed(connection: UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#connectMore();
  }

  /** Ends what has waited, idled or been silent for too long. */
  onTimeout(): void {
    this.#watch = null;
    const now = performance.now();
    while (this.#idle.length > 0 && this.#expired(this.#idle[0]!, now)) this.#idle.shift()!.destroy();
    while (this.#waiting.length > 0 && now - this.#waiting[0]!.waitingSince > this.#limits.pendingMs) {
      this.#waiting.shift()!.onNoConnection('SLUICE_UPSTREAM_OVERLOADED');
    }
    for (const connection of this.#all) this.#checkBusy(connection, now);
    this.#startWatch();
  }

  #checkBusy(connection: UpstreamConnection, now: number): void {
    if (!connection.connected) {
      if (now - connection.activeAt <= this.#limits.connectMs) return;
      connection.destroy();
      this.onConnectFailed(connection, 'SLUICE_UPSTREAM_CONNECT_TIMEOUT');
    } else if (connection.stalledFor(now) > this.#limits.stallMs) {
      connection.fail('SLUICE_UPSTREAM_STALLED');
    }
  }

  #startWatch(): void {
    if (this.#watch !== null || (this.#all.size === 0 && this.#waiting.length === 0)) return;
    const { connectMs, stallMs, keepAliveMs, pendingMs } = this.#limits;
    const shortest = Math.min(connectMs, stallMs, keepAliveMs, pendingMs);
    this.#watch = this.#wheel.schedule(this, Math.max(10, Math.min(500, shortest / 4)));
  }

  #expired(connection: UpstreamConnection, now: number): boolean {
    return now - connection.idleSince > Math.min(connection.keepAliveMs, this.#limits.keepAliveMs);
  }

  #takeIdle(serverName: string, now: number): UpstreamConnection | null {
    for (let at = this.#idle.length - 1; at >= 0; at--) {
      const connection = this.#idle[at]!;
      if (connection.serverName !== serverName) continue;
      if (at === this.#idle.length - 1) this.#idle.pop();
      else this.#idle.splice(at, 1);
      if (!this.#expired(connection, now) && connection.socket.writable) return connection;
      connection.destroy();
    }
    return null;
  }

  /** Who has waited longest for this server name. */
  #takeWaiter(wanted: string): PoolWaiter | null {
    const at = this.#waiting.findIndex(({ serverName }) => serverName === wanted);
    return at === -1 ? null : this.#waiting.splice(at, 1)[0]!;
  }

  /** The end of a connection that has been idle for a while may be waiting to be read: it gets a turn to show. */
  #hand(connection: UpstreamConnection, waiter: PoolWaiter, now: number): void {
    if (now - connection.idleSince < this.#limits.checkAfterMs) {
      waiter.onConnection(connection);
      return;
    }
    waiter.waitingSince = now;
    this.#waiting.unshift(waiter);
    setImmediate(() => {
      if (connection.closed) this.#connectMore();
      else this.onFree(connection);
    });
  }

  /** One connection for each waiter, within the bound. */
  #connectMore(): void {
    if (this.#waiting.length === 0) return;
    const wanted = new Map<string, number>();
    for (const { serverName } of this.#waiting) {
      const waiters = (wanted.get(serverName) ?? 0) + 1;
      wanted.set(serverName, waiters);
      if (waiters <= (this.#connecting.get(serverName) ?? 0)) continue;
      if (this.#all.size >= this.#limits.connections && !this.#makeRoom()) return;
      this.#count(serverName, 1);
      const connection = new UpstreamConnection(this, this.#endpoint, serverName);
      connection.activeAt = performance.now();
      this.#all.add(connection);
    }
  }

  /** Idle connections while somebody waits are to other host names: the oldest goes. */
  #makeRoom(): boolean {
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    this.#all.delete(oldest);
    oldest.destroy();
    return true;
  }

  #count(serverName: string, change: 1 | -1): void {
    const count = (this.#connecting.get(serverName) ?? 0) + change;
    if (count === 0) this.#connecting.delete(serverName);
    else this.#connecting.set(serverName, count);
  }

  /** Connections that carry an exchange. */
  get #busy(): number {
    let connecting = 0;
    for (const count of this.#connecting.values()) connecting += count;
    return this.#all.size - this.#idle.length - connecting;
  }
}
