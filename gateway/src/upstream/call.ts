import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { atTurnEnd, type TurnTask } from '../core/turn.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { BODY_NONE } from '../http1/framing.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk } from '../http1/write.ts';
import type { UpstreamCall, UpstreamRequest } from './client.ts';
import type { ConnectionCall, UpstreamConnection } from './connection.ts';
import type { ConnectionSource, PoolWaiter } from './pool.ts';
import { isIdempotent } from './retry.ts';

const WAITING = 0;
const SENT = 1;
const OVER = 2;

/** Pieces up to this size leave in one string with what stands around them; larger ones are not worth the copy. */
const GLUE_BYTES = 8 * 1024;

/** One attempt: waits for a connection, writes the request, and passes the response to the sink. */
export class Http1Call implements UpstreamCall, ConnectionCall, PoolWaiter, BodyReader, TurnTask {
  readonly serverName: string;
  waitingSince = 0;
  connected = false;
  bodyStarted = false;
  /** Bytes of the request have been written to the connection. */
  sent = false;
  readonly #sink: ResponseSink;
  readonly #body: BodySource | null;
  readonly #isHead: boolean;
  readonly #repeatable: boolean;
  readonly #chunked: boolean;
  readonly #source: ConnectionSource;
  /** Protocols offered, joined by ', '; '' = none. */
  readonly #upgrade: string;
  readonly #head: string;
  /** Still to be written, in latin1: at first the head. */
  #pending = '';
  /** It will be, when the turn ends. */
  #flushing = false;
  #connection: UpstreamConnection | null = null;
  #state = WAITING;
  #bodyOver: boolean;
  #repeated = false;
  connection: UpstreamConnection | null = null;
  /** Head of a 101. */
  #switched: HeaderList | null = null;

  constructor(
    source: ConnectionSource,
    head: string,
    { method, body, upgrade = '' }: UpstreamRequest,
    serverName: string,
    sink: ResponseSink,
  ) {
    this.#source = source;
    this.#upgrade = upgrade;
    this.#head = head;
    this.serverName = serverName;
    this.#body = body;
    this.#bodyOver = body === null;
    this.#chunked = body !== null && body.length === -1;
    this.#isHead = method === 'HEAD';
    this.#repeatable = body === null && isIdempotent(method);
    this.#sink = sink;
    sink.writer = this;
  }

  abort(): void {
    if (this.#state === OVER) return;
    const connection = this.#connection;
    this.#finish();
    if (connection === null) this.#source.forget(this);
    else connection.destroy();
  }

  onDrain(): void {
    this.#connection?.resume();
  }

  onSinkClosed(): void {
    this.abort();
  }

  // --- the pool

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.connection = connection;
    this.#state = SENT;
    this.connected = true;
    connection.begin(this, this.#isHead);
    this.sent = false;
    this.#pending = '';
    this.#send(this.#head);
    if (this.#body === null) return;
    this.bodyStarted = true;
    this.#body.read(this);
  }

  /** Pieces that come together, as heads and tiny chunks do, leave together. */
  #send(text: string): void {
    if (!this.#flushing) atTurnEnd(this);
    this.#flushing = true;
    this.#pending += text;
    if (this.#pending.length >= GLUE_BYTES) this.#flush();
  }

  onTurnEnd(): void {
    this.#flushing = false;
    this.#flush();
  }

  onNoConnection(code: ErrorCode): void {
    this.#fail(code);
  }

  // --- the request's body

  onBodyData(chunk: Buffer): void {
    if (this.#state !== SENT) return;
    if (chunk.length > GLUE_BYTES) {
      this.#pass(chunk);
      return;
    }
    const text = chunk.toString('latin1');
    this.#send(this.#chunked ? chunkHead(chunk.length) + text + CHUNK_END : text);
  }

  #pass(chunk: Buffer): void {
    const { socket } = this.#connection!;
    this.sent = true;
    const before = this.#take() + (this.#chunked ? chunkHead(chunk.length) : '');
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    // The chunk is the source's again when this call returns.
    let flowing = socket.write(Buffer.from(chunk));
    if (this.#chunked) flowing = socket.write(CHUNK_END, 'latin1');
    socket.uncork();
    if (!flowing) this.#body!.pause();
  }

  onBodyEnd(trailers: HeaderList | null): void {
    this.#bodyOver = true;
    if (this.#state !== SENT) return;
    if (this.#chunked) this.#send(trailers === null ? LAST_CHUNK : lastChunk(trailers));
  }

  onBodyError(code: ErrorCode): void {
    this.#bodyOver = true;
    const connection = this.#connection;
    this.#fail(code);
    connection?.destroy();
  }

  onSocketDrain(): void {
    if (!this.#bodyOver) this.#body!.resume();
  }

  #flush(): void {
    if (this.#pending === '' || this.#state !== SENT) return;
    this.sent = true;
    const flowing = this.#connection!.socket.write(this.#take(), 'latin1');
    if (!flowing && !this.#bodyOver) this.#body!.pause();
  }

  #take(): string {
    const pending = this.#pending;
    this.#pending = '';
    return pending;
  }

  // --- the response

  onResponse(head: ResponseHead): void {
    if (this.#state !== SENT) return;
    if (head.status === 101) this.#switch(head);
    else if (head.status < 200) this.#sink.informational(head.status, head.headers);
    else this.#sink.head(head.status, head.headers, head.framing === BODY_NONE);
  }

  /** Only to what was offered. */
  #switch(head: ResponseHead): void {
    if (head.upgrade === '' || !this.#upgrade.split(', ').includes(head.upgrade)) {
      this.#giveUp('SLUICE_UPSTREAM_PROTOCOL');
      return;
    }
    this.#switched = head.headers;
    this.#connection!.switchProtocols();
  }

  onSwitched(socket: Duplex): void {
    this.#finish();
    this.#sink.upgrade(this.#switched!, socket);
  }

  /** A tunnel is its sink's, and no matter of the call's any more. */
  onTunnelClosed(): void {}

  onResponseData(data: Buffer): boolean {
    return this.#state !== SENT || this.#sink.data(data);
  }

  onResponseEnd(trailers: HeaderList | null): void {
    if (this.#state !== SENT) return;
    // A peer that answers before it has the whole request would take the next one for the rest of it.
    if (!this.#bodyOver || this.#pending !== '') this.#connection!.reusable = false;
    this.#finish();
    if (trailers !== null) this.#sink.trailers(trailers);
    this.#sink.end();
  }

  onResponseFault(): void {
    this.#fail('SLUICE_UPSTREAM_PROTOCOL');
  }

  onConnectionLost(code: ErrorCode): void {
    if (this.#state !== SENT) return;
    // As a rule it was closed while the request was on its way to it (RFC 9112 §9.3.1).
    const { served, answered } = this.#connection!;
    const stale = code === 'SLUICE_UPSTREAM_RESET' && served > 0 && !answered;
    if (stale && this.#repeatable && !this.#repeated) {
      this.#repeated = true;
      this.#connection = null;
      this.#state = WAITING;
      if (this.#source.acquire(this)) return;
    }
    this.#fail(code);
  }

  #giveUp(code: ErrorCode): void {
    const connection = this.#connection;
    this.#fail(code);
    connection?.destroy();
  }

  #fail(code: ErrorCode): void {
    if (this.#state === OVER) return;
    this.#finish();
    this.#sink.reset(code);
  }

  #finish(): void {
    this.#state = OVER;
    this.#connection = null;
    if (!this.#bodyOver && this.bodyStarted) this.#body!.stop();
    this.#bodyOver = true;
  }
}
