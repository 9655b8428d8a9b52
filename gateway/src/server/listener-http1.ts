import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { formatAddress } from '../core/endpoint.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { Http1Body } from './http1-body.ts';
import { Http1Connection, type ListenerTimes } from './http1-connection.ts';
import { Http1Sink, type ResponseWriter, type SinkOwner } from './http1-sink.ts';
import { closeGently, refusalBytes, refusalOf } from './refusal.ts';
import { type ParsedTarget, parseTarget } from './request-target.ts';

export interface ListenerOptions {
  readonly name: string;
  /** '::' takes IPv4 as well, and stands for 0.0.0.0 where IPv6 is off. */
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Several listeners, in several threads, share the port. Default false. */
  readonly reusePort?: boolean;
  readonly log: Log;
  /** Called for each request that the listener answered itself: malformed, too large, too slow, or unsupported. */
  readonly onRefused?: (code: ErrorCode, connection: Connection) => void;
  /** Default: the limits table. */
  readonly times?: Partial<ListenerTimes>;
}

/** Takes over an exchange. Answers through its sink, and reads or stops its body. */
export type ExchangeHandler = (exchange: Exchange) => void;

/** An open listener. */
export interface Listener {
  readonly name: string;
  /** Where it really listens. */
  readonly address: string;
  readonly port: number;
  /** Open downstream connections. */
  readonly connections: number;
  /** Exchanges whose last byte has not left. */
  readonly activeExchanges: number;
  /**
   * Takes no new connection, closes idle ones and asks the others to close. Resolves when all exchanges are done, or
   * at the deadline when the rest has been cut off; with the number of those. A second call gets the first one's promise.
   */
  drain(deadlineMs?: number): Promise<number>;
  /** Cuts everything off at once. */
  close(): Promise<void>;
}

/**
 * Opens a listener for HTTP/1.1 and HTTP/1.0.
 *
 * @throws GatewayError SLUICE_LISTENER_PORT_TAKEN, SLUICE_LISTENER_FAILED
 */
export async function listen(options: ListenerOptions, handler: ExchangeHandler): Promise<Listener> {
  const listener = new Http1Listener(options, handler);
  await listener.open();
  return listener;
}

class Request extends IncomingMessage {
  source: Http1Body | null = null;
  wantsUpgrade = false;
}

class Response extends ServerResponse<Request> {
  sink: Http1Sink | null = null;
}

/** Who waits for 'listening' or 'error'; node reports the outcome of listen() by events. */
function bind(server: Server, address: string, options: ListenerOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: address, port: options.port, reusePort: options.reusePort ?? false }, () => {
    server.removeListener('error', reject);
    resolve();
  });
  return promise;
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}

class Http1Listener implements Listener, SinkOwner {
  readonly name: string;
  readonly log: Log;
  draining = false;
  activeExchanges = 0;
  readonly #options: ListenerOptions;
  readonly #handler: ExchangeHandler;
  readonly #times: ListenerTimes;
  readonly #server: Server<typeof Request, typeof Response>;
  readonly #connections = new Map<Socket, Http1Connection>();
  #address = '';
  #port = 0;
  #drained: Promise<number> | null = null;
  #onAllGone: (() => void) | null = null;

  constructor(options: ListenerOptions, handler: ExchangeHandler) {
    this.name = options.name;
    this.log = options.log;
    this.#options = options;
    this.#handler = handler;
    this.#times = {
      head: LIMITS.headTimeoutMs,
      keepAlive: LIMITS.keepAliveTimeoutMs,
      clientIdle: LIMITS.clientIdleMs,
      linger: LIMITS.lingerMs,
      ...options.times,
    };
    this.#server = this.#createServer();
  }

  get address(): string {
    return this.#address;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async open(): Promise<void> {
    const { name, address, port } = this.#options;
    try {
      await this.#bindTo(address);
    } catch (error) {
      const place = `listener ${name} (${formatAddress(address, port)})`;
      if (codeOf(error) === 'EADDRINUSE') {
        throw new GatewayError('SLUICE_LISTENER_PORT_TAKEN', place, { cause: error });
      }
      throw new GatewayError('SLUICE_LISTENER_FAILED', `${place}, ${codeOf(error)}`, { cause: error });
    }
    const bound = this.#server.address() as { address: string; port: number };
    this.#address = bound.address;
    this.#port = bound.port;
    this.#server.on('error', (error) => this.log.error({ listener: name, error: error.message }, 'listener error'));
  }

  drain(deadlineMs: number = LIMITS.drainDeadlineMs): Promise<number> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  close(): Promise<void> {
    this.draining = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }

  /** Answers a request that must not become an exchange, and closes its connection. */
  refuse(response: ResponseWriter, code: ErrorCode, connection: Http1Connection): void {
    connection.closeAfterResponse();
    const { status, headers, body } = refusalOf(code);
    response.writeHead(status, headers);
    response.end(body);
    this.#options.onRefused?.(code, connection);
  }

  /** The last byte of a response has left, or never will. */
  release(sink: Http1Sink, connection: Http1Connection): void {
    if (!connection.users.delete(sink)) return;
    this.activeExchanges--;
    if (connection.users.size > 0) return;
    connection.rest();
    if (this.draining || connection.closing) connection.socket.destroySoon();
  }

  async #bindTo(address: string): Promise<void> {
    try {
      await bind(this.#server, address, this.#options);
    } catch (error) {
      const noIpv6 = address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error));
      if (!noIpv6) throw error;
      await bind(this.#server, '0.0.0.0', this.#options);
    }
  }

  async #drain(deadlineMs: number): Promise<number> {
    this.draining = true;
    const closed = Promise.withResolvers<void>();
    // The HTTP server's own close also cuts connections whose first request is still on its way.
    NetServer.prototype.close.call(this.#server, () => closed.resolve());
    for (const connection of this.#connections.values()) if (connection.quiet) connection.socket.destroy();
    // Those that begin no exchange, or whose last bytes nobody takes, get a moment.
    const sweep = setInterval(() => this.#closeUnused(), this.#times.linger);
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.activeExchanges;
      this.#server.closeAllConnections();
    }, deadlineMs);
    await closed.promise;
    // The server is closed a moment before its last sockets tell their exchanges.
    await this.#allGone();
    clearInterval(sweep);
    clearTimeout(deadline);
    // Ends its timer for slow heads.
    this.#server.close();
    return cut;
  }

  #allGone(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#connections.size === 0) resolve();
    else this.#onAllGone = resolve;
    return promise;
  }

  #closeUnused(): void {
    for (const { users, socket } of this.#connections.values()) if (users.size === 0) socket.destroy();
  }

  #createServer(): Server<typeof Request, typeof Response> {
    const server = createServer({
      IncomingMessage: Request,
      ServerResponse: Response,
      maxHeaderSize: LIMITS.requestHeadBytes,
      headersTimeout: this.#times.head,
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1000, this.#times.head),
      keepAliveTimeout: this.#times.keepAlive,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => {
        request.wantsUpgrade = true;
        return false;
      },
    });
    // Node drops what exceeds its count without a word; the count is checked here, where it can be refused.
    server.maxHeadersCount = 0;
    server.maxConnections = LIMITS.connectionsPerListener;
    server.on('connection', (socket) => this.#onConnection(socket));
    server.on('request', (request, response) => this.#onRequest(request, response, false));
    server.on('checkContinue', (request, response) => this.#onRequest(request, response, true));
    server.on('checkExpectation', (request, response) => {
      this.refuse(response, 'SLUICE_REQUEST_UNSUPPORTED', this.#connections.get(request.socket)!);
    });
    server.on('connect', (_request, socket) => this.#refuseRaw(socket as Socket, 'SLUICE_REQUEST_UNSUPPORTED'));
    server.on('clientError', (error, socket) => this.#onClientError(codeOf(error), socket as Socket));
    server.on('timeout', (socket) => this.#connections.get(socket)?.onIdle());
    return server;
  }

  #onConnection(socket: Socket): void {
    const connection = new Http1Connection(socket, this.name, this.#times);
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      for (const user of connection.users) user.onConnectionClosed();
      for (const user of connection.users) this.release(user as Http1Sink, connection);
      if (this.#connections.size === 0) this.#onAllGone?.();
    });
  }

  #onRequest(request: Request, response: Response, expectContinue: boolean): void {
    const connection = this.#connections.get(request.socket);
    // Its response would come after the one that closes the connection.
    if (connection === undefined || connection.closing) return;
    const list = new PairHeaders(request.rawHeaders);
    const target = this.#check(request, list);
    if (typeof target === 'string') {
      this.refuse(response, target, connection);
      return;
    }
    list.set('host', target.authority);
    list.remove('expect');
    const sink = new Http1Sink(response, connection, this);
    const length = request.headers['content-length'];
    if (request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0)) {
      sink.body = new Http1Body(
        request,
        response,
        connection,
        length === undefined ? -1 : Number(length),
        expectContinue,
      );
    }
    connection.users.add(sink);
    this.activeExchanges++;
    const protocol = request.httpVersionMinor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
    const x = new Exchange(
      connection,
      protocol,
      request.method ?? '',
      target.target,
      target.authority,
      list,
      sink.body,
      sink,
    );
    try {
      this.#handler(x);
    } catch (error) {
      this.log.error(
        { error: error instanceof Error ? error.stack : String(error) },
        'the handler of an exchange threw',
      );
      if (response.headersSent) sink.reset('SLUICE_GATEWAY_INTERNAL');
      else sink.refuse('SLUICE_GATEWAY_INTERNAL');
    }
  }

  /** Where the request goes, or why it goes nowhere. */
  #check(request: Request, list: PairHeaders): ParsedTarget | ErrorCode {
    if (list.size > LIMITS.requestHeaderCount) return 'SLUICE_REQUEST_HEAD_TOO_LARGE';
    const url = request.url ?? '';
    if (url.length > LIMITS.requestTargetBytes) return 'SLUICE_REQUEST_TARGET_TOO_LONG';
    const hosts = list.getAll('host');
    if (hosts.length > 1 || (hosts.length === 0 && request.httpVersionMinor !== 0)) return 'SLUICE_REQUEST_INVALID';
    const coding = request.headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'SLUICE_REQUEST_UNSUPPORTED';
    if (coding !== undefined && request.httpVersionMinor === 0) return 'SLUICE_REQUEST_INVALID';
    // h2c may be ignored (RFC 9110 §7.8) and its client goes on in HTTP/1.1; others expect the switch.
    if (request.wantsUpgrade && request.headers.upgrade?.toLowerCase() !== 'h2c') return 'SLUICE_REQUEST_UNSUPPORTED';
    return parseTarget(url, hosts[0] ?? '') ?? 'SLUICE_REQUEST_INVALID';
  }

  #onClientError(code: string, socket: Socket): void {
    const connection = this.#connections.get(socket);
    const reason = refusalCode(code);
    if (connection === undefined || reason === null) {
      socket.destroy();
      return;
    }
    if (connection.users.size === 0) {
      if (!connection.closing) this.#refuseRaw(socket, reason);
      return;
    }
    if (code === 'HPE_INVALID_EOF_STATE' && connection.uploading) {
      // Nothing is malformed: the client is gone.
      socket.destroy();
      return;
    }
    // An exchange is under way: if the broken bytes are its body it learns so, and may answer; then the end.
    connection.closeAfterResponse();
    for (const user of connection.users) user.body?.fail(reason);
  }

  #refuseRaw(socket: Socket, code: ErrorCode): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.closing) return;
    connection.closing = true;
    socket.on('error', ignore);
    if (socket.writable) socket.write(refusalBytes(code), 'latin1');
    closeGently(socket, this.#times.linger);
    socket.resume();
    this.#options.onRefused?.(code, connection);
  }
}

function ignore(): void {}

/** The code for an error of node's parser or its timer; null for an error of the socket, which nobody can be told of. */
function refusalCode(code: string): ErrorCode | null {
  if (code === 'HPE_HEADER_OVERFLOW') return 'SLUICE_REQUEST_HEAD_TOO_LARGE';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'SLUICE_REQUEST_TIMEOUT';
  return code.startsWith('HPE_') ? 'SLUICE_REQUEST_INVALID' : null;
}
