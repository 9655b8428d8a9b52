import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type * as ioredis from 'ioredis';
import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { upstreamTls } from '../upstream/tls-options.ts';
import type { CalloutResult, RedisTarget } from '../wasm/host.ts';
import type { RedisCommand } from './redis-command.ts';
import { RedisStream } from './redis-stream.ts';

/** The client library, loaded by the first plugin that has use for it. */
export type RedisLibrary = Pick<typeof ioredis, 'AbstractConnector' | 'Command' | 'Redis'>;

let library: Promise<RedisLibrary> | null = null;

export function loadRedis(): Promise<RedisLibrary> {
  return (library ??= import('ioredis'));
}

/** How often a connection looks after itself. */
const LOOK_MS = 1_000;

export interface RedisConnectionParts {
  readonly endpoint: Endpoint;
  readonly target: RedisTarget;
  /** What the certificate of an endpoint with TLS is for. */
  readonly serverName: string;
  /** Certificates to trust; undefined: those of Node. */
  readonly ca: string | undefined;
  readonly wheel: TimerWheel;
  /** The connection takes no commands any more. @param reason '' when nothing went wrong */
  readonly onGone: (connection: RedisConnection, reason: string) => void;
}

/**
 * One connection to one endpoint, for one user and database; shared by all plugins of a tenant that use the same. It is
 * opened at once, and closed when it breaks, is idle, answers nothing, or when its endpoint goes.
 */
export class RedisConnection implements Expirable {
  readonly endpoint: Endpoint;
  readonly #parts: RedisConnectionParts;
  /** Commands from before it was ready. */
  #waiting: RedisCommand[] = [];
  /** Commands that have been written and not been answered. */
  readonly #sent = new Set<RedisCommand>();
  #client: ioredis.Redis | null = null;
  #library: RedisLibrary | null = null;
  #socket: Socket | null = null;
  #stream: RedisStream | null = null;
  #ready = false;
  #closed = false;
  /** Looks since the last sign of life. */
  #quiet = 0;
  #timer: WheelTimer | null;

  constructor(parts: RedisConnectionParts) {
    this.#parts = parts;
    this.endpoint = parts.endpoint;
    this.#timer = parts.wheel.schedule(this, LOOK_MS);
    void this.#open();
  }

  /** New commands may go over it. */
  get usable(): boolean {
    return !this.#closed && !this.endpoint.draining;
  }

  /** Nobody waits for it. */
  get idle(): boolean {
    return this.#sent.size + this.#waiting.length === 0;
  }

  /** False: it has too much to do. */
  send(command: RedisCommand): boolean {
    if (this.#sent.size + this.#waiting.length >= LIMITS.pluginRedisCommands) return false;
    if (this.idle) this.#quiet = 0;
    if (this.#ready) this.#write(command);
    else this.#waiting.push(command);
    return true;
  }

  /** Closes it now. What is under way fails. */
  close(): void {
    this.#end('');
  }

  onTimeout(): void {
    const quiet = ++this.#quiet * LOOK_MS;
    if (!this.#ready && quiet > LIMITS.connectTimeoutMs) this.#end('connecting took too long');
    else if (this.#sent.size > 0 && quiet > LIMITS.pluginCalloutMs) this.#end('the server answers nothing');
    else if (this.idle && (this.endpoint.draining || quiet > LIMITS.pluginRedisIdleMs)) this.#end('');
    else this.#timer = this.#parts.wheel.schedule(this, LOOK_MS);
  }

  async #open(): Promise<void> {
    try {
      this.#library = await loadRedis();
      const socket = await this.#connect();
      if (this.#closed) socket.destroy();
      else this.#begin(new RedisStream(socket), this.#library);
    } catch (error) {
      this.#end(messageOf(error));
    }
  }

  /** Resolves with a connected socket. */
  #connect(): Promise<Socket> {
    const { endpoint, serverName, ca } = this.#parts;
    const { address: host, port } = endpoint.record;
    return new Promise((resolve, reject) => {
      const done = (): void => resolve(socket.removeListener('error', reject));
      const socket: Socket =
        endpoint.scheme === 'http'
          ? connect({ host, port }, done)
          : connectTls({ host, port, ...upstreamTls(serverName, ca, '') }, done);
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
  }

  /** Has the library log in. */
  #begin(stream: RedisStream, { AbstractConnector, Redis: Client }: RedisLibrary): void {
    const { db, username, password } = this.#parts.target;
    this.#stream = stream;
    class Connector extends AbstractConnector {
      constructor() {
        super(0);
      }

      connect(): Promise<Socket> {
        return Promise.resolve(stream as unknown as Socket);
      }

      override disconnect(): void {
        stream.destroy();
      }
    }
    const client = new Client({
      Connector,
      db,
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
      protocol: 2,
      // Nothing but what was asked for goes to the server, and nothing goes twice.
      enableReadyCheck: false,
      disableClientInfo: true,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    this.#client = client;
    // Until it is ready, whatever fails leaves it with another user or database than it is for.
    client.on('error', (error: Error) => this.#end(error.message));
    client.on('ready', () => this.#onReady());
    client.on('end', () => this.#end('the server closed the connection'));
  }

  #onReady(): void {
    if (this.#closed) return;
    this.#ready = true;
    this.#quiet = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) if (!command.over) this.#write(command);
  }

  #write(command: RedisCommand): void {
    this.#sent.add(command);
    // The library writes it as it is, and learns nothing about it.
    const raw = new this.#library!.Command('raw');
    raw.toWritable = () => {
      this.#stream!.expect({ onReply: (reply) => this.#onReply(command, reply) });
      return command.query;
    };
    // It fails with its connection, of which we hear by ourselves.
    void Promise.resolve(this.#client!.sendCommand(raw)).catch(() => {});
  }

  #onReply(command: RedisCommand, reply: Buffer | null): void {
    this.#sent.delete(command);
    this.#quiet = 0;
    command.onReply(reply);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.wheel.cancel(this.#timer);
    this.#timer = null;
    const lost: readonly [readonly RedisCommand[], CalloutResult][] = [
      [[...this.#sent], 'reset'],
      [this.#waiting, this.#ready ? 'reset' : 'connect-failed'],
    ];
    this.#sent.clear();
    this.#waiting = [];
    this.#client?.disconnect();
    this.#stream?.destroy();
    this.#socket?.destroy();
    this.#parts.onGone(this, reason);
    for (const [commands, result] of lost) for (const command of commands) command.fail(result);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
