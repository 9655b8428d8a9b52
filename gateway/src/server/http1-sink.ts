import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { atTurnEnd, type TurnTask } from '../core/turn.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import type { Tunnel, TunnelOwner } from '../exchange/tunnel.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk, responseHead } from '../http1/write.ts';
import { httpDate } from './http-date.ts';
import type { Http1Body } from './http1-body.ts';
import type { ConnectionExchange, Http1Connection } from './http1-connection.ts';

/** The listener as its sinks need it. */
export interface SinkOwner {
  readonly log: Log;
  /** Responses ask their clients to close. */
  readonly draining: boolean;
  /** Answers in place of a sink, and closes the connection. */
  refuse(connection: Http1Connection, code: ErrorCode, head: RequestHead): void;
}

const OPEN = 0;
const HEAD_SENT = 1;
const SWITCHED = 2;
const OVER = 3;

/** Pieces up to this size leave in one string with what stands around them; larger ones are not worth the copy. */
const GLUE_BYTES = 16 * 1024;

/** The response of one exchange on an HTTP/1.1 connection. */
export class Http1Sink implements ResponseSink, ConnectionExchange, TunnelOwner, TurnTask {
  writer: SinkWriter | null = null;
  /** The client takes nothing at present. */
  blocked = false;
  body: Http1Body | null = null;
  /** The end of the body is the end of the connection (HTTP/1.0). */
  closeDelimited = false;
  readonly #connection: Http1Connection;
  readonly #owner: SinkOwner;
  readonly #request: RequestHead;
  #state = OPEN;
  #chunked = false;
  /** Nothing but the head is sent, whatever is written. */
  #bodyless = false;
  /** Bytes that the announced length leaves; -1 = none was announced. */
  #left = -1;
  /** Written and not yet handed to the socket, in latin1. */
  #pending = '';
  /** It will be, when the turn ends. */
  #flushing = false;
  /** It is the end. */
  #last = false;
  #trailers: HeaderList | null = null;
  #tunnel: Tunnel | null = null;

  constructor(connection: Http1Connection, owner: SinkOwner, request: RequestHead) {
    this.#connection = connection;
    this.#owner = owner;
    this.#request = request;
  }

  /** Its head was written. */
  get started(): boolean {
    return this.#state !== OPEN;
  }

  /** All of the response was written. */
  get ended(): boolean {
    return this.#state === OVER;
  }

  informational(status: number, headers: HeaderList): void {
    // HTTP/1.0 knows no 1xx.
    if (this.#state !== OPEN || this.#request.minorVersion === 0) return;
    if (status === 100) {
      this.body?.sendContinue();
      return;
    }
    const { socket } = this.#connection;
    // Of use only while they are news; a client that does not read must not collect them.
    if (socket.writableNeedDrain) return;
    // It would announce a body where none can be.
    headers.remove('content-length');
    try {
      socket.write(responseHead(status, headers, ''), 'latin1');
    } catch (error) {
      this.#owner.log.warn({ error: String(error) }, 'an informational response could not be sent');
    }
  }

  writeContinue(): void {
    if (this.#state === OPEN) this.#connection.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    if (this.#state !== OPEN) return;
    // Who answers before reading has no use for the body; who reads on may still take all of it.
    if (this.body?.untouched) this.body.stop();
    const framing = this.#frame(status, headers, endOfStream);
    try {
      this.#pending = responseHead(status, headers, framing);
    } catch (error) {
      this.#owner.log.error({ error: String(error) }, 'a response head could not be sent');
      this.refuse('SLUICE_GATEWAY_INTERNAL');
      return;
    }
    this.#state = HEAD_SENT;
    this.#flushSoon();
  }

  /** Says how the body ends and what becomes of the connection (RFC 9112 §6, §9.3). */
  #frame(status: number, headers: HeaderList, endOfStream: boolean): string {
    const old = this.#request.minorVersion === 0;
    this.#bodyless = status === 204 || status === 304 || this.#request.method === 'HEAD';
    if (status === 204) headers.remove('content-length');
    let length = headers.get('content-length');
    if (endOfStream && !this.#bodyless && length !== undefined && length !== '0') {
      // That of an answer to HEAD, or of a 204 or 304, of which a plugin has made something else.
      headers.remove('content-length');
      length = undefined;
    }
    let framing = headers.has('date') ? '' : `date: ${httpDate()}\r\n`;
    if (!this.#bodyless && length === undefined) {
      if (endOfStream) framing += 'content-length: 0\r\n';
      else if (old) this.closeDelimited = true;
      else this.#chunked = true;
    }
    if (this.#chunked) framing += 'transfer-encoding: chunked\r\n';
    this.#left = this.#bodyless || length === undefined ? -1 : Number(length);
    if (this.closeDelimited || this.#owner.draining) this.#connection.closeAfterResponse();
    if (this.#connection.closing) return `${framing}connection: close\r\n`;
    return old ? `${framing}connection: keep-alive\r\n` : framing;
  }

  data(chunk: Buffer): boolean {
    if (this.#state !== HEAD_SENT || this.#bodyless) return true;
    if (this.#left !== -1) {
      this.#left -= chunk.length;
      if (this.#left < 0) {
        this.#tear('longer than its content-length');
        return true;
      }
    }
    return chunk.length <= GLUE_BYTES ? this.#glue(chunk) : this.#pass(chunk);
  }

  #glue(chunk: Buffer): boolean {
    const text = chunk.toString('latin1');
    this.#flushSoon();
    this.#pending += this.#chunked ? chunkHead(chunk.length) + text + CHUNK_END : text;
    if (this.#pending.length < GLUE_BYTES) return !this.blocked;
    return this.#flush();
  }

  #pass(chunk: Buffer): boolean {
    const { socket } = this.#connection;
    const before = this.#pending + (this.#chunked ? chunkHead(chunk.length) : '');
    this.#pending = '';
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    // The chunk is the writer's again when this call returns.
    const flowing = socket.write(Buffer.from(chunk));
    if (this.#chunked) this.#pending = CHUNK_END;
    if (this.#pending !== '') socket.write(this.#take(), 'latin1');
    socket.uncork();
    return this.#block(flowing);
  }

  trailers(headers: HeaderList): void {
    // Without chunked framing there is no place for them.
    if (this.#state === HEAD_SENT && this.#chunked) this.#trailers = headers;
  }

  end(): void {
    if (this.#state !== HEAD_SENT) return;
    if (this.#left > 0) {
      this.#tear('shorter than its content-length');
      return;
    }
    this.#state = OVER;
    this.body?.stop();
    if (this.#chunked && !this.#bodyless) this.#pending += this.#lastChunk();
    this.#last = true;
    this.#flushSoon();
  }

  #lastChunk(): string {
    if (this.#trailers === null) return LAST_CHUNK;
    try {
      return lastChunk(this.#trailers);
    } catch (error) {
      this.#owner.log.warn({ error: String(error) }, 'trailers could not be sent');
      return LAST_CHUNK;
    }
  }

  upgrade(headers: HeaderList, duplex: Duplex): void {
    if (this.#state !== OPEN) {
      duplex.destroy();
      return;
    }
    headers.remove('content-length');
    try {
      const head = responseHead(101, headers, 'connection: upgrade\r\n');
      this.#connection.socket.write(head, 'latin1');
    } catch (error) {
      this.#owner.log.error({ error: String(error) }, 'a response head could not be sent');
      duplex.destroy();
      this.refuse('SLUICE_GATEWAY_INTERNAL');
      return;
    }
    this.#state = SWITCHED;
    this.#tunnel = this.#connection.switchProtocols(duplex, this);
  }

  onTunnelClosed({ sent, received, failure }: Tunnel): void {
    const open = this.#state !== OVER;
    this.#state = OVER;
    if (open) this.writer?.onTunnelClosed(sent, received, failure);
  }

  reset(_code: ErrorCode): void {
    if (this.#state === OVER) return;
    this.#state = OVER;
    if (this.#tunnel !== null) this.#tunnel.destroy();
    else if (this.closeDelimited) this.#connection.tear();
    else this.#connection.socket.destroy();
  }

  /** The gateway's own answer in place of one that cannot be sent. */
  refuse(code: ErrorCode): void {
    this.#abandon();
    this.body?.stop();
    this.#owner.refuse(this.#connection, code, this.#request);
  }

  #flushSoon(): void {
    if (!this.#flushing) atTurnEnd(this);
    this.#flushing = true;
  }

  onTurnEnd(): void {
    this.#flushing = false;
    if (this.#connection.socket.destroyed) return;
    if (this.#last) this.#connection.writeLast(this.#take());
    else if (this.#pending !== '' && this.#state === HEAD_SENT) this.#flush();
  }

  onSocketDrain(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.#connection.watchClient();
    if (this.#state === HEAD_SENT) this.writer?.onDrain();
  }

  /** The last byte has left. */
  onWritten(): void {
    this.#connection.release();
  }

  /** The socket is gone. */
  onConnectionClosed(): void {
    if (this.#state === SWITCHED) return;
    const open = this.#state !== OVER;
    this.#state = OVER;
    const { closedBy } = this.#connection;
    // Its writer knows the reason before the body does, whose readers would take the client for it.
    if (open) this.writer?.onSinkClosed(closedBy);
    this.body?.fail(closedBy);
  }

  #flush(): boolean {
    return this.#block(this.#connection.socket.write(this.#take(), 'latin1'));
  }

  #block(flowing: boolean): boolean {
    if (flowing || this.#connection.socket.destroyed) return true;
    this.blocked = true;
    this.#connection.watchClient();
    return false;
  }

  #take(): string {
    const pending = this.#pending;
    this.#pending = '';
    return pending;
  }

  /** What was to be written breaks the framing that the head announced: the client must see that it is incomplete. */
  #tear(how: string): void {
    this.#owner.log.error({ how }, 'a response does not fit its content-length');
    this.#abandon();
    this.#connection.socket.destroy();
  }

  #abandon(): void {
    this.#state = OVER;
    setImmediate(() => this.writer?.onSinkClosed('SLUICE_CLIENT_ABORTED'));
  }
}
