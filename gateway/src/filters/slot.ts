import type { ErrorCode } from '../core/errors.ts';
import type { HeaderList } from '../exchange/headers.ts';
import {
  type Destination,
  type Direction,
  type Filter,
  type FilterControl,
  type FilterFactory,
  REQUEST,
  RESPONSE,
} from './filter.ts';

/** What a slot needs of its chain. */
export interface SlotOwner {
  resume(direction: Direction, slot: FilterSlot): void;
  trailers(direction: Direction, slot: FilterSlot): HeaderList | null;
  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): boolean;
  fail(code: ErrorCode, details: string): boolean;
  reset(): void;
  endMessage(direction: Direction, slot: FilterSlot): void;
  mayInject(bytes: number, slot: FilterSlot): boolean;
  inject(bytes: Buffer, end: boolean, slot: FilterSlot): void;
  readonly destination: Destination;
  crash(error: unknown): void;
}

/** One filter's place in the chain of one exchange. Exceptions end in the owner's `crash`, never in the filter. */
export class FilterSlot implements FilterControl {
  readonly factory: FilterFactory;
  /** Position in the chain. */
  readonly index: number;
  /** As it was when the filter was made: the factory may make other ones since. */
  readonly wantsResponseHeaders: boolean;
  filter: Filter | null = null;
  /** Resume was asked for from within the callback that is about to answer PAUSE. */
  resumedRequest = false;
  resumedResponse = false;
  readonly #owner: SlotOwner;

  constructor(factory: FilterFactory, index: number, owner: SlotOwner) {
    this.factory = factory;
    this.wantsResponseHeaders = factory.wantsResponseHeaders;
    this.index = index;
    this.#owner = owner;
  }

  resumeRequest(): void {
    this.resumedRequest = true;
    this.#resume(REQUEST);
  }

  resumeResponse(): void {
    this.resumedResponse = true;
    this.#resume(RESPONSE);
  }

  trailers(direction: Direction): HeaderList | null {
    return this.#owner.trailers(direction, this);
  }

  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): boolean {
    try {
      return this.#owner.reply(status, headers, body, details);
    } catch (error) {
      this.#owner.crash(error);
      return true;
    }
  }

  fail(code: ErrorCode, details: string): boolean {
    try {
      return this.#owner.fail(code, details);
    } catch (error) {
      this.#owner.crash(error);
      return true;
    }
  }

  reset(): void {
    this.#owner.reset();
  }

  get destination(): Destination {
    return this.#owner.destination;
  }

  endMessage(direction: Direction): void {
    this.#owner.endMessage(direction, this);
  }

  mayInject(bytes: number): boolean {
    return this.#owner.mayInject(bytes, this);
  }

  inject(bytes: Buffer, end: boolean): void {
    try {
      this.#owner.inject(bytes, end, this);
    } catch (error) {
      this.#owner.crash(error);
    }
  }

  #resume(direction: Direction): void {
    try {
      this.#owner.resume(direction, this);
    } catch (error) {
      this.#owner.crash(error);
    }
  }
}
