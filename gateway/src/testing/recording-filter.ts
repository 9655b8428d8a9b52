import type { ErrorCode } from '../core/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { BodyBuffer } from '../filters/body-buffer.ts';
import {
  type BodyFilter,
  CONTINUE,
  type Destination,
  type Direction,
  type Filter,
  type FilterControl,
  type FilterFactory,
  type FilterStatus,
  type Overflow,
  PAUSE_DROP,
  REPLIED,
  REQUEST,
  RESPONSE,
} from '../filters/filter.ts';
import type { ExchangeRecord } from './exchange-record.ts';

/** The filter of a plugin, with what passes between it and the gateway noted. */
export class RecordingFactory implements FilterFactory {
  readonly name: string;
  readonly subject: object;
  readonly mayLeaveTenant: boolean;
  readonly #inner: FilterFactory;
  readonly #recordOf: (exchange: Exchange) => ExchangeRecord;

  constructor(inner: FilterFactory, recordOf: (exchange: Exchange) => ExchangeRecord) {
    this.name = inner.name;
    this.subject = inner.subject ?? inner;
    this.mayLeaveTenant = inner.mayLeaveTenant ?? false;
    this.#inner = inner;
    this.#recordOf = recordOf;
  }

  get wantsRequestHeaders(): boolean {
    return this.#inner.wantsRequestHeaders;
  }

  get wantsResponseHeaders(): boolean {
    return this.#inner.wantsResponseHeaders;
  }

  create(exchange: Exchange, control: FilterControl): Filter | null {
    const record = this.#recordOf(exchange);
    const inner = this.#inner.create(exchange, new RecordingControl(control, record));
    return inner === null ? null : new RecordingFilter(inner, record);
  }
}

class RecordingFilter implements Filter, BodyFilter {
  readonly bodies: BodyFilter | null;
  readonly #inner: Filter;
  readonly #record: ExchangeRecord;

  constructor(inner: Filter, record: ExchangeRecord) {
    this.#inner = inner;
    this.#record = record;
    this.bodies = inner.bodies === null ? null : this;
  }

  get editsBodies(): boolean {
    return this.#inner.bodies!.editsBodies;
  }

  onRequestHeaders(endOfStream: boolean): FilterStatus {
    this.#record.show(REQUEST, null, endOfStream);
    return this.#note(() => this.#inner.onRequestHeaders(endOfStream));
  }

  onResponseHeaders(endOfStream: boolean): FilterStatus {
    this.#record.show(RESPONSE, null, endOfStream);
    return this.#note(() => this.#inner.onResponseHeaders(endOfStream));
  }

  bodyLimit(direction: Direction): number {
    return this.#inner.bodies!.bodyLimit(direction);
  }

  wantsBody(direction: Direction): boolean {
    return this.#inner.bodies!.wantsBody(direction);
  }

  wantsTrailers(direction: Direction): boolean {
    return this.#inner.bodies!.wantsTrailers(direction);
  }

  onBody(direction: Direction, body: BodyBuffer, endOfStream: boolean): FilterStatus {
    this.#record.show(direction, body, endOfStream);
    const status = this.#note(() => this.#inner.bodies!.onBody(direction, body, endOfStream));
    if (status === CONTINUE || status === REPLIED || status === PAUSE_DROP) this.#record.release(direction);
    return status;
  }

  onTrailers(direction: Direction, trailers: HeaderList): FilterStatus {
    this.#record.showTrailers(direction, trailers);
    return this.#note(() => this.#inner.bodies!.onTrailers(direction, trailers));
  }

  onOverflow(direction: Direction, cause: Overflow): void {
    this.#inner.bodies!.onOverflow(direction, cause);
    this.#record.release(direction);
  }

  onDone(): void {
    this.#inner.onDone();
  }

  /** Runs a phase, and notes of the callback, if there is one, what it has decided. */
  #note(run: () => FilterStatus): FilterStatus {
    const { calls } = this.#record;
    const place = calls.length;
    const status = run();
    this.#record.endPhase();
    const call = calls[place];
    if (call !== undefined) call.decision = status === CONTINUE ? 'continue' : status === REPLIED ? 'respond' : 'pause';
    return status;
  }
}

/** What a plugin does to its exchange outside of the phases: when services have answered, or it ticks. */
class RecordingControl implements FilterControl {
  readonly #inner: FilterControl;
  readonly #record: ExchangeRecord;

  constructor(inner: FilterControl, record: ExchangeRecord) {
    this.#inner = inner;
    this.#record = record;
  }

  get destination(): Destination {
    return this.#inner.destination;
  }

  resumeRequest(): void {
    this.#resumed(REQUEST);
    this.#inner.resumeRequest();
  }

  resumeResponse(): void {
    this.#resumed(RESPONSE);
    this.#inner.resumeResponse();
  }

  #resumed(direction: Direction): void {
    this.#record.decide('continue');
    this.#record.release(direction);
  }

  trailers(direction: Direction): HeaderList | null {
    const trailers = this.#inner.trailers(direction);
    if (trailers !== null) this.#record.track(direction, trailers);
    return trailers;
  }

  reply(status: number, headers: HeaderList, body: Buffer | null, details: string): boolean {
    this.#record.decide('respond');
    return this.#inner.reply(status, headers, body, details);
  }

  fail(code: ErrorCode, details: string): boolean {
    this.#record.decide('respond');
    return this.#inner.fail(code, details);
  }

  reset(): void {
    this.#record.decide('respond');
    this.#inner.reset();
  }

  endMessage(direction: Direction): void {
    this.#inner.endMessage(direction);
  }

  mayInject(bytes: number): boolean {
    return this.#inner.mayInject(bytes);
  }

  inject(bytes: Buffer, end: boolean): void {
    this.#inner.inject(bytes, end);
  }
}
