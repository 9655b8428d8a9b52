import type { Socket } from 'node:net';
import { createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import { LIMITS } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { type MetricSlots, WORKER_SLOTS } from '../core/metrics.ts';
import type { TlsSpec } from '../runtime/listener-feed.ts';
import { HandshakePacer } from './handshake-pacer.ts';
import { TlsContexts } from './tls-contexts.ts';
import { TokenBucket } from './token-bucket.ts';

export interface TlsTerminatorOptions {
  /** Of the listener. */
  readonly name: string;
  readonly metrics: MetricSlots;
  readonly log: Log;
  /** Default: the limits table. */
  readonly handshakeTimeoutMs?: number;
}

/** Turns accepted connections into TLS connections. What is no TLS, or is too slow, is closed and counted. */
export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  readonly #server: Server;
  /** Connections whose handshake is under way, by their peer. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #pacer: HandshakePacer;
  #contexts: TlsContexts;
  #bucket: TokenBucket | null;
  #handshakesPerSecond: number;

  /**
   * @param take gets each connection whose handshake is done, and what it runs on
   * @throws the error of OpenSSL when a certificate cannot be used
   */
  constructor(spec: TlsSpec, options: TlsTerminatorOptions, take: (socket: TLSSocket, carrier: Socket) => void) {
    this.#options = options;
    this.#contexts = new TlsContexts(spec, null);
    this.#handshakesPerSecond = spec.handshakesPerSecond;
    this.#bucket = bucketOf(spec);
    this.#server = createServer({
      ...this.#contexts.fallback,
      // So that a client which speaks nothing else hears of it in the handshake.
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: options.handshakeTimeoutMs ?? LIMITS.tlsHandshakeTimeoutMs,
      SNICallback: (servername, done) => this.#select(servername, done),
    });
    this.#pacer = new HandshakePacer(
      LIMITS.tlsHandshakesPerTurn,
      options.handshakeTimeoutMs ?? LIMITS.tlsHandshakeTimeoutMs,
      (socket) => this.#begin(socket),
      (socket) => this.#onLate(socket),
    );
    this.#server.on('secureConnection', (socket) => {
      const peer = peerOf(socket);
      const carrier = this.#handshakes.get(peer);
      this.#handshakes.delete(peer);
      this.#count(socket.isSessionReused() ? 'tlsResumed' : 'tlsFull');
      // Gone in the same moment.
      if (carrier === undefined) socket.destroy();
      else take(socket, carrier);
    });
    this.#server.on('tlsClientError', (error, socket) => this.#onFailed(error, socket));
  }

  /** Begins the handshake, soon. False: one more than allowed, the connection is to be closed. */
  take(socket: Socket): boolean {
    if (this.#bucket !== null && !this.#bucket.take(performance.now())) {
      this.#count('tlsRateLimited');
      return false;
    }
    socket.on('error', ignore);
    this.#pacer.take(socket);
    return true;
  }

  /**
   * New certificates, ticket keys and bounds, for handshakes to come; connections that are open notice nothing.
   * @throws the error of OpenSSL; then all is as before.
   */
  update(spec: TlsSpec): void {
    const contexts = new TlsContexts(spec, this.#contexts);
    if (!contexts.sameFallback(this.#contexts)) this.#server.setSecureContext(contexts.fallback);
    this.#contexts = contexts;
    if (spec.handshakesPerSecond === this.#handshakesPerSecond) return;
    this.#handshakesPerSecond = spec.handshakesPerSecond;
    this.#bucket = bucketOf(spec);
  }

  /** Closes the connections whose handshake is under way. */
  closeHandshakes(): void {
    this.#pacer.clear();
    for (const socket of this.#handshakes.values()) socket.destroy();
  }

  #begin(socket: Socket): void {
    const peer = peerOf(socket);
    this.#handshakes.set(peer, socket);
    socket.once('close', () => {
      if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
    });
    this.#server.emit('connection', socket);
  }

  #onLate(socket: Socket): void {
    this.#count('tlsTimeout');
    socket.resetAndDestroy();
  }

  #select(servername: string, done: (error: Error | null, context?: SecureContext) => void): void {
    let context: SecureContext | undefined;
    try {
      context = this.#contexts.select(servername);
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, context);
  }

  #onFailed(error: Error, socket: TLSSocket): void {
    // Node leaves a connection open whose handshake took too long.
    socket.destroy();
    const { code = '' } = error as { code?: string };
    this.#count(FAILURES[code] ?? 'tlsFailed');
    const { name, log } = this.#options;
    log.debug({ listener: name, code, reason: error.message }, 'TLS handshake failed');
  }

  #count(slot: keyof typeof WORKER_SLOTS): void {
    this.#options.metrics.add(WORKER_SLOTS[slot], 1);
  }
}

const FAILURES: Readonly<Record<string, keyof typeof WORKER_SLOTS>> = {
  ERR_TLS_HANDSHAKE_TIMEOUT: 'tlsTimeout',
  ERR_SSL_HTTP_REQUEST: 'tlsPlainHttp',
  ECONNRESET: 'tlsAborted',
  EPIPE: 'tlsAborted',
};

function bucketOf({ handshakesPerSecond }: TlsSpec): TokenBucket | null {
  return handshakesPerSecond === 0 ? null : new TokenBucket(handshakesPerSecond, handshakesPerSecond);
}

/** A connection and what TLS makes of it are two objects; the peer is what both know. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function ignore(): void {}
