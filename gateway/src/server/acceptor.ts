import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';

/** How many connections are open at most. */
export interface AcceptorLimits {
  readonly connections: number;
  /** Of those, from one address; 0 = no bound. */
  readonly connectionsPerAddress: number;
}

export interface AcceptorOptions {
  readonly name: string;
  /** '::' takes IPv4 as well, and stands for 0.0.0.0 where IPv6 is off. */
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Several sockets, in several threads, share the port. */
  readonly reusePort: boolean;
  /** A client that has ended its side still gets an answer. */
  readonly allowHalfOpen: boolean;
  readonly limits: AcceptorLimits;
  readonly metrics: MetricSlots;
  readonly log: Log;
}

/** How soon a silent peer is asked whether it is still there; shorter than NAT tables of mobile networks forget. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** A listening socket that counts its connections, refuses those for which there is no room, and hands on the rest. */
export class Acceptor {
  /** Where it really listens. */
  address = '';
  port = 0;
  /** Open connections. */
  readonly sockets = new Set<Socket>();
  readonly #options: AcceptorOptions;
  readonly #server: Server;
  readonly #take: (socket: Socket) => void;
  readonly #perAddress = new Map<string, number>();
  #limits: AcceptorLimits;
  #accepting = true;
  #stopped: Promise<void> | null = null;

  /** @param take gets each connection, in the turn in which it came. */
  constructor(options: AcceptorOptions, take: (socket: Socket) => void) {
    this.#options = options;
    this.#take = take;
    this.#limits = options.limits;
    this.#server = createServer(
      {
        allowHalfOpen: options.allowHalfOpen,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      },
      (socket) => this.#onSocket(socket),
    );
    this.#server.on('drop', () => this.#countDropped());
    this.#bound();
  }

  /** @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED */
  async open(): Promise<void> {
    const { name, address, port, log } = this.#options;
    try {
      await this.#listen();
    } catch (error) {
      const place = `listener ${name} (${formatAddress(address, port)})`;
      if (codeOf(error) === 'EADDRINUSE') {
        throw new GatewayError('SLUICE_LISTENER_PORT_TAKEN', place, { cause: error });
      }
      throw new GatewayError('SLUICE_LISTENER_FAILED', `${place}, ${codeOf(error)}`, { cause: error });
    }
    const bound = this.#server.address() as { address: string; port: number };
    this.address = bound.address;
    this.port = bound.port;
    this.#server.on('error', (error) => log.error({ listener: name, error: error.message }, 'listener error'));
  }

  /** Holds for connections to come. */
  setLimits(limits: AcceptorLimits): void {
    this.#limits = limits;
    this.#bound();
  }

  /** false: every connection is closed as soon as it comes. */
  setAccepting(accepting: boolean): void {
    this.#accepting = accepting;
    this.#bound();
  }

  /** Takes no further connection. Resolves when those that are open have closed. */
  stop(): Promise<void> {
    if (this.#stopped === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#server.close(() => resolve());
      this.#stopped = promise;
    }
    return this.#stopped;
  }

  /** Cuts off all connections. */
  destroyAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Closes a connection for which there is no room. With a reset, since thousands of them would linger otherwise. */
  drop(socket: Socket): void {
    this.#countDropped();
    socket.resetAndDestroy();
  }

  #bound(): void {
    this.#server.maxConnections = this.#accepting ? this.#limits.connections : 0;
  }

  async #listen(): Promise<void> {
    const { address, port, reusePort } = this.#options;
    try {
      await bind(this.#server, address, port, reusePort);
    } catch (error) {
      const noIpv6 = address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error));
      if (!noIpv6) throw error;
      await bind(this.#server, '0.0.0.0', port, reusePort);
    }
  }

  #onSocket(socket: Socket): void {
    const { remoteAddress = '' } = socket;
    const { connectionsPerAddress: most } = this.#limits;
    const fromThere = this.#perAddress.get(remoteAddress) ?? 0;
    if (most > 0 && fromThere >= most) {
      this.drop(socket);
      return;
    }
    this.#perAddress.set(remoteAddress, fromThere + 1);
    this.sockets.add(socket);
    socket.once('close', () => this.#onClosed(socket, remoteAddress));
    this.#take(socket);
  }

  #onClosed(socket: Socket, remoteAddress: string): void {
    this.sockets.delete(socket);
    const left = this.#perAddress.get(remoteAddress)! - 1;
    if (left === 0) this.#perAddress.delete(remoteAddress);
    else this.#perAddress.set(remoteAddress, left);
  }

  #countDropped(): void {
    this.#options.metrics.add(WORKER_SLOTS.connectionsRefused, 1);
  }
}

/** Who waits for 'listening' or 'error'; node reports the outcome of listen() by events. */
function bind(server: Server, host: string, port: number, reusePort: boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, reusePort }, () => {
    server.removeListener('error', reject);
    resolve();
  });
  return promise;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}
