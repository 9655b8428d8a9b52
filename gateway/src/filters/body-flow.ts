import type { BodyBudget } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { BodyBuffer } from './body-buffer.ts';
import { BodyStage, PASSIVE } from './body-stage.ts';
import { type BodyFilter, CONTINUE, type Direction, type FilterStatus, type Overflow, REPLIED } from './filter.ts';
import type { FilterSlot } from './slot.ts';

/** Where a flow's bytes come from and go to. */
export interface FlowEnds {
  /** Lets nothing more come, until `resumeSource`. */
  pauseSource(): void;
  /** May push at once. */
  resumeSource(): void;
  /** A filter lets the body go on whose head it had held back: the head goes first. */
  passHead(slot: FilterSlot): void;
  /** The first bytes have passed all filters, or the end has. @param length of the body if that was all; -1 otherwise */
  onFlowOpen(length: number): void;
  /** A chunk, valid until the call returns. False: it was taken, and no more before `resumeOutput`. */
  onFlowData(chunk: Buffer): boolean;
  onFlowEnd(trailers: HeaderList | null): void;
}

/** Largest piece that leaves at once; what is held is counted until it has left. */
const SLICE = 64 * 1024;

/**
 * A body on its way through the filters that want it: each stage hands what it lets go to the next, the last one to the
 * output. Bytes that only pass are not copied. Nothing is delivered beyond the point that the head has reached, and the
 * source waits while anything waits. Whoever changes its state calls `run`, which never runs inside itself.
 */
export class BodyFlow {
  readonly #direction: Direction;
  readonly #ends: FlowEnds;
  readonly #budget: BodyBudget;
  readonly #stages: BodyStage[] = [];
  readonly #output = new BodyBuffer(0);
  #outputEnd = false;
  #outputPaused: boolean;
  /** The head has passed the stages below this position; at Infinity also the output is open. */
  #reach = 0;
  #trailers: HeaderList | null = null;
  #sourcePaused = false;
  #sourceEnded = false;
  #injected = false;
  #opened = false;
  #pumping = false;
  #closed = false;
  /** Bytes taken from the budget. */
  #counted = 0;
  /** Bytes that left in one piece and stay counted until the end. */
  #lent = 0;

  /** @param outputPaused nobody takes its bytes yet */
  constructor(direction: Direction, ends: FlowEnds, budget: BodyBudget, outputPaused: boolean) {
    this.#direction = direction;
    this.#ends = ends;
    this.#budget = budget;
    this.#outputPaused = outputPaused;
  }

  /** A filter changes the body, so that its announced length is worth nothing. */
  get edits(): boolean {
    return this.#injected || this.#stages.some(({ filter }) => filter.editsBodies);
  }

  get sourcePaused(): boolean {
    return this.#sourcePaused;
  }

  /** Appends a stage. @param filter the slot's, or `PASSIVE` @param position its place in running order */
  add(slot: FilterSlot, position: number, filter: BodyFilter = slot.filter!.bodies!): void {
    const stage = new BodyStage(slot, filter, this.#direction, position);
    this.#output.moveTo(stage.inbox);
    stage.inboxEnd = this.#outputEnd;
    this.#outputEnd = false;
    this.#stages.push(stage);
  }

  /** Gives a filter that was left out a place to inject: what waits for those behind it waits there. */
  insert(slot: FilterSlot, position: number): void {
    const at = this.#stages.findIndex((stage) => stage.position > position);
    const index = at === -1 ? this.#stages.length : at;
    const stage = new BodyStage(slot, PASSIVE, this.#direction, position);
    const next = this.#stages[index];
    (next?.inbox ?? this.#output).moveTo(stage.inbox);
    stage.inboxEnd = next?.inboxEnd ?? this.#outputEnd;
    if (next === undefined) this.#outputEnd = false;
    else next.inboxEnd = false;
    this.#stages.splice(index, 0, stage);
  }

  /** The head has passed all filters whose position is below `reach`; the body follows with `run`. */
  passTo(reach: number): void {
    this.#reach = reach;
  }

  /** Moves what can move. */
  run(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      do while (this.#pass());
      while (this.#overdrawn());
    } finally {
      this.#pumping = false;
    }
    if (!this.#closed) this.#steerSource();
  }

  /** A chunk of the source, which may use its memory again when this returns; `null` for the end alone. */
  push(chunk: Buffer | null, end: boolean, trailers: HeaderList | null): void {
    if (this.#closed || this.#sourceEnded) return;
    const first = this.#stages[0]!;
    if (chunk !== null) first.inbox.lend(chunk);
    if (end) {
      this.#sourceEnded = true;
      this.#trailers = trailers;
      first.inboxEnd = true;
    }
    this.run();
  }

  /** The filter of the slot lets go of what it holds. */
  resume(slot: FilterSlot): void {
    const stage = this.#stageOf(slot);
    if (stage === undefined || this.#closed) return;
    if (stage.running || stage.holding) stage.resumed = true;
    this.run();
  }

  /** The filter has a stage. */
  has(slot: FilterSlot): boolean {
    return this.#stageOf(slot) !== undefined;
  }

  /**
   * Whether a filter may put so many bytes behind itself: the end has not passed it, and no more than its limit waits.
   * @param position its place in running order
   */
  mayInject(slot: FilterSlot, position: number, bytes: number): boolean {
    const index = this.#stages.findIndex((stage) => stage.slot === slot);
    if (this.#closed || this.#stages[index]?.over === true) return false;
    const next = index === -1 ? this.#stages.find((stage) => stage.position > position) : undefined;
    if (next?.over === true || next?.heldEnd === true) return false;
    let waiting = this.#output.length;
    for (const { inbox } of this.#stages.slice(index + 1)) waiting += inbox.length;
    return waiting + bytes <= (slot.filter!.bodies?.bodyLimit(this.#direction) ?? LIMITS.pluginBodyBytes);
  }

  /** Takes bytes, which pass to the flow, as if the filter had let them go now; `mayInject` was asked. */
  inject(slot: FilterSlot, bytes: Buffer, end: boolean): void {
    const index = this.#stages.findIndex((stage) => stage.slot === slot);
    const stage = this.#stages[index];
    if (stage === undefined || stage.over || this.#closed) return;
    this.#injected = true;
    const next = this.#stages[index + 1];
    if (bytes.length > 0) (next?.inbox ?? this.#output).lend(bytes);
    stage.over = end;
    if (end && next !== undefined) next.inboxEnd = true;
    else if (end) this.#outputEnd = true;
    // Last, since what waits at the stage follows the head, and would overtake the bytes.
    this.#ends.passHead(slot);
    this.run();
  }

  /** Trailers that follow what the filter has seen the end of; null when it has not. */
  trailersFor(slot: FilterSlot): HeaderList | null {
    if (this.#closed || this.#stageOf(slot)?.heldEnd !== true) return null;
    return (this.#trailers ??= new PairHeaders());
  }

  pauseOutput(): void {
    this.#outputPaused = true;
  }

  resumeOutput(): void {
    this.#outputPaused = false;
    this.run();
  }

  /** The whole body, once it is known to be complete; it stays counted until `close`. */
  takeWhole(): Buffer {
    this.#outputEnd = false;
    this.#output.keep();
    this.#lent = this.#output.length;
    return this.#output.take(this.#lent);
  }

  /** Lets go of everything; nothing is called afterwards. */
  close(): void {
    this.#closed = true;
    for (const stage of this.#stages) stage.clear();
    this.#output.clear();
    if (this.#counted > 0) this.#budget.give(this.#counted);
    this.#counted = 0;
  }

  get #endTrailers(): HeaderList | null {
    return this.#trailers === null || this.#trailers.size === 0 ? null : this.#trailers;
  }

  #stageOf(slot: FilterSlot): BodyStage | undefined {
    return this.#stages.find((stage) => stage.slot === slot);
  }

  /** Moves what can move by one step; true when something did. */
  #pass(): boolean {
    let moved = false;
    for (const [index, stage] of this.#stages.entries()) {
      if (this.#closed) return false;
      if (stage.over) {
        stage.drop();
        continue;
      }
      if (stage.resumed) {
        stage.resumed = false;
        this.#settle(stage, index, CONTINUE);
      } else if (stage.position < this.#reach && stage.ready) this.#deliver(stage, index);
      else continue;
      moved = true;
    }
    return this.#emit() || moved;
  }

  #deliver(stage: BodyStage, index: number): void {
    const end = stage.inboxEnd;
    const trailers = end ? this.#endTrailers : null;
    const trailersCome = trailers !== null && stage.wantsTrailers;
    if (!stage.accept(end && !trailersCome)) {
      this.#overflow(stage, index, 'limit');
      return;
    }
    this.#settle(stage, index, stage.runBody());
    if (!trailersCome || this.#closed) return;
    stage.inboxEnd = false;
    stage.heldEnd = true;
    this.#settle(stage, index, stage.runTrailers(trailers));
  }

  /** Carries out what a stage's filter answered. A reply that took effect has closed the flow; one that was refused is none. */
  #settle(stage: BodyStage, index: number, status: FilterStatus): void {
    if (this.#closed) return;
    if (stage.held.overflowed) this.#overflow(stage, index, 'edit');
    else if (status === CONTINUE || status === REPLIED || stage.resumed) this.#release(stage, index);
    else if (!stage.hold(status)) this.#overflow(stage, index, 'limit');
  }

  #overflow(stage: BodyStage, index: number, cause: Overflow): void {
    stage.runOverflow(cause);
    this.#settle(stage, index, REPLIED);
  }

  /** What a stage holds goes to the next one, after the head if that is held here too. */
  #release(stage: BodyStage, index: number): void {
    this.#ends.passHead(stage.slot);
    if (this.#closed || stage.over) return;
    const next = this.#stages[index + 1];
    stage.held.moveTo(next?.inbox ?? this.#output);
    if (stage.heldEnd && next !== undefined) next.inboxEnd = true;
    else if (stage.heldEnd) this.#outputEnd = true;
    stage.over = stage.heldEnd;
    stage.clearHeld();
  }

  /** Hands what has passed all filters to the output; true when something left. */
  #emit(): boolean {
    const output = this.#output;
    if (this.#closed || this.#reach !== Number.POSITIVE_INFINITY) return false;
    if (output.length === 0 && !this.#outputEnd) return false;
    if (!this.#opened) {
      this.#opened = true;
      const whole = this.#outputEnd && this.#endTrailers === null;
      this.#ends.onFlowOpen(whole ? output.length : -1);
    }
    let left = false;
    while (!this.#closed && !this.#outputPaused && output.length > 0) {
      left = true;
      if (!this.#ends.onFlowData(output.take(SLICE))) this.#outputPaused = true;
    }
    if (this.#closed || this.#outputPaused || !this.#outputEnd) return left;
    this.#outputEnd = false;
    this.#ends.onFlowEnd(this.#endTrailers);
    return true;
  }

  /** Keeps what stays and counts it; true when a stage had to let go because the budget is used up. */
  #overdrawn(): boolean {
    if (this.#closed) return false;
    this.#output.keep();
    let kept = this.#output.length + this.#lent;
    for (const stage of this.#stages) kept += stage.keep();
    const more = kept - this.#counted;
    if (more < 0) this.#budget.give(-more);
    else if (more > 0 && !this.#budget.take(more)) return this.#dropHolder();
    this.#counted = kept;
    return false;
  }

  /** What merely waits cannot be dropped, and is bounded by its source's patience; a filter that holds has a choice. */
  #dropHolder(): boolean {
    const index = this.#stages.findIndex((stage) => stage.holding && stage.held.length > 0);
    if (index === -1) return false;
    this.#overflow(this.#stages[index]!, index, 'budget');
    return !this.#closed;
  }

  #steerSource(): void {
    const waits =
      !this.#sourceEnded &&
      ((this.#opened && this.#outputPaused) || this.#output.length > 0 || this.#stages.some((stage) => stage.blocked));
    if (waits === this.#sourcePaused) return;
    this.#sourcePaused = waits;
    if (waits) this.#ends.pauseSource();
    else this.#ends.resumeSource();
  }
}
