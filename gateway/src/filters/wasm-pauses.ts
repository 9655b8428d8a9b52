import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import { type Direction, REQUEST, RESPONSE } from './filter.ts';

/** Directions as bits of a set. */
export function bitOf(direction: Direction): number {
  return 1 << direction;
}

export function holds(directions: number, direction: Direction): boolean {
  return (directions & bitOf(direction)) !== 0;
}

export interface PauseOwner {
  /** Its time has passed; the pause is still on. */
  onPauseTooLong(direction: Direction): void;
}

/** What a guest holds of one exchange, and for how long it may. */
export class Pauses implements Expirable {
  readonly #wheel: TimerWheel;
  readonly #owner: PauseOwner;
  readonly #longestMs: number;
  #held = 0;
  #requestTimer: WheelTimer | null = null;
  #responseTimer: WheelTimer | null = null;

  /** @param longestMs how long one pause may last */
  constructor(wheel: TimerWheel, owner: PauseOwner, longestMs: number) {
    this.#wheel = wheel;
    this.#owner = owner;
    this.#longestMs = longestMs;
  }

  /** Something is held. */
  get any(): boolean {
    return this.#held !== 0;
  }

  /** @param timed it is the guest's turn: from now on, unless it was before, its time runs */
  hold(direction: Direction, timed: boolean): void {
    this.#held |= bitOf(direction);
    if (!timed) return;
    if (direction === REQUEST) this.#requestTimer ??= this.#schedule(direction);
    else this.#responseTimer ??= this.#schedule(direction);
  }

  /** The guest has done something: what is left of its time starts anew. */
  renew(direction: Direction): void {
    const timer = direction === REQUEST ? this.#requestTimer : this.#responseTimer;
    if (timer === null) return;
    this.#wheel.cancel(timer);
    if (direction === REQUEST) this.#requestTimer = this.#schedule(direction);
    else this.#responseTimer = this.#schedule(direction);
  }

  /** Ends a pause; false when there was none. */
  release(direction: Direction): boolean {
    if (!holds(this.#held, direction)) return false;
    this.#held &= ~bitOf(direction);
    if (direction === REQUEST) {
      this.#wheel.cancel(this.#requestTimer);
      this.#requestTimer = null;
    } else {
      this.#wheel.cancel(this.#responseTimer);
      this.#responseTimer = null;
    }
    return true;
  }

  /** Ends all pauses; answers which directions were held. */
  releaseAll(): number {
    const held = this.#held;
    this.release(REQUEST);
    this.release(RESPONSE);
    return held;
  }

  onTimeout(direction: number): void {
    if (holds(this.#held, direction as Direction)) this.#owner.onPauseTooLong(direction as Direction);
  }

  #schedule(direction: Direction): WheelTimer {
    return this.#wheel.schedule(this, this.#longestMs, direction);
  }
}
