import type { HeaderList } from '../exchange/headers.ts';
import { BodyBuffer } from './body-buffer.ts';
import {
  type BodyFilter,
  CONTINUE,
  type Direction,
  type FilterStatus,
  type Overflow,
  PAUSE,
  PAUSE_DROP,
  PAUSE_FULL,
} from './filter.ts';
import type { FilterSlot } from './slot.ts';

/** Stands for a filter that only injects: what comes passes it by. */
export const PASSIVE: BodyFilter = {
  editsBodies: true,
  bodyLimit: () => Number.POSITIVE_INFINITY,
  wantsBody: () => false,
  wantsTrailers: () => false,
  onBody: () => CONTINUE,
  onTrailers: () => CONTINUE,
  onOverflow: () => {},
};

/** One filter's place in a flow: what waits for it, and what it was shown and keeps back. */
export class BodyStage {
  readonly slot: FilterSlot;
  readonly filter: BodyFilter;
  /** Place in the running order of all filters. */
  readonly position: number;
  readonly wantsTrailers: boolean;
  /** The end has left it, that of the body or the filter's own: what still comes here is dropped. */
  over = false;
  readonly inbox: BodyBuffer;
  /** The end follows what is in `inbox`. */
  inboxEnd = false;
  readonly held: BodyBuffer;
  /** The filter was shown the end. */
  heldEnd = false;
  /** The filter paused and has not let go yet. */
  holding = false;
  /** A callback is on the stack. */
  running = false;
  resumed = false;
  readonly #direction: Direction;
  readonly #wantsBody: boolean;
  /** At its limit it makes the source wait instead of failing. */
  #patient = false;
  /** Something has come that the filter has not been shown. */
  #fresh = false;

  /** @param filter the one in the slot, or `PASSIVE` in its place */
  constructor(slot: FilterSlot, filter: BodyFilter, direction: Direction, position: number) {
    this.slot = slot;
    this.filter = filter;
    this.position = position;
    this.#direction = direction;
    this.#wantsBody = filter.wantsBody(direction);
    this.wantsTrailers = filter.wantsTrailers(direction);
    this.inbox = new BodyBuffer(this.limit);
    this.held = new BodyBuffer(this.limit);
  }

  /** Bytes that it may hold; a filter may change its mind. */
  get limit(): number {
    return this.filter.bodyLimit(this.#direction);
  }

  /** It holds as much as it may, and is asked again only when it has let go. */
  get full(): boolean {
    return this.holding && this.#patient && this.held.length >= this.limit;
  }

  /** There is something to show to the filter. */
  get ready(): boolean {
    return !this.running && !this.full && (this.inbox.length > 0 || this.inboxEnd);
  }

  /** It makes the source wait. */
  get blocked(): boolean {
    return this.inbox.length > 0 || this.full;
  }

  /** Takes in what has come. False: together with what is held it is too much. */
  accept(end: boolean): boolean {
    const { length } = this.held;
    const fits = length === 0 || this.#patient || length + this.inbox.length <= this.limit;
    this.#fresh = this.inbox.length > 0;
    this.inbox.moveTo(this.held);
    this.heldEnd = end;
    if (end) this.inboxEnd = false;
    return fits;
  }

  /** Shows the filter what is held. */
  runBody(): FilterStatus {
    if (!this.#wantsBody) return CONTINUE;
    if (!this.#fresh && !this.heldEnd) return this.#unchanged();
    this.resumed = false;
    this.running = true;
    const status = this.filter.onBody(this.#direction, this.held, this.heldEnd);
    this.running = false;
    return status;
  }

  runTrailers(trailers: HeaderList): FilterStatus {
    this.resumed = false;
    this.running = true;
    const status = this.filter.onTrailers(this.#direction, trailers);
    this.running = false;
    return status;
  }

  runOverflow(cause: Overflow): void {
    this.held.overflowed = false;
    this.filter.onOverflow(this.#direction, cause);
  }

  /** The filter paused. False: what it was shown is more than it may hold. */
  hold(status: FilterStatus): boolean {
    this.holding = true;
    this.#patient = status === PAUSE_FULL;
    if (status === PAUSE_DROP) this.held.clear();
    return status !== PAUSE || this.held.length <= this.limit;
  }

  /** What was held has gone on. */
  clearHeld(): void {
    this.holding = false;
    this.heldEnd = false;
    this.resumed = false;
  }

  /** Makes what stays here its own; answers how much that is. */
  keep(): number {
    this.inbox.keep();
    this.held.keep();
    return this.inbox.length + this.held.length;
  }

  clear(): void {
    this.inbox.clear();
    this.held.clear();
  }

  /** Loses what has come since the filter ended the body itself. */
  drop(): void {
    this.clear();
    this.clearHeld();
    this.inboxEnd = false;
  }

  #unchanged(): FilterStatus {
    if (!this.holding) return CONTINUE;
    return this.#patient ? PAUSE_FULL : PAUSE;
  }
}
