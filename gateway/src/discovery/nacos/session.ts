import type { Log } from '../../core/log.ts';
import { type Cancel, type Clock, jitter } from '../clock.ts';
import { NacosConnection } from './connection.ts';
import { type Json, NacosError, numberOf, reasonOf, textOf } from './messages.ts';
import { localAddress, type NacosServer } from './servers.ts';

/** Pause after a full turn over the servers; grows by itself each turn. */
const BACKOFF_STEP_MS = 100;
const BACKOFF_STEPS = 50;
/** A connection that lived this long was a good one; shorter ones count as failures, so that flapping slows down. */
const STABLE_MS = 5_000;

export interface SessionOptions {
  readonly servers: readonly NacosServer[];
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A new connection serves from now on; whatever the one before knew must be asked again. */
  readonly up: (connection: NacosConnection) => void;
  /** There is no connection from now on. */
  readonly down: () => void;
  /** A push on the connection that serves. */
  readonly pushed: (type: string, body: Json) => void;
}

/**
 * Keeps one connection to one of the servers: round robin from a random start, backoff with jitter between attempts, a
 * switch without a gap when the server asks for it.
 */
export class NacosSession {
  readonly #options: SessionOptions;
  #serving: NacosConnection | null = null;
  /** Being opened; not serving yet. */
  #candidate: NacosConnection | null = null;
  #server: NacosServer | null = null;
  #next: number;
  #failures = 0;
  #upSince = 0;
  #since: number;
  #lastError = '';
  #cancelPause: Cancel = () => {};
  #connecting = false;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#next = Math.floor(options.clock.random() * options.servers.length);
    this.#since = options.clock.now();
    this.#connect();
  }

  get connection(): NacosConnection | null {
    return this.#serving;
  }

  /** Address of the server in use, '' when there is none. */
  get server(): string {
    return this.#server?.address ?? '';
  }

  /** Epoch milliseconds since when there is, or is no, connection. */
  get since(): number {
    return this.#since;
  }

  /** Why there is no connection; '' when there is one. */
  get lastError(): string {
    return this.#lastError;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelPause();
    this.#candidate?.close();
    this.#serving?.close();
    this.#serving = null;
  }

  #connect(): void {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    // A connection to replace does not count as a failure: the first attempt goes at once.
    const delay = this.#failures === 0 ? 0 : this.#backoff();
    if (delay === 0) void this.#attempt();
    else this.#cancelPause = this.#options.clock.after(delay, () => void this.#attempt());
  }

  #backoff(): number {
    const turns = Math.floor(this.#failures / this.#options.servers.length);
    return jitter(this.#options.clock, Math.min(turns + 1, BACKOFF_STEPS) * BACKOFF_STEP_MS, 0.3);
  }

  async #attempt(): Promise<void> {
    const { servers, namespace, clock, log } = this.#options;
    const server = servers[this.#next++ % servers.length]!;
    const candidate = new NacosConnection({
      address: server.grpcAddress,
      clientIp: localAddress(server.host),
      namespace,
      clock,
      log,
      pushed: (connection, type, body) => this.#pushed(connection, type, body),
      down: (connection, reason) => this.#ended(connection, reason),
    });
    this.#candidate = candidate;
    try {
      await candidate.open();
      if (candidate.closed) throw new NacosError('the server ended the connection');
    } catch (error) {
      candidate.close();
      this.#failed(server, reasonOf(error));
    }
    this.#candidate = null;
    this.#connecting = false;
    if (this.#closed) return;
    if (candidate.closed) this.#connect();
    else this.#adopt(candidate, server);
  }

  #failed(server: NacosServer, reason: string): void {
    if (this.#closed) return;
    // The first failure is news; an outage of hours need not be told ten thousand times.
    const level = this.#failures++ === 0 ? 'warn' : 'debug';
    const { namespace, log } = this.#options;
    if (this.#serving === null) this.#lastError = `${server.address}: ${reason}`;
    log[level]({ server: server.address, namespace, reason }, 'nacos: cannot connect; trying on');
  }

  #adopt(connection: NacosConnection, server: NacosServer): void {
    const { clock, log, namespace } = this.#options;
    const before = this.#serving;
    this.#serving = connection;
    this.#server = server;
    this.#upSince = clock.now();
    if (before === null) this.#since = this.#upSince;
    this.#lastError = '';
    log.info({ server: server.address, namespace }, 'nacos: connected');
    this.#options.up(connection);
    before?.close();
  }

  #ended(connection: NacosConnection, reason: string): void {
    if (connection !== this.#serving) return;
    const { clock, log, namespace } = this.#options;
    const server = this.server;
    this.#serving = null;
    this.#server = null;
    this.#since = clock.now();
    this.#lastError = `${server}: ${reason}`;
    this.#judge();
    log.warn({ server, namespace, reason }, 'nacos: connection lost; endpoints stay as last known');
    this.#options.down();
    this.#connect();
  }

  #pushed(connection: NacosConnection, type: string, body: Json): void {
    if (connection !== this.#serving) return;
    if (type === 'ConnectResetRequest') this.#reset(body);
    else this.#options.pushed(type, body);
  }

  /** The server wants to get rid of us: open the next one (theirs, if we know it), then drop this one. */
  #reset(body: Json): void {
    const { servers, log, namespace } = this.#options;
    const host = textOf(body, 'serverIp');
    const port = Number(textOf(body, 'serverPort')) || numberOf(body, 'serverPort', 0);
    log.info({ server: this.server, namespace, to: host }, 'nacos: the server asks to reconnect');
    const sameHost = servers.filter((server) => server.host === host);
    const target = sameHost.find((server) => server.httpPort === port) ?? sameHost[0];
    if (target !== undefined) this.#next = servers.indexOf(target);
    this.#judge();
    this.#connect();
  }

  /** At the end of a connection: was it a good one? */
  #judge(): void {
    const lived = this.#options.clock.now() - this.#upSince;
    this.#failures = lived >= STABLE_MS ? 0 : this.#failures + 1;
  }
}
