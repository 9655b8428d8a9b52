import type { Socket } from 'node:net';

interface Waiting {
  readonly socket: Socket;
  readonly since: number;
}

/**
 * Begins no more than some handshakes in one turn of the event loop; further connections wait for the next turns, in the
 * order in which they came. Each turn then also carries on what has begun: when thousands of clients come at once, those
 * that came first are through before the last have begun, where otherwise all would be half-way when their patience ends.
 */
export class HandshakePacer {
  readonly #perTurn: number;
  readonly #patienceMs: number;
  readonly #begin: (socket: Socket) => void;
  readonly #giveUp: (socket: Socket) => void;
  /** From `#next` on. */
  #waiting: Waiting[] = [];
  #next = 0;
  #begun = 0;
  #scheduled = false;

  /**
   * @param patienceMs who has waited longer is given up: most clients have left by then
   * @param begin begins the handshake
   * @param giveUp closes the connection
   */
  constructor(perTurn: number, patienceMs: number, begin: (socket: Socket) => void, giveUp: (socket: Socket) => void) {
    this.#perTurn = perTurn;
    this.#patienceMs = patienceMs;
    this.#begin = begin;
    this.#giveUp = giveUp;
  }

  /** Begins the handshake now or in a later turn; never, if the connection closes before. */
  take(socket: Socket): void {
    if (this.#begun < this.#perTurn && this.#next === this.#waiting.length) {
      this.#begun++;
      this.#begin(socket);
    } else this.#waiting.push({ socket, since: performance.now() });
    this.#schedule();
  }

  /** Closes all that wait. */
  clear(): void {
    for (const { socket } of this.#waiting.slice(this.#next)) socket.destroy();
    this.#waiting = [];
    this.#next = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#begun = 0;
    const now = performance.now();
    while (this.#begun < this.#perTurn && this.#next < this.#waiting.length) {
      const { socket, since } = this.#waiting[this.#next++]!;
      if (socket.destroyed) continue;
      if (now - since > this.#patienceMs) {
        this.#giveUp(socket);
        continue;
      }
      this.#begun++;
      this.#begin(socket);
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    if (this.#begun > 0 || this.#waiting.length > 0) this.#schedule();
  }
}
