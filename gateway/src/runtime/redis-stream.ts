import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { LIMITS } from '../core/limits.ts';
import { type FrameReceiver, RespFramer } from './resp-framer.ts';

/** Whose command is on the way, and gets the reply as it came. */
export interface ReplyTaker {
  /** @param reply null: it is too large */
  onReply(reply: Buffer | null): void;
}

/** What the client library gets for a reply that is none of its business. */
const SEEN = Buffer.from('+\r\n');

/**
 * A connection to a Redis server as the client library sees it. Replies to the library's own commands (it logs in and
 * chooses the database) pass; those to commands of plugins go to who waits for them, byte by byte as they came, and the
 * library hears only that there was one. So nothing is decoded that nobody reads, and no reply makes it hold memory.
 */
export class RedisStream extends Duplex implements FrameReceiver {
  readonly #socket: Socket;
  readonly #framer = new RespFramer(this, LIMITS.pluginCalloutBodyBytes);
  /** In the order of their commands. */
  readonly #takers: ReplyTaker[] = [];
  /** Of those, how many have been answered. */
  #answered = 0;

  /** @param socket connected */
  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.destroy());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** The next reply that is not waited for yet is this one's. To be called as its command is written. */
  expect(taker: ReplyTaker): void {
    this.#takers.push(taker);
  }

  onFrame(frame: Buffer | null): void {
    const taker = this.#takers[this.#answered];
    if (taker === undefined) {
      if (frame === null) this.destroy();
      else this.push(frame);
      return;
    }
    this.#answered++;
    // Not one by one: that moves all the others each time.
    if (this.#answered > 100 && this.#answered * 2 > this.#takers.length) {
      this.#takers.splice(0, this.#answered);
      this.#answered = 0;
    }
    this.push(SEEN);
    taker.onReply(frame);
  }

  // What the library asks of sockets; it has been seen to already.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    if (typeof chunk === 'string') this.#socket.write(chunk, encoding);
    else this.#socket.write(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #onData(chunk: Buffer): void {
    if (!this.destroyed && !this.#framer.write(chunk)) {
      this.destroy(new Error('the server does not speak RESP 2'));
    }
  }
}
