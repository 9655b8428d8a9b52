import type { BodyBudget } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { BodyFlow, type FlowEnds } from './body-flow.ts';
import { REQUEST } from './filter.ts';
import type { FilterSlot } from './slot.ts';

/** What a filtered request body needs of its chain. */
export interface RequestBodyOwner {
  /** The body may go upstream: as it comes, or whole. */
  onRequestBody(body: BodySource, whole: Buffer | null): void;
  onRequestBodyFailed(code: ErrorCode): void;
  passRequestHead(slot: FilterSlot): void;
  crash(error: unknown): void;
}

function startDelivery(body: FilteredRequestBody): void {
  body.resume();
}

/** A request body behind the filters that want it: reads the client's, and is read by the upstream. */
export class FilteredRequestBody implements BodySource, BodyReader, FlowEnds {
  readonly flow: BodyFlow;
  limit = Number.POSITIVE_INFINITY;
  hiddenTrailer = '';
  received = 0;
  completedAt = 0;
  readonly #source: BodySource;
  readonly #owner: RequestBodyOwner;
  #reader: BodyReader | null = null;
  #begun = false;
  #over = false;

  constructor(source: BodySource, owner: RequestBodyOwner, budget: BodyBudget) {
    this.#source = source;
    this.#owner = owner;
    this.flow = new BodyFlow(REQUEST, this, budget, true);
  }

  get length(): number {
    return this.flow.edits ? -1 : this.#source.length;
  }

  /** Reads the client's body, unless that has begun. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#source.read(this);
  }

  /** Nobody wants it any more, from whatever side. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.flow.close();
    if (this.#begun) this.#source.stop();
  }

  // --- what the client sends (BodyReader)

  onBodyData(chunk: Buffer): void {
    const { length, received } = this.#source;
    this.#push(chunk, length >= 0 && received === length, null);
  }

  onBodyEnd(trailers: HeaderList | null): void {
    this.#push(null, true, trailers);
  }

  onBodyError(code: ErrorCode): void {
    if (this.#over) return;
    this.#over = true;
    this.flow.close();
    if (this.#reader === null) this.#owner.onRequestBodyFailed(code);
    else this.#reader.onBodyError(code);
  }

  #push(chunk: Buffer | null, end: boolean, trailers: HeaderList | null): void {
    try {
      this.flow.push(chunk, end, trailers);
    } catch (error) {
      this.#owner.crash(error);
    }
  }

  // --- what the upstream takes (BodySource)

  read(reader: BodyReader): void {
    this.#reader = reader;
    setImmediate(startDelivery, this);
  }

  pause(): void {
    this.flow.pauseOutput();
  }

  resume(): void {
    try {
      this.flow.resumeOutput();
    } catch (error) {
      this.#owner.crash(error);
    }
  }

  stop(): void {
    this.close();
  }

  // --- what has passed the filters (FlowEnds)

  pauseSource(): void {
    this.#source.pause();
  }

  resumeSource(): void {
    this.#source.resume();
  }

  passHead(slot: FilterSlot): void {
    this.#owner.passRequestHead(slot);
  }

  onFlowOpen(length: number): void {
    this.#owner.onRequestBody(this, length >= 0 ? this.flow.takeWhole() : null);
  }

  onFlowData(chunk: Buffer): boolean {
    this.received += chunk.length;
    this.#reader!.onBodyData(chunk);
    return true;
  }

  onFlowEnd(trailers: HeaderList | null): void {
    this.completedAt = performance.now();
    this.#reader!.onBodyEnd(trailers);
  }
}
