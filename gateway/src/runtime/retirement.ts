import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel } from '../core/wheel.ts';

/** What a configuration no longer uses. */
export interface Closable {
  close(): void;
}

/** An exchange that one filter after the other holds may still need what its own configuration named. */
const REPRIEVE_MS = 2 * LIMITS.pluginPauseMs;

/** Closes what is out of use, but only once no exchange of an earlier snapshot can ask for it any more. */
export class Retirement {
  readonly #wheel: TimerWheel;
  readonly #waiting = new Set<Reprieve>();

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  add(subject: Closable): void {
    const reprieve = new Reprieve(subject, this.#waiting);
    this.#waiting.add(reprieve);
    this.#wheel.schedule(reprieve, REPRIEVE_MS);
  }

  /** Closes everything now. */
  close(): void {
    for (const reprieve of this.#waiting) reprieve.onTimeout();
  }
}

class Reprieve implements Expirable {
  readonly #subject: Closable;
  readonly #waiting: Set<Reprieve>;

  constructor(subject: Closable, waiting: Set<Reprieve>) {
    this.#subject = subject;
    this.#waiting = waiting;
  }

  onTimeout(): void {
    if (this.#waiting.delete(this)) this.#subject.close();
  }
}
