import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type SecureClientSessionOptions,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Endpoint } from './endpoint.ts';
import { upstreamTls } from './tls-options.ts';

/** Who owns an HTTP/2 connection. */
export interface Http2Owner {
  readonly ca: string | undefined;
  /** The peer speaks HTTP/2, and has said what it allows. */
  onReady(connection: Http2Connection): void;
  /** It never did. Once. */
  onNotReady(connection: Http2Connection, code: ErrorCode): void;
  /** A stream has ended, the peer allows more, or it takes none any more: what waits may find room here or elsewhere. */
  onRoom(connection: Http2Connection): void;
  /** Once, after `onReady`. */
  onClosed(connection: Http2Connection): void;
}

const OPTIONS: SecureClientSessionOptions = {
  settings: { enablePush: false, maxHeaderListSize: LIMITS.responseHeadBytes },
  maxHeaderListPairs: LIMITS.responseHeaderCount,
  // In megabytes.
  maxSessionMemory: LIMITS.http2ConnectionBytes / (1024 * 1024),
};

const MOST_STREAMS = 2 ** 30 - 1;

/** How soon the silent peer of a connection is looked for by TCP itself. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** One HTTP/2 connection to an endpoint: in clear text with prior knowledge, or in TLS. */
export class Http2Connection {
  readonly serverName: string;
  /** performance.now() of its beginning, and later since when it has had no streams. */
  since = performance.now();
  /** Open streams. */
  streams = 0;
  ready = false;
  /** Streams that it has carried. */
  opened = 0;
  /** Takes no more streams: the peer has said good-bye, or its endpoint is gone. */
  retired = false;
  closed = false;
  readonly #owner: Http2Owner;
  readonly #most: number;
  readonly #socket: Socket;
  #session: ClientHttp2Session | null = null;
  #bytesRead = 0;
  /** performance.now() when the peer was last heard of. */
  #heardAt = 0;
  /** performance.now() of a question that has no answer yet; 0 = none. */
  #askedAt = 0;

  /** @param most streams at a time, if the peer does not allow fewer */
  constructor(owner: Http2Owner, endpoint: Endpoint, serverName: string, most: number) {
    this.#owner = owner;
    this.#most = most;
    this.serverName = serverName;
    this.#socket = this.#connect(endpoint);
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#onSocketError(error));
    this.#socket.on('close', () => this.#end('SLUICE_UPSTREAM_CONNECT_FAILED'));
  }

  get room(): boolean {
    if (!this.ready || this.retired || this.closed) return false;
    return this.streams < Math.min(this.#most, this.#session!.remoteSettings.maxConcurrentStreams ?? this.#most);
  }

  /** It is no more, though its streams may still have to end. */
  get lost(): boolean {
    return this.closed || this.#session?.destroyed === true;
  }

  /**
   * Opens a stream. null: the connection ended meanwhile, or the head cannot be sent.
   * @param head flat pairs, pseudo headers first
   */
  open(head: readonly string[]): ClientHttp2Stream | null {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session!.request(head);
    } catch {
      return null;
    }
    // Their numbers are odd, and end at 2³¹.
    if (++this.opened === MOST_STREAMS) this.retire();
    if (this.streams++ === 0) this.#session!.ref();
    stream.on('close', () => this.#onStreamClosed());
    return stream;
  }

  /** Takes no more streams, and closes with its last one. */
  retire(): void {
    this.retired = true;
    if (this.ready) this.#session!.close();
    else this.destroy();
  }

  destroy(): void {
    this.#session?.destroy();
    // By itself a session waits for its peer to take what was written.
    this.#socket.destroy();
  }

  /** Makes sure, while streams are open, that the peer is still there; asked for again and again. */
  check(now: number, { pingMs, pingTimeoutMs }: { readonly pingMs: number; readonly pingTimeoutMs: number }): void {
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardAt = now;
      this.#askedAt = 0;
    } else if (this.#askedAt !== 0) {
      if (now - this.#askedAt > pingTimeoutMs) this.destroy();
    } else if (this.streams > 0 && now - this.#heardAt > pingMs) {
      this.#askedAt = now;
      // The answer shows as bytes that were read.
      this.#session!.ping(() => {});
    }
  }

  #connect(endpoint: Endpoint): Socket {
    const { address: host, port } = endpoint.record;
    if (endpoint.scheme === 'http') return connect({ host, port }, () => this.#begin());
    const options = { host, port, ...upstreamTls(this.serverName, this.#owner.ca, 'h2') };
    const socket = connectTls(options, () => {
      if (socket.alpnProtocol === 'h2') this.#begin();
      else socket.destroy();
    });
    return socket;
  }

  #begin(): void {
    if (this.closed) return;
    // The address is in no request: each has its own authority.
    const session = connectHttp2('http://endpoint', { ...OPTIONS, createConnection: () => this.#socket });
    this.#session = session;
    session.on('error', () => {});
    session.on('remoteSettings', () => this.#onSettings());
    session.on('goaway', () => this.#onGoodBye());
    session.on('close', () => this.#end('SLUICE_UPSTREAM_CONNECT_FAILED'));
  }

  /** A server of another protocol never comes to this. */
  #onSettings(): void {
    if (this.closed) return;
    if (this.ready) {
      this.#owner.onRoom(this);
      return;
    }
    this.ready = true;
    this.since = performance.now();
    this.#heardAt = this.since;
    this.#session!.unref();
    this.#owner.onReady(this);
  }

  /** What is open goes on, unless the peer says that something was wrong. */
  #onGoodBye(): void {
    this.retired = true;
    if (this.ready && !this.closed) this.#owner.onRoom(this);
  }

  #onStreamClosed(): void {
    if (--this.streams === 0) {
      this.since = performance.now();
      if (!this.closed) this.#session!.unref();
    }
    if (!this.closed) this.#owner.onRoom(this);
  }

  #onSocketError(error: NodeJS.ErrnoException): void {
    if (this.#session !== null) return;
    const late = error.code === 'ETIMEDOUT';
    this.#end(late ? 'SLUICE_UPSTREAM_CONNECT_TIMEOUT' : 'SLUICE_UPSTREAM_CONNECT_FAILED');
  }

  #end(code: ErrorCode): void {
    if (this.closed) return;
    this.closed = true;
    if (this.ready) this.#owner.onClosed(this);
    else this.#owner.onNotReady(this, code);
  }
}
