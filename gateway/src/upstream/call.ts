import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink } from '../exchange/sink.ts';
import { BODY_NONE } from '../http1/framing.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk } from '../http1/write.ts';
import type { UpstreamCall } from './client.ts';
import type { ConnectionCall, UpstreamConnection } from './connection.ts';
import type { EndpointPool, PoolWaiter } from './pool.ts';

const WAITING = 0;
const SENT = 1;
const OVER = 2;

/** Up to this size head and first piece of body leave as one string; larger pieces are not worth a copy. */
const GLUE_BYTES = 8 * 1024;

/** One attempt: waits for a connection, writes the request, and passes the response to the sink. */
export class Http1Call implements UpstreamCall, ConnectionCall, PoolWaiter, BodyReader {
  readonly serverName: string;
  waitingSince = 0;
  connected = false;
  bodyStarted = false;
  readonly #sink: ResponseSink;
  readonly #body: BodySource | null;
  readonly #isHead: boolean;
  readonly #repeatable: boolean;
  readonly #chunked: boolean;
  readonly #pool: EndpointPool;
  /** Head of the request; '' once it was written with all that belongs to it. */
  #head: string;
  #connection: UpstreamConnection | null = null;
  #state = WAITING;
  #bodyOver: boolean;
  /** A byte of the response has come. */
  #answered = false;
  #repeated = false;

  constructor(
    pool: EndpointPool,
    head: string,
    method: string,
    serverName: string,
    body: BodySource | null,
    sink: ResponseSink,
  ) {
    this.#pool = pool;
    this.#head = head;
    this.serverName = serverName;
    this.#body = body;
    this.#bodyOver = body === null;
    this.#chunked = body !== null && body.length === -1;
    this.#isHead = method === 'HEAD';
    this.#repeatable = body === null && method !== 'POST' && method !== 'PATCH';
    this.#sink = sink;
    sink.writer = this;
  }

  abort(): void {
    if (this.#state === OVER) return;
    const connection = this.#connection;
    this.#finish();
    if (connection === null) this.#pool.forget(this);
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
    this.#state = SENT;
    this.connected = true;
    connection.begin(this, this.#isHead);
    if (this.#body === null) {
      connection.socket.write(this.#head, 'latin1');
      return;
    }
    this.bodyStarted = true;
    this.#body.read(this);
    // The first piece may be there already: it leaves with the head.
    setImmediate(() => this.#writeHead());
  }

  onNoConnection(code: ErrorCode): void {
    this.#fail(code);
  }

  // --- the request's body

  onBodyData(chunk: Buffer): void {
    if (this.#state !== SENT) return;
    const { socket } = this.#connection!;
    const before = this.#takeHead() + (this.#chunked ? chunkHead(chunk.length) : '');
    let flowing: boolean;
    if (chunk.length <= GLUE_BYTES) {
      flowing = socket.write(before + chunk.toString('latin1') + (this.#chunked ? CHUNK_END : ''), 'latin1');
    } else {
      socket.cork();
      if (before !== '') socket.write(before, 'latin1');
      // The chunk is the source's again when this call returns.
      flowing = socket.write(Buffer.from(chunk));
      if (this.#chunked) flowing = socket.write(CHUNK_END, 'latin1');
      socket.uncork();
    }
    if (!flowing) this.#body!.pause();
  }

  onBodyEnd(trailers: HeaderList | null): void {
    this.#bodyOver = true;
    if (this.#state !== SENT) return;
    const end = !this.#chunked ? '' : trailers === null ? LAST_CHUNK : lastChunk(trailers);
    const rest = this.#takeHead() + end;
    if (rest !== '') this.#connection!.socket.write(rest, 'latin1');
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

  #writeHead(): void {
    if (this.#state !== SENT) return;
    const head = this.#takeHead();
    if (head !== '') this.#connection!.socket.write(head, 'latin1');
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  // --- the response

  onResponse(head: ResponseHead): void {
    if (this.#state !== SENT) return;
    this.#answered = true;
    if (head.status === 101) this.#giveUp('SLUICE_UPSTREAM_PROTOCOL');
    else if (head.status < 200) this.#sink.informational(head.status, head.headers);
    else this.#sink.head(head.status, head.headers, head.framing === BODY_NONE);
  }

  onResponseData(data: Buffer): boolean {
    return this.#state !== SENT || this.#sink.data(data);
  }

  onResponseEnd(trailers: HeaderList | null): void {
    if (this.#state !== SENT) return;
    // A peer that answers before it has the whole request may take the rest for the next one.
    if (!this.#bodyOver) this.#connection!.reusable = false;
    this.#finish();
    if (trailers !== null) this.#sink.trailers(trailers);
    this.#sink.end();
  }

  onResponseFault(): void {
    this.#fail('SLUICE_UPSTREAM_PROTOCOL');
  }

  onConnectionLost(code: ErrorCode): void {
    if (this.#state !== SENT) return;
    // It was closed while the request was on its way to it: nobody has worked on that (RFC 9112 §9.3.1).
    const stale = code === 'SLUICE_UPSTREAM_RESET' && this.#connection!.served > 0 && !this.#answered;
    if (stale && this.#repeatable && !this.#repeated) {
      this.#repeated = true;
      this.#connection = null;
      this.#state = WAITING;
      if (this.#pool.acquire(this)) return;
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
