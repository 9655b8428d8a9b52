import type { ErrorCode } from '../core/errors.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { ConnectionPool, Endpoint } from './endpoint.ts';
import { Http2Connection, type Http2Owner } from './http2-connection.ts';

/** Bounds of the HTTP/2 connections to one endpoint; the limits table says why. Times in milliseconds. */
export interface Http2Limits {
  readonly connections: number;
  /** Of one connection. */
  readonly streams: number;
  /** Calls that wait for a stream. */
  readonly pending: number;
  readonly pendingMs: number;
  readonly connectMs: number;
  readonly keepAliveMs: number;
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
}

/** Who waits for a stream. */
export interface Http2Waiter {
  /** Host name for TLS, '' without. */
  readonly serverName: string;
  /** performance.now() since when it has been waiting. */
  waitingSince: number;
  /** There is room for it now; it opens its stream at once. */
  onConnection(connection: Http2Connection): void;
  onNoConnection(code: ErrorCode): void;
}

/** HTTP/2 connections to one endpoint: few, each with many streams. Beyond their bounds calls wait in order. */
export class Http2Pool implements ConnectionPool, Http2Owner, Expirable {
  readonly ca: string | undefined;
  readonly #endpoint: Endpoint;
  readonly #limits: Http2Limits;
  readonly #wheel: TimerWheel;
  readonly #connections = new Set<Http2Connection>();
  #waiting: Http2Waiter[] = [];
  #closing = false;
  /** What waits will be served in this turn. */
  #serving = false;
  #watch: WheelTimer | null = null;

  constructor(endpoint: Endpoint, limits: Http2Limits, wheel: TimerWheel, ca: string | undefined) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#wheel = wheel;
    this.ca = ca;
  }

  /** Answers through the waiter, never at once. False: too many wait already, or it takes nothing new. */
  acquire(waiter: Http2Waiter): boolean {
    if (this.#closing || this.#waiting.length >= this.#limits.pending) return false;
    waiter.waitingSince = performance.now();
    this.#waiting.push(waiter);
    if (!this.#serving) queueMicrotask(() => this.#serve());
    this.#serving = true;
    this.#startWatch();
    return true;
  }

  /** The waiter wants no stream any more. */
  forget(waiter: Http2Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  close(): void {
    this.#closing = true;
    for (const connection of this.#connections) connection.retire();
    // They may find another endpoint.
    this.#refuse(() => true, 'SLUICE_UPSTREAM_CONNECT_FAILED');
  }

  // --- what connections tell

  onReady(): void {
    this.#serve();
  }

  onRoom(connection: Http2Connection): void {
    if (this.#waiting.length === 0) return;
    if (connection.retired) this.#giveUp(connection);
    this.#serve();
  }

  onNotReady(connection: Http2Connection, code: ErrorCode): void {
    if (!this.#connections.delete(connection)) return;
    this.#refuseFor(connection, code);
    this.#serve();
  }

  onClosed(connection: Http2Connection): void {
    this.#connections.delete(connection);
    this.#giveUp(connection);
    this.#serve();
  }

  /** One that never took a stream while calls were waiting: another one would not either. */
  #giveUp(connection: Http2Connection): void {
    if (connection.opened === 0) this.#refuseFor(connection, 'SLUICE_UPSTREAM_CONNECT_FAILED');
  }

  /** Ends what has waited, idled or been silent for too long. */
  onTimeout(): void {
    this.#watch = null;
    const now = performance.now();
    for (const connection of this.#connections) this.#check(connection, now);
    this.#refuse(({ waitingSince }) => now - waitingSince > this.#limits.pendingMs, 'SLUICE_UPSTREAM_OVERLOADED');
    this.#startWatch();
  }

  #check(connection: Http2Connection, now: number): void {
    const { connectMs, keepAliveMs } = this.#limits;
    if (!connection.ready) {
      if (now - connection.since <= connectMs) return;
      this.onNotReady(connection, 'SLUICE_UPSTREAM_CONNECT_TIMEOUT');
      connection.destroy();
    } else if (connection.streams === 0 && now - connection.since > keepAliveMs) {
      connection.retire();
    } else {
      connection.check(now, this.#limits);
    }
  }

  #startWatch(): void {
    if (this.#watch !== null || (this.#connections.size === 0 && this.#waiting.length === 0)) return;
    const { connectMs, keepAliveMs, pendingMs, pingTimeoutMs } = this.#limits;
    const shortest = Math.min(connectMs, keepAliveMs, pendingMs, pingTimeoutMs);
    this.#watch = this.#wheel.schedule(this, Math.max(10, Math.min(500, shortest / 4)));
  }

  /** Hands out what room there is, and makes more. */
  #serve(): void {
    this.#serving = false;
    const left: Http2Waiter[] = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) {
      const connection = this.#withRoom(waiter.serverName);
      if (connection === null) left.push(waiter);
      else waiter.onConnection(connection);
    }
    this.#waiting = [...left, ...this.#waiting];
    for (const { serverName } of this.#waiting) this.#connectMore(serverName);
  }

  #withRoom(serverName: string): Http2Connection | null {
    for (const connection of this.#connections) {
      if (connection.serverName === serverName && connection.room) return connection;
    }
    return null;
  }

  /** One at a time for each server name: it may be enough for all. */
  #connectMore(serverName: string): void {
    let count = 0;
    for (const connection of this.#connections) {
      if (connection.serverName === serverName && !connection.ready) return;
      // Those that only finish what they have are as many as streams allow.
      if (!connection.retired) count++;
    }
    if (this.#closing || (count >= this.#limits.connections && !this.#makeRoom())) return;
    this.#connections.add(new Http2Connection(this, this.#endpoint, serverName, this.#limits.streams));
    this.#startWatch();
  }

  /** Connections without streams while somebody waits are to other host names: the oldest goes. */
  #makeRoom(): boolean {
    for (const connection of this.#connections) {
      if (connection.streams > 0 || !connection.ready) continue;
      this.#connections.delete(connection);
      connection.retire();
      return true;
    }
    return false;
  }

  #refuseFor({ serverName }: Http2Connection, code: ErrorCode): void {
    this.#refuse((waiter) => waiter.serverName === serverName, code);
  }

  #refuse(which: (waiter: Http2Waiter) => boolean, code: ErrorCode): void {
    if (this.#waiting.length === 0) return;
    const refused = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((waiter) => !which(waiter));
    for (const waiter of refused) waiter.onNoConnection(code);
  }
}
