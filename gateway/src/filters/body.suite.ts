import { BodyBudgets } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import type { MemoryBody } from '../exchange/memory.ts';
import { fakeExchange } from '../testing/fake-exchange.ts';
import type { BodyBuffer } from './body-buffer.ts';
import { type ChainHost, FilterChain, type WaitingBody } from './chain.ts';
import {
  type BodyFilter,
  CONTINUE,
  type Direction,
  type Filter,
  type FilterControl,
  type FilterFactory,
  type FilterStatus,
  HOLD_HEAD,
  NOWHERE,
  type Overflow,
  PAUSE,
  PAUSE_DROP,
  PAUSE_FULL,
  REPLIED,
  REQUEST,
} from './filter.ts';

/**
 * What a filter of a test does with the bodies of one direction. `pass`; `gather`: hold until the end; `later`: hold
 * until it is resumed, in a later turn; `full`: the same, but the source waits at its limit; `drop` everything; `head`:
 * hold the head and gather; `stop`: hold the head and let it go later; `trailers`: look at trailers only, and hold them
 * for a turn; `lost`: hold everything forever.
 */
export type Conduct = 'pass' | 'gather' | 'later' | 'full' | 'drop' | 'head' | 'stop' | 'trailers' | 'lost';

/** Something that a filter does instead, when it first sees a body. */
export type Incident = 'reply' | 'fail' | 'reset' | 'throw';

export class ScriptedFilter implements Filter, BodyFilter, FilterFactory {
  readonly name = 'scripted';
  readonly wantsRequestHeaders = true;
  readonly wantsResponseHeaders = true;
  readonly bodies: BodyFilter | null = this;
  readonly editsBodies: boolean;
  readonly #bodyLimit: number;
  /** Sizes that it was shown, `!` at the end. */
  readonly shown: string[] = [];
  control: FilterControl | null = null;
  incident: Incident | null = null;
  done = 0;
  readonly #conduct: Conduct;
  readonly #direction: Direction;
  #resuming = false;

  constructor(conduct: Conduct, direction: Direction, bodyLimit = 1000) {
    this.#conduct = conduct;
    this.#direction = direction;
    this.#bodyLimit = bodyLimit;
    this.editsBodies = conduct === 'drop';
  }

  create(_exchange: unknown, control: FilterControl): Filter {
    this.control = control;
    return this;
  }

  onRequestHeaders(): FilterStatus {
    return this.#onHead(0);
  }

  onResponseHeaders(): FilterStatus {
    return this.#onHead(1);
  }

  bodyLimit(): number {
    return this.#bodyLimit;
  }

  wantsBody(direction: Direction): boolean {
    return direction === this.#direction && this.#conduct !== 'trailers';
  }

  wantsTrailers(direction: Direction): boolean {
    return direction === this.#direction && this.#conduct === 'trailers';
  }

  onBody(direction: Direction, body: BodyBuffer, endOfStream: boolean): FilterStatus {
    this.#expectAlive();
    this.shown.push(`${body.length}${endOfStream ? '!' : ''}`);
    if (this.incident !== null) return this.#cause(this.incident);
    switch (this.#conduct) {
      case 'gather':
      case 'head':
        return endOfStream ? CONTINUE : PAUSE;
      case 'later':
        this.#resumeLater(direction);
        return PAUSE;
      case 'full':
        this.#resumeLater(direction);
        return PAUSE_FULL;
      case 'drop':
        return endOfStream ? CONTINUE : PAUSE_DROP;
      case 'lost':
        return PAUSE;
      default:
        return CONTINUE;
    }
  }

  onTrailers(direction: Direction, trailers: HeaderList): FilterStatus {
    this.#expectAlive();
    this.shown.push(`trailers ${trailers.size}`);
    this.#resumeLater(direction);
    return PAUSE;
  }

  onOverflow(_direction: Direction, cause: Overflow): void {
    this.shown.push(cause);
    this.control!.fail('SLUICE_PLUGIN_BODY_LIMIT', cause);
  }

  onDone(): void {
    this.done++;
  }

  #onHead(direction: Direction): FilterStatus {
    this.#expectAlive();
    if (direction !== this.#direction) return CONTINUE;
    if (this.#conduct === 'head') return HOLD_HEAD;
    if (this.#conduct !== 'stop') return CONTINUE;
    this.#resumeLater(direction);
    return PAUSE;
  }

  #resumeLater(direction: Direction): void {
    if (this.#resuming) return;
    this.#resuming = true;
    setImmediate(() => {
      this.#resuming = false;
      if (direction === REQUEST) this.control!.resumeRequest();
      else this.control!.resumeResponse();
    });
  }

  #cause(incident: Incident): FilterStatus {
    if (incident === 'throw') throw new Error('by design');
    if (incident === 'reply') this.control!.reply(418, new PairHeaders(), null, '');
    else if (incident === 'fail') this.control!.fail('SLUICE_PLUGIN_FAILED', '');
    else this.control!.reset();
    return REPLIED;
  }

  #expectAlive(): void {
    if (this.done > 0) throw new Error('a filter was called after its end');
  }
}

/** One exchange through a chain: its client, its upstream, and all that came out. */
export class BodyRig implements ChainHost, BodyReader {
  readonly chain: FilterChain;
  readonly budgets: BodyBudgets;
  readonly source: MemoryBody | null;
  readonly events: string[] = [];
  /** What arrived at the other side. */
  output = '';
  trailers: HeaderList | null = null;
  bodyLength: number | null = null;
  /** The receiver takes one chunk in each turn. */
  slow = false;
  responseStarted = false;
  readonly destination = NOWHERE;
  readonly mayGrow = true;
  /** Times that the response's source had to wait. */
  waits = 0;
  readonly #coming: string[] = [];
  #end: { readonly trailers: HeaderList | null } | null = null;
  #reading: BodySource | null = null;

  constructor(filters: readonly ScriptedFilter[], source: MemoryBody | null, budget = Number.POSITIVE_INFINITY) {
    const exchange = fakeExchange();
    exchange.tenant = 'a';
    exchange.body = source;
    exchange.responseHeaders = new PairHeaders();
    this.source = source;
    this.budgets = new BodyBudgets(() => budget);
    this.chain = new FilterChain(filters, exchange, this, this.budgets);
  }

  /** Sends a request through the filters. */
  request(): void {
    if (this.chain.startRequest(this.source === null) === CONTINUE) this.onRequestReady();
  }

  onRequestReady(): void {
    this.events.push('head');
    if (this.source !== null && !this.chain.filterRequestBody()) this.source.read(this);
  }

  onRequestBody(body: BodySource, whole: Buffer | null): void {
    this.events.push(whole === null ? 'body' : 'whole body');
    this.bodyLength = whole?.length ?? body.length;
    if (whole === null) {
      this.#reading = body;
      body.read(this);
      return;
    }
    this.output = whole.toString();
    this.events.push('end');
  }

  onBodyData(chunk: Buffer): void {
    this.output += chunk.toString();
    if (!this.slow || this.#reading === null) return;
    const body = this.#reading;
    body.pause();
    setImmediate(() => body.resume());
  }

  onBodyEnd(trailers: HeaderList | null): void {
    this.trailers = trailers;
    this.events.push('end');
  }

  onBodyError(code: ErrorCode): void {
    this.events.push(`broken ${code}`);
  }

  onRequestBodyFailed(code: ErrorCode): void {
    this.events.push(`failed ${code}`);
  }

  /** Sends a response through the filters, as fast as they take it. @param filtered one of them wants its body */
  response(chunks: readonly string[], trailers: HeaderList | null, filtered = true): void {
    if (this.source === null) this.request();
    this.#coming.push(...chunks);
    this.#end = { trailers };
    if (this.chain.startResponse(false) === CONTINUE) throw new Error('the head did not wait for the body');
    if (filtered) this.resumeResponse();
  }

  resumeResponse(): void {
    while (this.#coming.length > 0) {
      const chunk = Buffer.from(this.#coming.shift()!);
      const more = this.chain.pushResponse(chunk);
      chunk.fill(0xdd);
      if (more) continue;
      this.waits++;
      return;
    }
    const end = this.#end;
    this.#end = null;
    if (end !== null) this.chain.endResponse(end.trailers);
  }

  onResponseReady(bodyLength: number | null): void {
    this.responseStarted = true;
    this.bodyLength = bodyLength;
    this.events.push('head');
  }

  onResponseData(chunk: Buffer): boolean {
    this.output += chunk.toString();
    if (this.slow) setImmediate(() => this.chain.drainResponse());
    return !this.slow;
  }

  onResponseEnd(trailers: HeaderList | null): void {
    this.onBodyEnd(trailers);
  }

  reroute(): never {
    throw new Error('the route stays');
  }

  onResponseGrows(): WaitingBody {
    this.events.push('grows');
    const bytes = this.#coming.length === 0 ? null : Buffer.from(this.#coming.splice(0).join(''));
    const end = this.#end;
    this.#end = null;
    return { bytes, ended: end !== null, trailers: end?.trailers ?? null };
  }

  replaceResponse(status: number): void {
    this.#replace(`answer ${status}`);
  }

  replaceWithError(code: ErrorCode): void {
    this.#replace(`error ${code}`);
  }

  onReset(code: ErrorCode): void {
    this.events.push(`reset ${code}`);
    this.chain.finish();
  }

  #replace(event: string): void {
    this.events.push(event);
    this.#coming.length = 0;
    this.#end = null;
    if (this.chain.startResponse(true) === CONTINUE) this.chain.finish();
  }

  crash(error: unknown): void {
    this.events.push(`crash ${(error as Error).message}`);
    this.chain.finish();
  }
}
