import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ErrorCode } from '../core/errors.ts';
import { SocketTlsFacts, type TlsFacts } from '../core/tls-facts.ts';
import type { Connection } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { Tunnel, type TunnelOwner } from '../exchange/tunnel.ts';
import type { MessageFault } from '../http1/fault.ts';
import { BODY_NONE } from '../http1/framing.ts';
import type { HeadLimits, RequestHead } from '../http1/request-head.ts';
import { type RequestHandler, RequestParser } from '../http1/request-parser.ts';
import { closeGently } from './refusal.ts';

/** What a connection takes of its client. Times in milliseconds. */
export interface ConnectionLimits {
  /** For more of a body, or until it takes more of a response. */
  readonly stall: number;
  /** For the rest of what it sends, when the connection closes. */
  readonly linger: number;
  /** For anything at all, after a switch of protocols. */
  readonly upgradeIdle: number;
  /** Bytes of a body that have to come in any such time in which the client could send. */
  readonly stallBytes: number;
  /** Requests; 0 = any number. */
  readonly requests: number;
}

/** The request body of the exchange under way, as its connection sees it. */
export interface ConnectionBody {
  /** Whose turn it is: the client's. */
  readonly reading: boolean;
  /** Bytes may be parsed: somebody takes them, or nobody ever will. */
  readonly flowing: boolean;
  /** Asked now and then: less than `least` bytes have come in the last `window` ms, all of which the client could send. */
  lags(now: number, window: number, least: number): boolean;
  /** False: not further than this piece for now. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: HeaderList | null): void;
  fail(code: ErrorCode): void;
}

/** The exchange under way, as its connection sees it. */
export interface ConnectionExchange {
  readonly body: ConnectionBody | null;
  /** The client takes nothing of the response at present. */
  readonly blocked: boolean;
  /** All of the response was written. */
  readonly ended: boolean;
  /** The response has no other end than the connection's, which must not look like one too early. */
  readonly closeDelimited: boolean;
  writeContinue(): void;
  onSocketDrain(): void;
  /** The last byte has left. */
  onWritten(): void;
  onConnectionClosed(): void;
}

/** What a connection needs of its listener. */
export interface ConnectionOwner {
  readonly draining: boolean;
  /** A request has come whole as far as its head; sets `exchange` unless it refuses. */
  onRequest(connection: Http1Connection, head: RequestHead): void;
  /** Bytes that are no request, outside of any exchange. */
  /** @param text the head as far as it was read; '' = nothing of use */
  onFault(connection: Http1Connection, fault: MessageFault, text: string): void;
  /** The last byte of a response has left, or never will. */
  onReleased(connection: Http1Connection): void;
  onClosed(connection: Http1Connection): void;
}

/** Received beyond the request under way before the client has to wait. */
const PIPELINE_BYTES = 64 * 1024;

let connectionIds = 0;

/**
 * A client's connection. It carries one exchange at a time: what a client sends ahead waits, in order, as bytes.
 */
export class Http1Connection implements Connection, RequestHandler {
  readonly id = ++connectionIds;
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: boolean;
  readonly serverName: string;
  readonly socket: Socket;
  /** The exchange under way; null between two. */
  exchange: ConnectionExchange | null = null;
  /** No further request is taken; it closes with the response. */
  closing = false;
  logPart: string | undefined = undefined;
  /** performance.now() since when the client has owed us a head: since it came, or since the first byte of a next one. */
  headSince = performance.now();
  /** performance.now() since when it has been idle; 0 while it is not. */
  idleSince = 0;
  /** Who is to blame when it closes in the middle of an exchange. */
  closedBy: ErrorCode = 'SLUICE_CLIENT_ABORTED';
  /** What TLS runs on; without TLS the same. */
  readonly #carrier: Socket;
  readonly #owner: ConnectionOwner;
  readonly #limits: ConnectionLimits;
  readonly #parser: RequestParser;
  /** Received and not yet parsed. */
  #rest: Buffer | null = null;
  /** The request under way has been parsed to its end. */
  #requestOver = true;
  #feeding = false;
  /** It carries another protocol now. */
  #tunnel: Tunnel | null = null;
  /** A timer runs against the client. */
  #watching = false;
  #requests = 0;
  /** The client has said that it sends nothing behind the request under way. */
  #clientIsDone = false;
  /** Called when the last bytes of a response have left. */
  readonly #onWritten = (): void => this.exchange?.onWritten();

  constructor(
    socket: Socket,
    carrier: Socket,
    listener: string,
    owner: ConnectionOwner,
    limits: ConnectionLimits,
    heads: HeadLimits,
  ) {
    this.socket = socket;
    this.#carrier = carrier;
    this.listener = listener;
    this.#owner = owner;
    this.#limits = limits;
    this.#parser = new RequestParser(this, heads);
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = socket.localAddress ?? '';
    this.localPort = socket.localPort ?? 0;
    this.tls = socket instanceof TLSSocket;
    this.serverName = socket instanceof TLSSocket ? serverNameOf(socket) : '';
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.exchange?.onSocketDrain());
    socket.on('timeout', () => this.#onStall());
    socket.on('error', ignore);
    socket.once('close', () => this.#onClosed());
  }

  get tlsFacts(): TlsFacts | null {
    return this.socket instanceof TLSSocket ? new SocketTlsFacts(this.socket) : null;
  }

  /** Between two requests, with nothing of the next one here. A connection that is new is not quiet. */
  get quiet(): boolean {
    return this.idleSince !== 0;
  }

  /** Bytes that the client has not taken yet, and those of it that nobody has read, or taken. */
  get bufferedBytes(): number {
    return this.socket.writableLength + this.#held + (this.#tunnel === null ? 0 : this.#tunnel.buffered);
  }

  get #held(): number {
    return this.#rest === null ? 0 : this.#rest.length;
  }

  /** The request under way has been received to its end, if not read. */
  get requestOver(): boolean {
    return this.#requestOver;
  }

  /** Parses on, in a later turn, when the reader of a body is ready for it. */
  pumpSoon(): void {
    process.nextTick(pump, this);
  }

  /** Parses what has been received, as far as somebody takes it. */
  pump(): void {
    if (this.#feeding || this.#tunnel !== null || this.socket.destroyed) return;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null) this.#feed(rest);
    if (this.#held < PIPELINE_BYTES) this.socket.resume();
  }

  /** Its response has ended: the next request may come, unless the connection closes. */
  release(): void {
    this.exchange = null;
    this.#owner.onReleased(this);
    if (this.#clientIsDone && !this.tls && this.#rest === null && this.socket.writableLength === 0) {
      // Nothing can come that would cost the client its response, so there is nothing to wait for.
      this.socket.destroy();
      return;
    }
    if (this.closing || this.#owner.draining) {
      this.finish();
      return;
    }
    this.watchClient();
    this.#settle();
    if (this.#rest !== null) this.pumpSoon();
  }

  /** Closes after the response; what the client still sends is read for a moment, so that the response arrives. */
  closeAfterResponse(): void {
    this.closing = true;
  }

  /** Ends it now, in good order. */
  finish(): void {
    this.closing = true;
    this.#rest = null;
    this.idleSince = 0;
    closeGently(this.socket, this.#limits.linger);
    this.socket.resume();
  }

  /** Says why it is about to be destroyed, so that its exchange does not blame the client; tears it where that must show. */
  blame(code: ErrorCode): void {
    this.closedBy = code;
    if (this.#tunnel !== null) this.#tunnel.failure ??= code;
    else if (this.exchange?.closeDelimited === true) this.tear();
  }

  /** Tears the connection so that the client sees that something is missing, where its end would mean completeness. */
  tear(): void {
    this.#carrier.resetAndDestroy();
  }

  /** From the bytes behind the request on, it carries another protocol between the client and `upstream`. */
  switchProtocols(upstream: Duplex, owner: TunnelOwner): Tunnel {
    const { socket } = this;
    this.closing = true;
    socket.pause();
    socket.removeAllListeners('data');
    if (this.#rest !== null) socket.unshift(this.#rest);
    this.#rest = null;
    this.#tunnel = new Tunnel(socket, upstream, this.#limits.upgradeIdle, owner);
    return this.#tunnel;
  }

  /** One timer watches whatever side waits for the client: its body, or its taking the response. */
  watchClient(): void {
    const { exchange } = this;
    this.#watch(exchange !== null && (exchange.blocked || exchange.body?.reading === true));
  }

  /** Called now and then: gives up a client that sends its body too slowly, or does not take the end of its response. */
  look(now: number): void {
    const { exchange } = this;
    if (exchange === null || this.#tunnel !== null) return;
    const { stall, stallBytes } = this.#limits;
    if (exchange.ended) this.#watch(true);
    else if (exchange.body?.reading === true && exchange.body.lags(now, stall, stallBytes)) this.#onStall();
  }

  #watch(waiting: boolean): void {
    if (waiting === this.#watching) return;
    this.#watching = waiting;
    this.socket.setTimeout(waiting ? this.#limits.stall : 0);
  }

  /** Writes the end of a response; `onWritten` follows when its last byte has left, which is at once as a rule. */
  writeLast(text: string): void {
    const { socket } = this;
    // TLS takes bytes later than it says.
    if (this.tls || socket.writableLength > 0) {
      socket.write(text, 'latin1', this.#onWritten);
      return;
    }
    socket.write(text, 'latin1');
    if (socket.writableLength === 0) this.#onWritten();
    else socket.write('', 'latin1', this.#onWritten);
  }

  // --- what the socket tells

  #onData(chunk: Buffer): void {
    // A closing connection is read so that its answer arrives, and for nothing else.
    if (this.closing && this.exchange === null) return;
    if (this.#rest === null) this.#feed(chunk);
    else this.#rest = Buffer.concat([this.#rest, chunk]);
    if (this.#held >= PIPELINE_BYTES) this.socket.pause();
  }

  #feed(chunk: Buffer): void {
    this.#feeding = true;
    let at = 0;
    while (at < chunk.length && this.#mayParse()) {
      if (this.#requestOver) this.#begin();
      at = this.#parser.execute(chunk, at);
    }
    this.#feeding = false;
    if (at === chunk.length) return;
    if (this.#tunnel !== null) this.socket.unshift(chunk.subarray(at));
    else if (!this.#discards()) this.#rest = at === 0 ? chunk : chunk.subarray(at);
  }

  /** Bytes of a request that will never come, or of one that nobody will answer. */
  #discards(): boolean {
    return this.closing && this.#requestOver;
  }

  #mayParse(): boolean {
    if (this.socket.destroyed) return false;
    if (this.#requestOver) return this.exchange === null && !this.closing;
    const body = this.exchange === null ? null : this.exchange.body;
    return body === null || body.flowing;
  }

  #begin(): void {
    if (this.idleSince !== 0) {
      this.idleSince = 0;
      this.headSince = performance.now();
    }
  }

  /** Nothing is under way: the idle time begins, unless a head has begun. */
  #settle(): void {
    if (this.#rest === null && this.#parser.atRest) this.idleSince = performance.now();
    else this.headSince = performance.now();
  }

  #onEnd(): void {
    if (this.#tunnel !== null) return;
    const fault = this.closing ? null : this.#parser.close();
    // A response that is whole may still be on its way to the client.
    if (this.exchange !== null && this.exchange.ended) this.closing = true;
    else if (this.exchange !== null) this.#cut();
    // What is missing of a body that nobody wanted has had its answer.
    else if (fault !== null && this.#requestOver && !this.socket.destroyed) this.#owner.onFault(this, fault, '');
    else this.socket.end();
  }

  #onClosed(): void {
    this.exchange?.onConnectionClosed();
    if (this.exchange !== null) {
      this.exchange = null;
      this.#owner.onReleased(this);
    }
    this.#owner.onClosed(this);
  }

  #onStall(): void {
    if (this.#tunnel !== null) return;
    const { exchange } = this;
    if (exchange !== null && !exchange.blocked && exchange.body?.reading === true) {
      this.closeAfterResponse();
      exchange.body.fail('SLUICE_REQUEST_TIMEOUT');
    } else {
      this.#cut();
    }
  }

  #cut(): void {
    if (this.exchange?.closeDelimited === true) this.tear();
    else this.socket.destroy();
  }

  // --- what the parser finds

  onRequest(head: RequestHead): boolean {
    this.#requestOver = false;
    this.headSince = 0;
    this.#clientIsDone = !head.keepAlive && head.framing === BODY_NONE;
    if (!head.keepAlive || ++this.#requests === this.#limits.requests) this.closing = true;
    this.#owner.onRequest(this, head);
    return this.#mayParse();
  }

  onRequestData(data: Buffer): boolean {
    const body = this.#body;
    return body === null || body.onData(data);
  }

  onRequestEnd(trailers: HeaderList | null): void {
    this.#requestOver = true;
    // Its response may have left before.
    if (this.exchange === null) this.#settle();
    else this.#body?.onEnd(trailers);
  }

  onRequestFault(fault: MessageFault, text: string): void {
    this.#requestOver = true;
    if (this.exchange === null) {
      if (!this.closing) this.#owner.onFault(this, fault, text);
      return;
    }
    // Its body is broken: it learns so, and may answer; then the end.
    this.closeAfterResponse();
    this.#body?.fail(fault.code);
  }

  get #body(): ConnectionBody | null {
    return this.exchange === null ? null : this.exchange.body;
  }
}

function pump(connection: Http1Connection): void {
  connection.pump();
}

function ignore(): void {}

/** Node says false where the client named none, and where it took up a session of TLS 1.2. */
function serverNameOf({ servername }: TLSSocket & { readonly servername?: string | false | null }): string {
  return typeof servername === 'string' ? servername : '';
}
