import type { Duplex } from 'node:stream';
import { describeError, type ErrorCode } from '../core/errors.ts';
import { errorBody } from '../exchange/error-body.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { grpcStatusOf, isGrpc } from '../exchange/grpc.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import type { SinkWriter } from '../exchange/sink.ts';
import type { FilterChain, WaitingBody } from '../filters/chain.ts';
import { CONTINUE } from '../filters/filter.ts';

/** Who feeds a responder. */
export interface ResponderOwner {
  /** The client takes bytes again after `data` answered false. */
  onResponseDrain(): void;
  /** The client left before the response was complete, or its tunnel has ended. */
  onClientGone(): void;
  /** The response has ended, whole or torn down. Once. */
  onResponseDone(): void;
}

const PENDING = 0;
/** The head is with the response filters; what follows it waits. */
const HELD = 1;
const SENT = 2;
const DONE = 3;

/**
 * The response of one exchange on its way to the client, whoever it comes from. Besides the upstream's informational
 * heads this is the only writer of the sink. A head is `prepare`d, passes the response filters, and leaves by `release`.
 */
export class Responder implements SinkWriter {
  readonly #x: Exchange;
  readonly #owner: ResponderOwner;
  #state = PENDING;
  #endOfStream = false;
  #held: Buffer[] | null = null;
  #heldTrailers: HeaderList | null = null;
  #heldEnd = false;
  /** The upstream's side of a tunnel, while the head of the 101 is with the filters. */
  #upstream: Duplex | null = null;

  constructor(x: Exchange, owner: ResponderOwner) {
    this.#x = x;
    this.#owner = owner;
    x.sink.writer = this;
  }

  /** The head has left and cannot be replaced. */
  get started(): boolean {
    return this.#state >= SENT;
  }

  /** Takes a head for the filters to look at. Replaces one that has not been released yet, with all that it held. */
  prepare(status: number, headers: HeaderList, endOfStream: boolean): void {
    this.#x.status = status;
    this.#x.responseHeaders = headers;
    this.#state = HELD;
    this.#endOfStream = endOfStream;
    this.#held = null;
    this.#heldTrailers = null;
    this.#heldEnd = false;
    this.#dropUpstream();
  }

  /** Takes a 101 with the upstream's side of the tunnel. What replaces it before the release closes that. */
  prepareUpgrade(headers: HeaderList, upstream: Duplex): void {
    this.prepare(101, headers, true);
    this.#heldEnd = true;
    this.#upstream = upstream;
  }

  /** Takes a whole local response. `content-length` is the gateway's to say. */
  prepareLocal(status: number, headers: HeaderList, body: Buffer | null): void {
    headers.remove('content-length');
    headers.remove('transfer-encoding');
    const bodyless = status === 204 || status === 304;
    if (!bodyless) headers.append('content-length', String(body === null ? 0 : body.length));
    const empty = bodyless || body === null || body.length === 0 || this.#x.method === 'HEAD';
    this.prepare(status, headers, empty);
    if (!empty) this.#held = [body];
    this.#heldEnd = true;
  }

  /** The gateway's own error answer: JSON, or for gRPC callers a trailers-only response with the mapped status. */
  prepareError(code: ErrorCode): void {
    const x = this.#x;
    x.error = code;
    const { status, message } = describeError(code);
    if (isGrpc(x.requestHeaders)) {
      const pairs = ['content-type', 'application/grpc', 'grpc-status', String(grpcStatusOf(status)), 'grpc-message'];
      this.prepare(200, new PairHeaders([...pairs, `${code}: ${message}`]), true);
      this.#heldEnd = true;
      return;
    }
    const body = Buffer.from(errorBody(code, x.trace === null ? '' : x.trace.traceId));
    this.prepareLocal(status, new PairHeaders(['content-type', 'application/json']), body);
  }

  /** Lets a body stand behind the head that is held, and takes what has come of it away. */
  grow(): WaitingBody {
    const bytes = this.#held === null ? null : Buffer.concat(this.#held);
    const waiting: WaitingBody = { bytes, ended: this.#heldEnd, trailers: this.#heldTrailers };
    this.#endOfStream = false;
    this.#held = null;
    this.#heldEnd = false;
    this.#heldTrailers = null;
    return waiting;
  }

  /** Runs what was prepared through the filters, a local response with its body. @param chain null: it leaves at once */
  filter(chain: FilterChain | null): void {
    if (chain === null || chain.startResponse(this.#endOfStream) === CONTINUE) {
      this.release();
      return;
    }
    const local = chain.filtersResponse ? this.#takeLocalBody() : null;
    if (local === null) return;
    chain.pushResponse(local);
    if (chain.filtersResponse) chain.endResponse(null);
  }

  /** A head that did not pass at once may leave. @param bodyLength see `ChainHost.onResponseReady` */
  releaseFiltered(chain: FilterChain, bodyLength: number | null): void {
    const headers = this.#x.responseHeaders!;
    if (bodyLength !== null) headers.remove('content-length');
    if (bodyLength !== null && bodyLength >= 0) headers.append('content-length', String(bodyLength));
    this.release(chain.filtersResponse);
  }

  /** Takes the body of a local response away, to pass filters; null when there is none, or it was taken before. */
  #takeLocalBody(): Buffer | null {
    if (!this.#heldEnd || this.#held === null) return null;
    const body = this.#held[0]!;
    this.#held = null;
    this.#heldEnd = false;
    return body;
  }

  /**
   * The head has passed the filters: it leaves, with all that waited behind it.
   * @param filtered the body comes through filters, and what waits here is still to be taken there
   */
  release(filtered = false): void {
    if (this.#state !== HELD) return;
    this.#state = SENT;
    const { sink, status, responseHeaders } = this.#x;
    if (this.#upstream !== null && this.#releaseUpgrade(this.#upstream)) return;
    sink.head(status, responseHeaders!, this.#endOfStream);
    if (filtered) return;
    const held = this.#held;
    this.#held = null;
    let flowing = held !== null;
    if (held !== null) for (const chunk of held) flowing = this.data(chunk);
    if (this.#heldTrailers !== null) sink.trailers(this.#heldTrailers);
    if (this.#heldEnd) this.end();
    else if (flowing) this.#owner.onResponseDrain();
  }

  /** False: a filter has made another answer of the 101. */
  #releaseUpgrade(upstream: Duplex): boolean {
    const { sink, status, responseHeaders } = this.#x;
    if (status === 101) {
      this.#upstream = null;
      sink.upgrade(responseHeaders!, upstream);
      return true;
    }
    this.#dropUpstream();
    return false;
  }

  informational(status: number, headers: HeaderList): void {
    if (this.#state === PENDING) this.#x.sink.informational(status, headers);
  }

  /** See ResponseSink.data; while the head is held one chunk is kept and more are asked to wait. */
  data(chunk: Buffer): boolean {
    if (this.#state === HELD) {
      this.#held ??= [];
      this.#held.push(Buffer.from(chunk));
      return false;
    }
    if (this.#state !== SENT) return true;
    this.#x.bytesSent += chunk.length;
    return this.#x.sink.data(chunk);
  }

  trailers(headers: HeaderList): void {
    this.#x.responseTrailers = headers;
    if (this.#state === HELD) this.#heldTrailers = headers;
    else if (this.#state === SENT) this.#x.sink.trailers(headers);
  }

  end(): void {
    if (this.#state === HELD) {
      this.#heldEnd = true;
      return;
    }
    if (this.#state !== SENT) return;
    this.#x.sink.end();
    this.#finish();
  }

  /** Tears the response down: the client must see that it is incomplete. */
  reset(code: ErrorCode): void {
    if (this.#state === DONE) return;
    this.#x.error = code;
    this.#x.sink.reset(code);
    this.#finish();
  }

  /** The client is gone, and nobody is there to answer. */
  abandon(): void {
    if (this.#state === DONE) return;
    this.#x.sink.reset('SLUICE_CLIENT_ABORTED');
    this.onSinkClosed('SLUICE_CLIENT_ABORTED');
  }

  onDrain(): void {
    if (this.#state === SENT) this.#owner.onResponseDrain();
  }

  onSinkClosed(code: ErrorCode): void {
    if (this.#state === DONE) return;
    this.#x.error = code;
    this.#x.status = describeError(code).status;
    this.#owner.onClientGone();
    this.#finish();
  }

  onTunnelClosed(sent: number, received: number, failure: ErrorCode | null): void {
    if (this.#state === DONE) return;
    this.#x.bytesSent = sent;
    this.#x.tunnelReceived = received;
    this.#x.error = failure;
    this.#owner.onClientGone();
    this.#finish();
  }

  #dropUpstream(): void {
    this.#upstream?.destroy();
    this.#upstream = null;
  }

  #finish(): void {
    this.#state = DONE;
    this.#dropUpstream();
    this.#owner.onResponseDone();
  }
}
