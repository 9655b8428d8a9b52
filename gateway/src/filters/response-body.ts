import type { BodyBudget } from '../core/body-budget.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { BodyFlow, type FlowEnds } from './body-flow.ts';
import { RESPONSE } from './filter.ts';
import type { FilterSlot } from './slot.ts';

/** What a filtered response body needs of its chain. */
export interface ResponseBodyOwner {
  /** The head may leave. @param bodyLength of the filtered body; -1 = not known; null = as it was announced */
  onResponseReady(bodyLength: number | null): void;
  onResponseData(chunk: Buffer): boolean;
  onResponseEnd(trailers: HeaderList | null): void;
  resumeResponse(): void;
  passResponseHead(slot: FilterSlot): void;
}

/** A response body behind the filters that want it. */
export class FilteredResponseBody implements FlowEnds {
  readonly flow: BodyFlow;
  readonly #owner: ResponseBodyOwner;
  /** What the sender announced; -1 = nothing. */
  readonly #announced: number;
  #received = 0;

  constructor(announced: number, owner: ResponseBodyOwner, budget: BodyBudget) {
    this.#announced = announced;
    this.#owner = owner;
    this.flow = new BodyFlow(RESPONSE, this, budget, false);
  }

  /** See `FilterControl.mayInject`. @param headLeft it said how long the body is, unless filters edit that */
  mayInject(slot: FilterSlot, bytes: number, headLeft: boolean): boolean {
    return (!headLeft || this.flow.edits) && this.flow.mayInject(slot, -slot.index, bytes);
  }

  /** A chunk of the sender's, valid until this returns; false: no more until the owner's `resumeResponse`. */
  push(chunk: Buffer): boolean {
    this.#received += chunk.length;
    this.flow.push(chunk, this.#received === this.#announced, null);
    return !this.flow.sourcePaused;
  }

  pauseSource(): void {
    // `push` says so.
  }

  resumeSource(): void {
    this.#owner.resumeResponse();
  }

  passHead(slot: FilterSlot): void {
    this.#owner.passResponseHead(slot);
  }

  onFlowOpen(length: number): void {
    this.#owner.onResponseReady(this.flow.edits ? length : null);
  }

  onFlowData(chunk: Buffer): boolean {
    return this.#owner.onResponseData(chunk);
  }

  onFlowEnd(trailers: HeaderList | null): void {
    this.#owner.onResponseEnd(trailers);
  }
}
