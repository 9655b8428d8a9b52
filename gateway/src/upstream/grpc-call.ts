import type { ClientHttp2Stream } from 'node:http2';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import {
  CUT_OFF,
  type Ending,
  FAULTS,
  LOST,
  NO_CONNECTION,
  NO_MEMORY,
  NO_ROOM,
  NOT_GRPC,
  UNSENDABLE,
} from './grpc-endings.ts';
import { FrameParser, frameHead } from './grpc-frames.ts';
import type { GrpcCallHandler, GrpcCallRequest, GrpcMessageLimits, GrpcOutcome } from './grpc.ts';
import { GrpcStatus, readMessage, readStatus, statusOfHttp, statusOfReset, valueOf } from './grpc-status.ts';
import type { Http2Connection } from './http2-connection.ts';
import type { Http2Pool, Http2Waiter } from './http2-pool.ts';

interface Outgoing {
  readonly message: Buffer;
  readonly end: boolean;
}

const WAITING = 0;
const OPEN = 1;
const OVER = 2;

const END_STREAM = 1;

/** What a message that waits takes besides its bytes: there may be many without any. */
const MESSAGE_COST = 128;

/** One attempt: waits for room on a connection, opens a stream, and passes messages both ways. */
export class GrpcCall implements Http2Waiter {
  readonly serverName: string;
  waitingSince = 0;
  readonly #pool: Http2Pool;
  readonly #request: GrpcCallRequest;
  readonly #scheme: 'http' | 'https';
  readonly #handler: GrpcCallHandler;
  readonly #limits: GrpcMessageLimits;
  readonly #parser: FrameParser;
  /** Written, and not yet gone: what each message counts, in order. */
  readonly #leaving: number[] = [];
  #queue: Outgoing[] = [];
  #queued = 0;
  #state = WAITING;
  #connection: Http2Connection | null = null;
  #stream: ClientHttp2Stream | null = null;
  /** Nothing more will be sent. */
  #closed = false;
  #untouched = true;
  #status = 0;
  #trailers: readonly string[] | null = null;
  /** Bytes held for the message that is being received. */
  #reserved = 0;
  /** Received and not yet read: the next turn goes on. */
  #rest: Buffer | null = null;
  /** Nothing is to come behind that. */
  #ended = false;

  constructor(
    pool: Http2Pool,
    request: GrpcCallRequest,
    scheme: 'http' | 'https',
    serverName: string,
    handler: GrpcCallHandler,
    limits: GrpcMessageLimits,
  ) {
    this.#pool = pool;
    this.#request = request;
    this.#scheme = scheme;
    this.serverName = serverName;
    this.#handler = handler;
    this.#limits = limits;
    this.#parser = new FrameParser(limits.message);
  }

  /** The service has seen nothing of the call: it may be made again. */
  get untouched(): boolean {
    return this.#untouched;
  }

  /** False: too much waits to be sent, or its side has ended; nothing happened. @param message kept, and not to be changed */
  send(message: Buffer, end: boolean): boolean {
    if (this.#closed || this.#state === OVER) return false;
    const bytes = message.length + MESSAGE_COST;
    if (this.#queued > 0 && this.#queued + bytes > this.#limits.sending) return false;
    if (!this.#handler.hold(bytes)) return false;
    this.#queued += bytes;
    this.#closed = end;
    if (this.#stream === null) this.#queue.push({ message, end });
    else this.#write(this.#stream, message, end);
    return true;
  }

  /** Nothing more will be sent. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream?.end();
  }

  /** Gives it up; the handler is not called any more. */
  cancel(): void {
    if (this.#state === OVER) return;
    if (this.#state === WAITING) this.#pool.forget(this);
    this.#state = OVER;
    this.#drop();
  }

  /** Messages that never left, to be sent by another attempt. */
  takeQueue(): readonly Outgoing[] {
    const queue = this.#queue;
    this.#queue = [];
    return queue;
  }

  // --- the pool

  onConnection(connection: Http2Connection): void {
    if (this.#state !== WAITING) return;
    const stream = connection.open(this.#head());
    if (stream === null) {
      this.#fail(connection.lost || connection.retired ? NO_CONNECTION : UNSENDABLE);
      return;
    }
    this.#state = OPEN;
    this.#untouched = false;
    this.#connection = connection;
    this.#stream = stream;
    this.#listen(stream);
    for (const { message, end } of this.takeQueue()) this.#write(stream, message, end);
    if (this.#closed) stream.end();
  }

  onNoConnection(code: ErrorCode): void {
    if (this.#state === WAITING) this.#fail(code === 'SLUICE_UPSTREAM_OVERLOADED' ? NO_ROOM : NO_CONNECTION);
  }

  #head(): string[] {
    const { path, authority, metadata, timeoutMs } = this.#request;
    const head = [':method', 'POST', ':scheme', this.#scheme, ':authority', authority, ':path', path];
    head.push('te', 'trailers', 'content-type', 'application/grpc');
    if (timeoutMs > 0) head.push('grpc-timeout', `${Math.ceil(timeoutMs)}m`);
    return [...head, ...metadata];
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('response', (_fields, flags, pairs) => this.#onHead(pairs, (flags & END_STREAM) !== 0));
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('trailers', (_fields, _flags, pairs) => {
      this.#trailers = pairs;
    });
    stream.on('end', () => this.#onReadEnd());
    // `close` follows, and tells more.
    stream.on('error', () => {});
    stream.on('close', () => this.#onClose(stream.rstCode));
  }

  #write(stream: ClientHttp2Stream, message: Buffer, end: boolean): void {
    this.#leaving.push(message.length + MESSAGE_COST);
    stream.cork();
    stream.write(frameHead(message.length));
    stream.write(message, this.#onWritten);
    if (end) stream.end();
    stream.uncork();
  }

  readonly #onWritten = (): void => {
    const bytes = this.#leaving.shift() ?? 0;
    this.#queued -= bytes;
    if (this.#state === OPEN) this.#handler.release(bytes);
  };

  // --- the response

  #onHead(pairs: readonly string[], endOfStream: boolean): void {
    if (this.#state !== OPEN) return;
    this.#status = Number(valueOf(pairs, ':status'));
    if (endOfStream) {
      this.#trailers = pairs;
      this.#handler.onMetadata([]);
      return;
    }
    this.#handler.onMetadata(pairs);
    if (this.#status !== 200) {
      const message = `the service answered HTTP ${this.#status}`;
      this.#finish({ status: statusOfHttp(this.#status), message, trailers: [], failure: null });
    } else if (!(valueOf(pairs, 'content-type') ?? '').startsWith('application/grpc')) this.#fail(NOT_GRPC);
  }

  #read(chunk: Buffer): void {
    let at = 0;
    for (let count = 0; at < chunk.length && this.#state === OPEN; count++) {
      if (count === LIMITS.grpcMessagesPerTurn) {
        this.#rest = chunk.subarray(at);
        this.#stream!.pause();
        setImmediate(readOn, this);
        return;
      }
      at = this.#parser.execute(chunk, at);
      const { message, fault } = this.#parser;
      if (fault !== null) this.#fail(FAULTS[fault]);
      else if (message !== null) this.#pass(message);
    }
    if (this.#state === OPEN) this.#reserve(this.#parser.announced);
  }

  /** A message that comes in pieces takes room until it is whole. */
  #reserve(bytes: number): void {
    if (bytes === 0 || this.#reserved > 0) return;
    if (this.#handler.hold(bytes)) this.#reserved = bytes;
    else this.#fail(NO_MEMORY);
  }

  #pass(message: Buffer): void {
    if (this.#reserved > 0) this.#handler.release(this.#reserved);
    this.#reserved = 0;
    this.#handler.onMessage(message);
  }

  /** @internal The turn that `#read` has put off. */
  readOn(): void {
    const rest = this.#rest;
    if (this.#state !== OPEN || rest === null) return;
    this.#rest = null;
    this.#read(rest);
    if (this.#rest !== null) return;
    if (this.#ended) this.#onReadEnd();
    else this.#stream!.resume();
  }

  /** All has been received, and read unless there is a rest. */
  #onReadEnd(): void {
    this.#ended = true;
    if (this.#rest !== null) return;
    if (this.#state !== OPEN) return;
    // Streams that are torn down end, too, and are closed then.
    if (this.#trailers === null && (this.#stream!.rstCode !== 0 || this.#connection!.lost)) return;
    const trailers = this.#trailers ?? [];
    const said = valueOf(trailers, 'grpc-status');
    const status = said === undefined ? statusOfHttp(this.#status) : readStatus(said);
    if (status === GrpcStatus.ok && this.#parser.within) {
      this.#fail(CUT_OFF);
      return;
    }
    const words = said === undefined ? 'the service gave no status' : '';
    this.#finish({ status, message: readMessage(valueOf(trailers, 'grpc-message') ?? words), trailers, failure: null });
  }

  #onClose(code: number | undefined): void {
    if (this.#state !== OPEN || (this.#ended && this.#rest !== null)) return;
    // REFUSED_STREAM: the peer promises that it has done nothing.
    this.#untouched = code === 7;
    if (this.#connection!.lost || code === undefined) this.#fail(LOST);
    else this.#fail([statusOfReset(code), `the stream was reset with error ${code}`, 'reset']);
  }

  #fail([status, message, failure]: Ending): void {
    this.#finish({ status, message, trailers: [], failure });
  }

  #finish(outcome: GrpcOutcome): void {
    if (this.#state === OVER) return;
    this.#state = OVER;
    this.#drop();
    this.#handler.onEnd(outcome);
  }

  /** Lets go of the stream; one that has not ended on both sides is reset. */
  #drop(): void {
    this.#rest = null;
    const stream = this.#stream;
    if (stream === null || stream.destroyed) return;
    // A reset stream may have bytes that nobody will read.
    stream.resume();
    stream.close(CANCEL);
  }
}

/** Error code of HTTP/2. */
const CANCEL = 8;

function readOn(call: GrpcCall): void {
  call.readOn();
}
