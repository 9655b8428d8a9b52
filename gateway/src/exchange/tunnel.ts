import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/** The client's side; its timer watches both, since every byte passes it. */
export interface TunnelClient extends Duplex {
  setTimeout(ms: number): unknown;
}

export interface TunnelOwner {
  /** Both sides are closed. Once. */
  onTunnelClosed(tunnel: Tunnel): void;
}

/**
 * Carries bytes between a client and an upstream after a switch of protocols, both ways, each at the pace of who takes
 * them. Each side may end before the other (half-close); when one breaks, or nothing moves for `idleMs`, both close.
 */
export class Tunnel {
  /** Why it ended; null = in good order. */
  failure: ErrorCode | null = null;
  readonly #client: TunnelClient;
  readonly #upstream: Duplex;
  readonly #owner: TunnelOwner;
  readonly #down: OneWay;
  readonly #up: OneWay;
  #open = 2;

  /** @param idleMs silence in both directions; 0 = for ever */
  constructor(client: TunnelClient, upstream: Duplex, idleMs: number, owner: TunnelOwner) {
    this.#client = client;
    this.#upstream = upstream;
    this.#owner = owner;
    this.#attend(client, upstream, 'SLUICE_CLIENT_ABORTED');
    this.#attend(upstream, client, 'SLUICE_UPSTREAM_RESET');
    this.#down = new OneWay(upstream, client);
    this.#up = new OneWay(client, upstream);
    client.setTimeout(idleMs);
    client.on('timeout', () => this.#onSilence());
  }

  /** Bytes to the client. */
  get sent(): number {
    return this.#down.bytes;
  }

  /** Bytes from the client. */
  get received(): number {
    return this.#up.bytes;
  }

  /** Bytes from the client that the upstream has not taken yet. */
  get buffered(): number {
    return this.#upstream.writableLength;
  }

  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #attend(side: Duplex, other: Duplex, failure: ErrorCode): void {
    // Each direction ends by itself.
    side.allowHalfOpen = true;
    side.on('error', ignore);
    side.once('end', () => this.#onEnd());
    side.once('close', () => this.#onClosed(side, other, failure));
    // What is destroyed already tells nobody any more.
    if (side.closed) process.nextTick(() => this.#onClosed(side, other, failure));
  }

  /** The other side has nothing to wait for but the rest: who never ends it is not waited for as long as in a tunnel. */
  #onEnd(): void {
    this.#client.setTimeout(LIMITS.upgradeHalfClosedMs);
  }

  #onClosed(side: Duplex, other: Duplex, failure: ErrorCode): void {
    const whole = side.readableEnded && side.errored === null;
    if (!whole && !other.destroyed) this.failure ??= failure;
    if (whole) endAndDestroy(other);
    else other.destroy();
    if (--this.#open === 0) this.#owner.onTunnelClosed(this);
  }

  #onSilence(): void {
    if (!this.#client.readableEnded && !this.#upstream.readableEnded) this.failure ??= 'SLUICE_UPGRADE_IDLE';
    this.destroy();
  }
}

/** One direction. */
class OneWay {
  bytes = 0;

  constructor(from: Duplex, to: Duplex) {
    from.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => void from.resume());
    from.once('end', () => void to.end());
    from.resume();
  }
}

/** Lets what was written leave first, for as long as a side is waited for that has nothing else to do. */
function endAndDestroy(side: Duplex): void {
  if (side.writableFinished || side.destroyed) {
    side.destroy();
    return;
  }
  const timer = setTimeout(() => void side.destroy(), LIMITS.upgradeHalfClosedMs).unref();
  side.once('close', () => clearTimeout(timer));
  side.once('finish', () => void side.destroy());
  side.end();
}

function ignore(): void {}
