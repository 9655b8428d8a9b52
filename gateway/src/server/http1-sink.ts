import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import type { Http1Body } from './http1-body.ts';
import type { ConnectionUser, Http1Connection } from './http1-connection.ts';

/** What a sink needs of the server's response. */
export interface ResponseWriter {
  sink: Http1Sink | null;
  strictContentLength: boolean;
  chunkedEncoding: boolean;
  readonly req: { readonly method?: string | undefined; readonly httpVersionMinor: number };
  /** null before its turn among pipelined responses. */
  readonly socket: Socket | null;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  on(event: 'drain' | 'finish', listener: (this: ResponseWriter) => void): unknown;
  once(event: 'socket', listener: (socket: Socket) => void): unknown;
  writeInformation(status: number, headers: readonly string[]): unknown;
  writeHead(status: number, headers: string[]): unknown;
  write(chunk: Buffer): boolean;
  write(chunk: string, encoding: 'latin1'): boolean;
  addTrailers(headers: readonly [string, string][]): void;
  end(body?: string): unknown;
}

/** The listener as its sinks need it. */
export interface SinkOwner {
  readonly log: Log;
  /** Responses ask their clients to close. */
  readonly draining: boolean;
  /** The last byte of a response has left, or never will. */
  release(sink: Http1Sink, connection: Http1Connection): void;
  /** Answers in place of a sink, and closes the connection. */
  refuse(response: ResponseWriter, code: ErrorCode, connection: Http1Connection): void;
}

function onDrain(this: ResponseWriter): void {
  this.sink!.onDrain();
}

function onFinish(this: ResponseWriter): void {
  this.sink!.onFinish();
}

function flushHead(sink: Http1Sink): void {
  sink.flushHead();
}

const OPEN = 0;
const HEAD_SENT = 1;
const OVER = 2;

/** The response of one exchange on an HTTP/1.1 connection. */
export class Http1Sink implements ResponseSink, ConnectionUser {
  writer: SinkWriter | null = null;
  /** The client takes nothing at present. */
  blocked = false;
  body: Http1Body | null = null;
  readonly #response: ResponseWriter;
  readonly #connection: Http1Connection;
  readonly #owner: SinkOwner;
  #state = OPEN;
  #drains = false;
  #flushed = false;
  /** The end of the body is the end of the connection (HTTP/1.0). */
  #closeDelimited = false;

  constructor(response: ResponseWriter, connection: Http1Connection, owner: SinkOwner) {
    this.#response = response;
    this.#connection = connection;
    this.#owner = owner;
    response.sink = this;
    response.strictContentLength = true;
    response.on('finish', onFinish);
  }

  informational(status: number, headers: HeaderList): void {
    const response = this.#response;
    // A pipelined response has no socket before its turn; HTTP/1.0 knows no 1xx.
    if (this.#state !== OPEN || response.socket === null || response.req.httpVersionMinor === 0) return;
    if (status === 100) {
      this.body?.sendContinue();
      return;
    }
    try {
      response.writeInformation(status, headers.toPairs());
    } catch (error) {
      this.#owner.log.warn({ error: String(error) }, 'an informational response could not be sent');
    }
  }

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    if (this.#state !== OPEN) return;
    const response = this.#response;
    // Who answers before reading has no use for the body; who reads on may still take all of it.
    if (this.body?.untouched) this.body.stop();
    if (this.#connection.closing || this.#owner.draining) headers.set('connection', 'close');
    const bodyless = status === 204 || status === 304 || response.req.method === 'HEAD';
    if (status === 204) headers.remove('content-length');
    else if (endOfStream && !bodyless && !headers.has('content-length')) headers.append('content-length', '0');
    try {
      response.writeHead(status, headers.toPairs() as string[]);
    } catch (error) {
      this.#owner.log.error({ error: String(error) }, 'a response head could not be sent');
      this.refuse('SLUICE_GATEWAY_INTERNAL');
      return;
    }
    this.#state = HEAD_SENT;
    this.#closeDelimited = !bodyless && !response.chunkedEncoding && !headers.has('content-length');
    process.nextTick(flushHead, this);
  }

  /** Sends a head that no data followed in the same turn; otherwise both leave in one write. */
  flushHead(): void {
    if (this.#state !== HEAD_SENT || this.#flushed || this.#response.destroyed) return;
    this.#flushed = true;
    // Not flushHeaders(), which encodes the head as UTF-8.
    this.#response.write('', 'latin1');
  }

  data(chunk: Buffer): boolean {
    if (this.#state !== HEAD_SENT) return true;
    this.#flushed = true;
    const response = this.#response;
    try {
      if (response.write(Buffer.from(chunk))) return true;
    } catch (error) {
      this.#tear(error);
      return true;
    }
    if (response.destroyed) return true;
    if (!this.#drains) response.on('drain', onDrain);
    this.#drains = true;
    this.blocked = true;
    this.#connection.watchClient(true);
    return false;
  }

  trailers(headers: HeaderList): void {
    // Without chunked framing there is no place for them.
    if (this.#state !== HEAD_SENT || !this.#response.chunkedEncoding) return;
    const pairs: [string, string][] = [];
    for (let i = 0; i < headers.size; i++) pairs.push([headers.nameAt(i), headers.valueAt(i)]);
    try {
      this.#response.addTrailers(pairs);
    } catch (error) {
      this.#owner.log.warn({ error: String(error) }, 'trailers could not be sent');
    }
  }

  end(): void {
    if (this.#state !== HEAD_SENT) return;
    this.#state = OVER;
    this.body?.stop();
    try {
      this.#response.end();
    } catch (error) {
      this.#tear(error);
    }
  }

  upgrade(_headers: HeaderList, duplex: Duplex): void {
    duplex.destroy();
    this.reset('SLUICE_REQUEST_UNSUPPORTED');
  }

  reset(_code: ErrorCode): void {
    if (this.#state === OVER) return;
    this.#state = OVER;
    const response = this.#response;
    const { socket } = this.#connection;
    if (response.socket === null) {
      // Pipelined: the responses before it are whole and still to leave.
      response.once('socket', (late: Socket) => late.destroy());
    } else if (this.#closeDelimited) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** The gateway's own answer in place of one that cannot be sent. */
  refuse(code: ErrorCode): void {
    this.#response.chunkedEncoding = false;
    this.#abandon();
    this.body?.stop();
    this.#owner.refuse(this.#response, code, this.#connection);
  }

  onDrain(): void {
    this.blocked = false;
    this.#connection.watchClient(this.body?.reading ?? false);
    if (this.#state === HEAD_SENT) this.writer?.onDrain();
  }

  onFinish(): void {
    this.#owner.release(this, this.#connection);
  }

  /** The socket is gone. */
  onConnectionClosed(): void {
    const open = this.#state !== OVER;
    this.#state = OVER;
    this.body?.fail('SLUICE_CLIENT_ABORTED');
    if (open) this.writer?.onSinkClosed();
  }

  /** What was to be written breaks the framing that the head announced: the client must see that it is incomplete. */
  #tear(error: unknown): void {
    this.#owner.log.error({ error: String(error) }, 'a response does not fit its content-length');
    this.#abandon();
    this.#connection.socket.destroy();
  }

  #abandon(): void {
    this.#state = OVER;
    setImmediate(() => this.writer?.onSinkClosed());
  }
}
