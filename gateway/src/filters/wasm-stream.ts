import type { Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import type { Context } from '../wasm/context.ts';
import type { Generation } from '../wasm/generation.ts';
import type { GuestFunction } from '../wasm/guest.ts';
import {
  Action,
  type CalloutOrigin,
  type ContextHost,
  type GuestBuffer,
  type HeaderMap,
  type LocalResponse,
  type PropertyValue,
} from '../wasm/host.ts';
import type { Plugin } from '../wasm/plugin.ts';
import { storeProperty } from '../wasm/root.ts';
import { CRASHED } from '../wasm/vm.ts';
import type { BodyBuffer } from './body-buffer.ts';
import {
  type BodyFilter,
  CONTINUE,
  type Direction,
  type Filter,
  type FilterControl,
  type FilterStatus,
  HOLD_HEAD,
  type Overflow,
  PAUSE,
  PAUSE_FULL,
  REPLIED,
  REQUEST,
  RESPONSE,
} from './filter.ts';
import { exchangeProperty } from './wasm-properties.ts';
import { bitOf, holds, type PauseOwner, Pauses } from './wasm-pauses.ts';
import { bodyStatus, headerStatus, overflowCode } from './wasm-results.ts';
import { WasmView } from './wasm-view.ts';

/** No callback is running. */
const NEITHER = -1;

/** In place of a callback's result: its answer, or its reset, has taken effect. */
const REPLIED_NOW = -2;

/** A plugin's part in one exchange: what the guest sees of it, and what it may do to it. */
export class WasmStream implements Filter, BodyFilter, ContextHost, PauseOwner {
  readonly bodies: BodyFilter | null;
  readonly editsBodies: boolean;
  readonly bodyLimit: number;
  readonly #plugin: Plugin;
  readonly #failClosed: boolean;
  readonly #exchange: Exchange;
  readonly #control: FilterControl;
  readonly #generation: Generation;
  readonly #view: WasmView;
  #context: Context | null = null;
  #running: Direction | typeof NEITHER = NEITHER;
  /** Made when the guest holds something for the first time. */
  #pauses: Pauses | null = null;
  /** The guest asked to go on while the callback that will pause is still running. */
  #continueAsked = false;
  /** Directions whose body goes on without the plugin; bits. */
  #passed = 0;
  #replied = false;
  /** The VM died under it. */
  #lost = false;
  #finished = false;

  constructor(plugin: Plugin, generation: Generation, failClosed: boolean, exchange: Exchange, control: FilterControl) {
    const { exports } = generation.vm;
    const none =
      exports.requestBody === null &&
      exports.requestTrailers === null &&
      exports.responseBody === null &&
      exports.responseTrailers === null;
    this.bodies = none ? null : this;
    this.editsBodies = generation.editsBodies;
    this.bodyLimit = generation.version.bodyLimit;
    this.#plugin = plugin;
    this.#generation = generation;
    this.#failClosed = failClosed;
    this.#exchange = exchange;
    this.#control = control;
    this.#view = new WasmView(exchange, control);
  }

  /** False: the guest failed over it, and the policy has been applied. */
  open(): boolean {
    this.#context = this.#generation.openStream(this);
    if (this.#context !== null) return true;
    this.#lost = true;
    this.#applyPolicy();
    return false;
  }

  onRequestHeaders(endOfStream: boolean): FilterStatus {
    const run = this.#generation.vm.exports.requestHeaders;
    if (this.#lost) return this.#applyPolicy();
    if (run === null) return CONTINUE;
    const { size } = this.#view.requestHead;
    const result = this.#call(REQUEST, run, 'proxy_on_request_headers', size, endOfStream);
    return this.#conclude(REQUEST, headerStatus(result, this.#generation.version.module.abi), result, true);
  }

  onResponseHeaders(endOfStream: boolean): FilterStatus {
    const run = this.#generation.vm.exports.responseHeaders;
    this.#view.closeHead(REQUEST);
    if (this.#lost) return this.#afterLoss();
    if (run === null) return CONTINUE;
    const { size } = this.#view.newResponseHead();
    const result = this.#call(RESPONSE, run, 'proxy_on_response_headers', size, endOfStream);
    return this.#conclude(RESPONSE, headerStatus(result, this.#generation.version.module.abi), result, true);
  }

  // --- bodies (BodyFilter)

  wantsBody(direction: Direction): boolean {
    const { requestBody, responseBody } = this.#generation.vm.exports;
    return (direction === REQUEST ? requestBody : responseBody) !== null;
  }

  wantsTrailers(direction: Direction): boolean {
    const { requestTrailers, responseTrailers } = this.#generation.vm.exports;
    return (direction === REQUEST ? requestTrailers : responseTrailers) !== null;
  }

  onBody(direction: Direction, body: BodyBuffer, endOfStream: boolean): FilterStatus {
    if (this.#lost) return this.#afterLoss();
    if (holds(this.#passed, direction)) return CONTINUE;
    const { requestBody, responseBody } = this.#generation.vm.exports;
    const run = direction === REQUEST ? requestBody : responseBody;
    const name = direction === REQUEST ? 'proxy_on_request_body' : 'proxy_on_response_body';
    this.#view.openBody(direction, body);
    const result = this.#call(direction, run!, name, body.length, endOfStream);
    const status = bodyStatus(result, this.editsBodies);
    // Until then it waits for more, and the sender's time limits apply.
    const waitsForGuest = endOfStream || (status === PAUSE_FULL && body.length >= this.bodyLimit);
    return this.#conclude(direction, status, result, waitsForGuest);
  }

  onTrailers(direction: Direction, trailers: HeaderList): FilterStatus {
    if (this.#lost) return this.#afterLoss();
    if (holds(this.#passed, direction)) return CONTINUE;
    const { requestTrailers, responseTrailers } = this.#generation.vm.exports;
    const run = direction === REQUEST ? requestTrailers : responseTrailers;
    const name = direction === REQUEST ? 'proxy_on_request_trailers' : 'proxy_on_response_trailers';
    const result = this.#call(direction, run!, name, trailers.size, false);
    return this.#conclude(direction, result === 0 ? CONTINUE : PAUSE, result, true);
  }

  onOverflow(direction: Direction, cause: Overflow): void {
    this.#passed |= bitOf(direction);
    this.#release(direction);
    // What a client sends too much of is no failure of the plugin's.
    const clientsFault = direction === REQUEST && cause !== 'edit';
    if (!this.#failClosed && !clientsFault) return;
    this.#replied = true;
    this.#control.fail(overflowCode(direction, cause), this.#plugin.name);
  }

  onDone(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#releaseAll();
    this.#view.pass(REQUEST);
    this.#view.pass(RESPONSE);
    if (!this.#lost) this.#generation.closeStream(this.#context!);
  }

  // --- what a callback answers

  /** Its result; CRASHED, and REPLIED_NOW when it has taken the exchange out of the filters' hands. */
  #call(direction: Direction, run: GuestFunction, name: string, size: number, end: boolean): number {
    const { vm, version } = this.#generation;
    const repliedBefore = this.#replied;
    this.#running = direction;
    this.#continueAsked = false;
    const result = vm.call(run, name, this.#context!, version.fuel.request, size, end ? 1 : 0);
    this.#running = NEITHER;
    return result !== CRASHED && this.#replied && !repliedBefore ? REPLIED_NOW : result;
  }

  #conclude(direction: Direction, status: FilterStatus, result: number, waitsForGuest: boolean): FilterStatus {
    if (this.#finished || result === REPLIED_NOW) return REPLIED;
    if (result === CRASHED) {
      this.#lost = true;
      return this.#applyPolicy();
    }
    if (status === CONTINUE || this.#continueAsked) {
      this.#release(direction);
      this.#view.pass(direction);
      return CONTINUE;
    }
    this.#pauses ??= new Pauses(this.#plugin.wheel, this);
    this.#pauses.hold(direction, waitsForGuest && status !== HOLD_HEAD);
    return status;
  }

  /** A plugin that died over this very exchange has had its say. */
  #afterLoss(): FilterStatus {
    return this.#replied ? CONTINUE : this.#applyPolicy();
  }

  /** The plugin is no more: answers for it by its failure policy. */
  #applyPolicy(): FilterStatus {
    const held = this.#releaseAll();
    if (this.#failClosed) {
      this.#replied = true;
      this.#control.fail('SLUICE_PLUGIN_FAILED', this.#plugin.name);
      return REPLIED;
    }
    if (holds(held, REQUEST)) this.#control.resumeRequest();
    if (holds(held, RESPONSE)) this.#control.resumeResponse();
    return CONTINUE;
  }

  // --- pauses

  /** Ends a pause. */
  #release(direction: Direction): void {
    this.#pauses?.release(direction);
  }

  /** Ends all pauses; answers which directions were held. */
  #releaseAll(): number {
    return this.#pauses === null ? 0 : this.#pauses.releaseAll();
  }

  #resume(direction: Direction): void {
    if (this.#running === direction) this.#continueAsked = true;
    if (this.#pauses === null || !this.#pauses.release(direction)) return;
    this.#view.pass(direction);
    if (direction === REQUEST) this.#control.resumeRequest();
    else this.#control.resumeResponse();
  }

  onPauseTooLong(direction: Direction): void {
    if (this.#finished) return;
    if (!this.#failClosed) {
      this.#resume(direction);
      return;
    }
    this.#releaseAll();
    this.#control.fail('SLUICE_PLUGIN_PAUSE_TIMEOUT', this.#plugin.name);
  }

  // --- what the guest sees and does (ContextHost)

  get origin(): CalloutOrigin {
    return this.#exchange;
  }

  headerMap(type: number): HeaderMap | null {
    return this.#view.headerMap(type);
  }

  buffer(type: number): GuestBuffer | null {
    return this.#view.buffer(type);
  }

  getProperty(path: string): PropertyValue | null {
    return (
      exchangeProperty(this.#exchange, path) ??
      this.#generation.identity.get(path.endsWith('\0') ? path.slice(0, -1) : path) ??
      this.#exchange.properties?.get(path) ??
      null
    );
  }

  setProperty(path: string, value: Uint8Array): void {
    storeProperty((this.#exchange.properties ??= new Map<string, Uint8Array>()), path, value);
  }

  onActions(actions: number, response: LocalResponse | null): void {
    if ((actions & Action.done) !== 0 && this.#finished) this.#generation.completeStream(this.#context!);
    if (this.#finished) return;
    if ((actions & Action.close) !== 0) {
      this.#replied = true;
      this.#releaseAll();
      this.#control.reset();
    } else if ((actions & Action.reply) !== 0) {
      this.#reply(response!);
    } else {
      if ((actions & Action.continueRequest) !== 0) this.#resume(REQUEST);
      if ((actions & Action.continueResponse) !== 0) this.#resume(RESPONSE);
    }
  }

  #reply({ status, headers, body, details }: LocalResponse): void {
    if (this.#replied) return;
    this.#replied = true;
    this.#releaseAll();
    this.#view.pass(REQUEST);
    const list = new PairHeaders(headers);
    if (body !== null && !list.has('content-type')) list.append('content-type', 'text/plain');
    this.#control.reply(status, list, body, details);
  }

  addTime(microseconds: number): void {
    this.#exchange.pluginTimeUs += microseconds;
  }

  onVmFailed(): void {
    this.#lost = true;
    if (this.#pauses?.any === true && !this.#finished) this.#applyPolicy();
  }
}
