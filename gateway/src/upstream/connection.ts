import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { SocketTlsFacts, type TlsFacts } from '../core/tls-facts.ts';
import type { UpstreamSocket } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { MessageFault } from '../http1/fault.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { type ResponseHandler, ResponseParser } from '../http1/response-parser.ts';
import type { Endpoint } from './endpoint.ts';
import { upstreamTls } from './tls-options.ts';

/** The exchange on a connection. */
export interface ConnectionCall extends ResponseHandler {
  /** Bytes of the request have been written: what comes now may be its response. */
  readonly sent: boolean;
  /** The connection is gone before the response was whole. */
  onConnectionLost(code: ErrorCode): void;
  /** The socket takes bytes again after a write answered false. */
  onSocketDrain(): void;
  /** The response that `onResponse` got was a 101 to be followed: what comes now on `socket` is the other protocol's. */
  onSwitched(socket: Duplex): void;
}

/** Who owns a connection. */
export interface ConnectionOwner {
  readonly ca: string | undefined;
  /** TLS session of an earlier connection to this server name. */
  sessionOf(serverName: string): Buffer | undefined;
  keepSession(serverName: string, session: Buffer): void;
  onConnected(connection: UpstreamConnection): void;
  onConnectFailed(connection: UpstreamConnection, code: ErrorCode): void;
  /** Its response is whole, and it can carry another request. */
  onFree(connection: UpstreamConnection): void;
  /** An idle connection closed, or a busy one when its exchange was over or lost. */
  onClosed(connection: UpstreamConnection): void;
}

/**
 * Sockets read into one piece of memory, one after the other: what a reader keeps it copies. Reads and their callbacks
 * happen in one go, so that connections never meet in it.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

/** How soon the silent peer of another protocol is asked whether it is still there. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** One HTTP/1.1 connection to an endpoint: carries one exchange at a time. */
export class UpstreamConnection implements ResponseHandler, UpstreamSocket {
  readonly serverName: string;
  readonly socket: Socket;
  /** performance.now() of the last byte from the peer, or of the write of the request. */
  activeAt = 0;
  /** performance.now() since when it has been idle. */
  idleSince = 0;
  /** Exchanges that it has carried. */
  served = 0;
  /** Idle longer than this, in milliseconds, the peer may close it. */
  keepAliveMs: number = LIMITS.upstreamKeepAliveMs;
  /** A byte of the response to the request under way has come. */
  answered = false;
  /** Its response may be followed by another. */
  reusable = true;
  connected = false;
  closed = false;
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  #call: ConnectionCall | null = null;
  /** The reader is behind. */
  #paused = false;
  /** Received and not yet parsed. */
  #rest: Buffer | null = null;
  /** The response has ended in the bytes that are being parsed. */
  #over = false;
  #headReceived = false;
  /** The peer has ended its side while the reader was behind. */
  #ended = false;
  /** The peer has switched protocols in the bytes that are being parsed. */
  #switching = false;

  /** @param switchable it may be handed over; then its reads have buffers of their own */
  constructor(owner: ConnectionOwner, endpoint: Endpoint, serverName: string, switchable = false) {
    this.#owner = owner;
    this.serverName = serverName;
    this.#parser = new ResponseParser(this, LIMITS.responseHeadBytes, LIMITS.responseHeaderCount);
    this.socket = this.#connect(endpoint, switchable);
    if (switchable) this.socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => this.#onError(error));
    this.socket.on('end', () => this.#onEnd());
    this.socket.on('close', () => this.#onClose());
    this.socket.on('drain', () => this.#call?.onSocketDrain());
  }

  get localAddress(): string {
    return this.socket.localAddress ?? '';
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  get tlsFacts(): TlsFacts | null {
    return this.socket instanceof TLSSocket ? new SocketTlsFacts(this.socket) : null;
  }

  get call(): ConnectionCall | null {
    return this.#call;
  }

  /** Sends nothing by itself: the call writes to the socket. @param toHead the request is HEAD */
  begin(call: ConnectionCall, toHead: boolean): void {
    this.#call = call;
    this.reusable = true;
    this.answered = false;
    this.#headReceived = false;
    this.activeAt = performance.now();
    this.#parser.expect(toHead);
  }

  /** The reader takes bytes again. */
  resume(): void {
    if (this.closed || !this.#paused) return;
    this.activeAt = performance.now();
    this.#paused = false;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null) this.#feed(rest);
    if (this.#paused || this.closed) return;
    if (this.#ended) this.#onEnd();
    else this.socket.resume();
  }

  /** Milliseconds that the peer has been silent in the middle of a response whose reader waits for it. */
  stalledFor(now: number): number {
    return this.#call === null || !this.#headReceived || this.#paused ? 0 : now - this.activeAt;
  }

  /** Ends it; its call hears of `code`. */
  fail(code: ErrorCode): void {
    this.#lose(code);
    this.destroy();
  }

  /** Follows the 101 that `onResponse` is telling of: the call gets the socket when all before it has been parsed. */
  switchProtocols(): void {
    this.#switching = true;
  }

  destroy(): void {
    this.closed = true;
    if (this.socket.closed) this.#owner.onClosed(this);
    else this.socket.destroy();
  }

  #connect(endpoint: Endpoint, switchable: boolean): Socket {
    const { address: host, port } = endpoint.record;
    const onread: OnReadOpts = { buffer: READ_BUFFER, callback: (bytes) => this.#onRead(bytes) };
    const target = switchable ? { host, port } : { host, port, onread };
    const onConnected = (): void => {
      this.connected = true;
      this.#owner.onConnected(this);
    };
    if (endpoint.scheme === 'http') return connect(target, onConnected);
    const { ca } = this.#owner;
    const session = this.#owner.sessionOf(this.serverName);
    const options: ConnectionOptions & { onread?: OnReadOpts } = {
      ...target,
      ...upstreamTls(this.serverName, ca, 'http/1.1'),
    };
    if (session !== undefined) options.session = session;
    const socket = connectTls(options, onConnected);
    socket.on('session', (fresh: Buffer) => this.#owner.keepSession(this.serverName, fresh));
    return socket;
  }

  /** False: read no more for now. */
  #onRead(bytes: number): boolean {
    if (this.closed) return false;
    this.activeAt = performance.now();
    const chunk = READ_BUFFER.subarray(0, bytes);
    if (this.#paused) {
      this.#keep(chunk);
      return false;
    }
    this.#feed(chunk);
    if (this.#rest !== null) this.#rest = Buffer.from(this.#rest);
    return !this.#paused;
  }

  #onData(chunk: Buffer): void {
    if (this.closed) return;
    this.activeAt = performance.now();
    if (this.#paused) this.#keep(chunk);
    else this.#feed(chunk);
    if (this.#paused) this.socket.pause();
  }

  /** TLS hands out what it has decrypted already, asked to stop or not. */
  #keep(chunk: Buffer): void {
    this.#rest = this.#rest === null ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
  }

  #feed(chunk: Buffer): void {
    // Bytes that nobody asked for: whose answer they are cannot be known.
    if (this.#call?.sent === false) {
      this.fail('SLUICE_UPSTREAM_RESET');
      return;
    }
    this.answered = true;
    let at = 0;
    while (at < chunk.length && !this.#paused && !this.closed && !this.#over && !this.#switching) {
      if (this.#call === null) this.destroy();
      else at = this.#parser.execute(chunk, at);
    }
    if (this.closed) return;
    if (this.#switching) this.#handOver(chunk.subarray(at));
    else if (this.#over) this.#finish(at === chunk.length);
    else if (at < chunk.length) this.#rest = chunk.subarray(at);
  }

  /** Only now: a next request must not get what this peer sent too much. */
  #finish(exactly: boolean): void {
    this.#over = false;
    this.#call = null;
    this.served++;
    if (exactly && this.reusable && !this.#ended) this.#owner.onFree(this);
    else this.destroy();
  }

  /** Nothing of it is this connection's any more. */
  #handOver(rest: Buffer): void {
    const call = this.#call!;
    this.#call = null;
    this.closed = true;
    const { socket } = this;
    socket.pause();
    socket.removeAllListeners('data');
    if (rest.length > 0) socket.unshift(rest);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    call.onSwitched(socket);
  }

  // --- what the parser finds

  onResponse(head: ResponseHead): void {
    // Whatever head says so, an informational one too.
    if (!head.keepAlive) this.reusable = false;
    this.#headReceived = head.status >= 200;
    if (this.served === 0) this.#readKeepAlive(head.headers);
    if (!this.closed) this.#call!.onResponse(head);
  }

  onResponseData(data: Buffer): boolean {
    if (this.closed) return false;
    this.#paused = !this.#call!.onResponseData(data);
    return !this.#paused;
  }

  onResponseEnd(trailers: HeaderList | null): void {
    if (this.closed) return;
    this.#over = true;
    this.#call!.onResponseEnd(trailers);
  }

  onResponseFault(fault: MessageFault): void {
    const call = this.#call;
    this.destroy();
    call?.onResponseFault(fault);
  }

  /** `Keep-Alive: timeout=N`: the peer says how long it keeps an idle connection; we leave a second earlier. */
  #readKeepAlive(headers: HeaderList): void {
    const seconds = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,6})/i.exec(headers.get('keep-alive') ?? '')?.[1];
    if (seconds !== undefined) this.keepAliveMs = Math.min(this.keepAliveMs, (Number(seconds) - 1) * 1000);
  }

  // --- what the socket tells

  #onEnd(): void {
    if (this.closed) return;
    this.#ended = this.#paused;
    if (this.#ended) return;
    const fault = this.#parser.close();
    if (fault === null) this.destroy();
    else this.fail('SLUICE_UPSTREAM_RESET');
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.closed) return;
    if (this.connected) {
      this.#lose('SLUICE_UPSTREAM_RESET');
      return;
    }
    this.closed = true;
    const late = error.code === 'ETIMEDOUT';
    this.#owner.onConnectFailed(this, late ? 'SLUICE_UPSTREAM_CONNECT_TIMEOUT' : 'SLUICE_UPSTREAM_CONNECT_FAILED');
  }

  #onClose(): void {
    // What has come before the end is still to be read.
    if (this.#ended && this.#paused && !this.closed) return;
    if (!this.closed && !this.connected) {
      this.closed = true;
      this.#owner.onConnectFailed(this, 'SLUICE_UPSTREAM_CONNECT_FAILED');
    }
    this.closed = true;
    this.#lose('SLUICE_UPSTREAM_RESET');
    this.#owner.onClosed(this);
  }

  #lose(code: ErrorCode): void {
    const call = this.#call;
    this.#call = null;
    call?.onConnectionLost(code);
  }
}
