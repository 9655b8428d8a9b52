import type { Socket } from 'node:net';
import type { ListenerLimits } from '../config/schema-limits.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { MetricSlots } from '../core/metrics.ts';
import { Exchange } from '../exchange/exchange.ts';
import type { MessageFault } from '../http1/fault.ts';
import { BODY_NONE } from '../http1/framing.ts';
import { describeHead, type HeadLimits, type RequestHead } from '../http1/request-head.ts';
import type { TlsSpec } from '../runtime/listener-feed.ts';
import { Acceptor } from './acceptor.ts';
import { Http1Body } from './http1-body.ts';
import { type ConnectionOwner, type ConnectionLimits, Http1Connection } from './http1-connection.ts';
import { Http1Sink, type SinkOwner } from './http1-sink.ts';
import type { ExchangeHandler, Listener, RefusalHandler } from './listener.ts';
import { refusalBytes } from './refusal.ts';
import { TlsTerminator } from './tls-terminator.ts';

export interface ListenerOptions {
  readonly name: string;
  /** '::' takes IPv4 as well, and stands for 0.0.0.0 where IPv6 is off. */
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Several listeners, in several threads, share the port. */
  readonly reusePort: boolean;
  readonly limits: ListenerLimits;
  /** null: plain HTTP. */
  readonly tls: TlsSpec | null;
  readonly metrics: MetricSlots;
  readonly log: Log;
  readonly onRefused: RefusalHandler;
  /** How long a closing connection is read from, ms; default: the limits table. */
  readonly lingerMs?: number;
  /** Default: the limits table. */
  readonly handshakeTimeoutMs?: number;
}

/**
 * Opens a listener for HTTP/1.1 and HTTP/1.0.
 *
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED, SLUICE_TLS_CERTIFICATE_UNUSABLE
 */
export async function listen(options: ListenerOptions, handler: ExchangeHandler): Promise<Http1Listener> {
  const listener = new Http1Listener(options, handler);
  await listener.open();
  return listener;
}

/** @throws GatewayError SLUICE_TLS_CERTIFICATE_UNUSABLE */
function certified<T>(listener: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new GatewayError('SLUICE_TLS_CERTIFICATE_UNUSABLE', `listener ${listener}, ${String(error)}`, {
      cause: error,
    });
  }
}

/** HTTP/1.x on the connections of an acceptor, through TLS where the listener has it. */
export class Http1Listener implements Listener, SinkOwner, ConnectionOwner {
  readonly name: string;
  readonly log: Log;
  draining = false;
  activeExchanges = 0;
  limits: ListenerLimits;
  readonly #options: ListenerOptions;
  readonly #handler: ExchangeHandler;
  readonly #lingerMs: number;
  readonly #acceptor: Acceptor;
  readonly #tls: TlsTerminator | null;
  readonly #connections = new Set<Http1Connection>();
  #ofConnections: ConnectionLimits;
  readonly #heads: HeadLimits;
  /** ms that a connection may be idle; the limits say how long, overload may shorten it. */
  #idleTimeout: number;
  #sweep: NodeJS.Timeout | null = null;
  #sweepMs = 0;
  #sweptAt = 0;
  #drained: Promise<number> | null = null;
  #onAllGone: (() => void) | null = null;

  constructor(options: ListenerOptions, handler: ExchangeHandler) {
    this.name = options.name;
    this.log = options.log;
    this.limits = options.limits;
    this.#options = options;
    this.#handler = handler;
    this.#lingerMs = options.lingerMs ?? LIMITS.lingerMs;
    this.#ofConnections = this.#connectionLimits(options.limits);
    this.#heads = headLimits(options.limits);
    this.#idleTimeout = options.limits.idleTimeout;
    this.#tls = this.#createTls(options);
    // Of TLS a half-open connection is of no use: its end is told inside.
    const allowHalfOpen = this.#tls === null;
    this.#acceptor = new Acceptor({ ...options, allowHalfOpen }, (socket) => this.#accept(socket));
  }

  get address(): string {
    return this.#acceptor.address;
  }

  get port(): number {
    return this.#acceptor.port;
  }

  get connections(): number {
    return this.#acceptor.sockets.size;
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.bufferedBytes;
    return bytes;
  }

  async open(): Promise<void> {
    await this.#acceptor.open();
    this.#startSweep();
  }

  setIdleTimeout(ms: number): void {
    if (this.#idleTimeout === ms) return;
    this.#idleTimeout = ms;
    this.#startSweep();
  }

  setAccepting(accepting: boolean): void {
    this.#acceptor.setAccepting(accepting);
  }

  setLimits(limits: ListenerLimits): void {
    this.limits = limits;
    this.#ofConnections = this.#connectionLimits(limits);
    this.#acceptor.setLimits(limits);
    // The same object: connections that are open hold it.
    Object.assign(this.#heads, headLimits(limits));
    this.setIdleTimeout(limits.idleTimeout);
    this.#startSweep();
  }

  /** @throws GatewayError SLUICE_TLS_CERTIFICATE_UNUSABLE; then the former ones stay. */
  setTls(spec: TlsSpec): void {
    certified(this.name, () => this.#tls?.update(spec));
  }

  drain(deadlineMs: number = LIMITS.drainDeadlineMs): Promise<number> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  async close(): Promise<void> {
    this.draining = true;
    const closed = this.#acceptor.stop();
    this.#acceptor.destroyAll();
    await closed;
    this.#stopSweep();
  }

  // --- what connections tell

  onRequest(connection: Http1Connection, head: RequestHead): void {
    const refusal = unsupported(head);
    if (refusal !== null) {
      this.refuse(connection, refusal, head);
      return;
    }
    head.headers.set('host', head.authority);
    if (head.expectContinue) head.headers.remove('expect');
    const sink = new Http1Sink(connection, this, head);
    if (head.framing !== BODY_NONE) {
      sink.body = new Http1Body(connection, head.contentLength, head.expectContinue);
      sink.body.limit = this.limits.requestBody;
    }
    connection.exchange = sink;
    this.activeExchanges++;
    const { method, target, authority, headers } = head;
    const x = new Exchange(connection, protocolOf(head), method, target, authority, headers, sink.body, sink);
    x.upgrade = head.upgrade;
    this.#handle(x, sink);
  }

  onFault(connection: Http1Connection, { code }: MessageFault, text: string): void {
    this.#answer(connection, code, this.#options.onRefused(code, connection, describeHead(text)));
  }

  /** Answers a request in place of its exchange, and closes its connection. */
  refuse(connection: Http1Connection, code: ErrorCode, head: RequestHead): void {
    const { method, target, authority } = head;
    const booked = { method, target, authority, protocol: protocolOf(head) };
    this.#answer(connection, code, this.#options.onRefused(code, connection, booked));
  }

  onReleased(): void {
    this.activeExchanges--;
  }

  onClosed(connection: Http1Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onAllGone?.();
  }

  #connectionLimits(limits: ListenerLimits): ConnectionLimits {
    const { stallTimeout, minBodyRate, upgradeIdleTimeout, requestsPerConnection } = limits;
    return {
      stall: stallTimeout,
      linger: this.#lingerMs,
      upgradeIdle: upgradeIdleTimeout,
      stallBytes: (minBodyRate * stallTimeout) / 1000,
      requests: requestsPerConnection,
    };
  }

  #accept(socket: Socket): void {
    if (this.#tls === null) this.#serve(socket, socket);
    else if (!this.#tls.take(socket)) this.#acceptor.drop(socket);
  }

  #createTls({ name, tls, metrics, log, handshakeTimeoutMs }: ListenerOptions): TlsTerminator | null {
    if (tls === null) return null;
    const options = { name, metrics, log, ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }) };
    return certified(name, () => new TlsTerminator(tls, options, (socket, carrier) => this.#serve(socket, carrier)));
  }

  async #drain(deadlineMs: number): Promise<number> {
    this.draining = true;
    const closed = this.#acceptor.stop();
    for (const connection of this.#connections) if (connection.quiet) connection.finish();
    // Those that begin no exchange, or whose last bytes nobody takes, get a moment.
    const sweep = setInterval(() => this.#closeUnused(), this.#lingerMs);
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.activeExchanges;
      for (const connection of this.#connections) connection.blame('SLUICE_GATEWAY_DRAINING');
      this.#acceptor.destroyAll();
    }, deadlineMs);
    await closed;
    // The last connections are closed a moment before they tell their exchanges.
    await this.#allGone();
    clearInterval(sweep);
    clearTimeout(deadline);
    this.#stopSweep();
    return cut;
  }

  #allGone(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#connections.size === 0) resolve();
    else this.#onAllGone = resolve;
    return promise;
  }

  #closeUnused(): void {
    this.#tls?.closeHandshakes();
    for (const { exchange, socket } of this.#connections) if (exchange === null) socket.destroy();
  }

  /** @param carrier what TLS runs on; without TLS the socket itself */
  #serve(socket: Socket, carrier: Socket): void {
    this.#connections.add(new Http1Connection(socket, carrier, this.name, this, this.#ofConnections, this.#heads));
  }

  #handle(x: Exchange, sink: Http1Sink): void {
    try {
      this.#handler(x, this.activeExchanges > this.limits.exchanges);
    } catch (error) {
      const reason = error instanceof Error ? error.stack : String(error);
      this.log.error({ error: reason }, 'the handler of an exchange threw');
      if (sink.started) sink.reset('SLUICE_GATEWAY_INTERNAL');
      else sink.refuse('SLUICE_GATEWAY_INTERNAL');
    }
  }

  #answer(connection: Http1Connection, code: ErrorCode, traceId: string): void {
    if (connection.socket.writable) connection.socket.write(refusalBytes(code, traceId), 'latin1');
    connection.finish();
  }

  /** Looks after clients that do not send what they owe, and connections that nobody uses, often enough for the times. */
  #startSweep(): void {
    this.#stopSweep();
    const { headTimeout, stallTimeout } = this.limits;
    this.#sweepMs = Math.max(10, Math.min(1000, headTimeout / 4, stallTimeout / 4, this.#idleTimeout / 4));
    this.#sweptAt = performance.now();
    this.#sweep = setInterval(() => this.#sweepAfterReading(), this.#sweepMs).unref();
  }

  #stopSweep(): void {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }

  /** After a stall of the event loop what clients have sent meanwhile is read first: who is late is seen next time. */
  #sweepAfterReading(): void {
    const now = performance.now();
    const stalled = this.#sweptAt !== 0 && now - this.#sweptAt > 2 * this.#sweepMs;
    this.#sweptAt = stalled ? 0 : now;
    if (!stalled) this.#sweepConnections(now);
  }

  #sweepConnections(now: number): void {
    for (const connection of this.#connections) {
      connection.look(now);
      if (connection.closing) continue;
      const { idleSince, headSince } = connection;
      if (idleSince !== 0 && now - idleSince > this.#idleTimeout) connection.finish();
      else if (idleSince === 0 && headSince !== 0 && now - headSince > this.limits.headTimeout)
        this.#onLate(connection);
    }
  }

  /** Who has said nothing has asked for nothing, and is told nothing; nor is one who has his answer and owes the rest of a body. */
  #onLate(connection: Http1Connection): void {
    if (connection.socket.bytesRead === 0) connection.socket.destroy();
    else if (!connection.requestOver) connection.finish();
    else this.onFault(connection, LATE, '');
  }
}

const LATE: MessageFault = { code: 'SLUICE_REQUEST_TIMEOUT', reason: 'the head did not come in time' };

function headLimits({ requestHead, requestTarget, requestHeaders }: ListenerLimits): HeadLimits {
  return { headBytes: requestHead, targetBytes: requestTarget, fields: requestHeaders };
}

/** Why a well-formed request is not for this gateway. */
function unsupported({ upgrade, method, framing, unknownExpectation }: RequestHead): ErrorCode | null {
  if (unknownExpectation) return 'SLUICE_REQUEST_UNSUPPORTED';
  if (upgrade === '') return null;
  // Where the body ends and the other protocol begins two servers may see differently.
  if (framing !== BODY_NONE) return 'SLUICE_REQUEST_UNSUPPORTED';
  return upgrade === 'websocket' && method !== 'GET' ? 'SLUICE_REQUEST_INVALID' : null;
}

function protocolOf({ minorVersion }: RequestHead): string {
  return minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
}
