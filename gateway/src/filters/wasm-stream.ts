import { type Exchange, notePluginFailure } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { HeaderResult } from '../wasm/abi.ts';
import type { Context } from '../wasm/context.ts';
import { BodyFuel } from '../wasm/fuel.ts';
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
import { propertyKey } from '../wasm/property-path.ts';
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
  PAUSE_DROP,
  PAUSE_FULL,
  REPLIED,
  REQUEST,
  RESPONSE,
} from './filter.ts';
import { PluginProperties } from './plugin-properties.ts';
import { WasmControl } from './wasm-control.ts';
import { bitOf, holds, type PauseOwner, Pauses } from './wasm-pauses.ts';
import { bodyStatus, headerStatus, overflowCode } from './wasm-results.ts';
import { replyTo } from './wasm-reply.ts';
import { WasmView } from './wasm-view.ts';

/** No callback is running. */
const NEITHER = -1;

/** In place of a callback's result: its answer, or its reset, has taken effect. */
const REPLIED_NOW = -2;

/** `closed`: an exchange whose plugin fails gets 503. `open`: it goes on without the plugin. */
export type FailurePolicy = 'closed' | 'open';

/** How one use of a plugin takes part in exchanges. */
export interface WasmFilterOptions {
  readonly onFailure: FailurePolicy;
  /** A header callback that answers 1 holds the head alone, and the body comes. Default: for ABI 0.2.100. */
  readonly allowOnHeadersStopIteration?: boolean | undefined;
}

/** A plugin's part in one exchange: what the guest sees of it, and what it may do to it. */
export class WasmStream implements Filter, BodyFilter, ContextHost, PauseOwner {
  readonly bodies: BodyFilter | null;
  readonly editsBodies: boolean;
  readonly #plugin: Plugin;
  readonly #options: WasmFilterOptions;
  readonly #exchange: Exchange;
  readonly #control: FilterControl;
  readonly #generation: Generation;
  readonly #view: WasmView;
  #context: Context | null = null;
  /** Made when the guest asks for the first time. */
  #properties: PluginProperties | null = null;
  #actions: WasmControl | null = null;
  /** Limits that the guest has lowered for itself; 0: it has not. */
  #requestLimit = 0;
  #responseLimit = 0;
  #running: Direction | typeof NEITHER = NEITHER;
  /** Made when the guest holds something for the first time. */
  #pauses: Pauses | null = null;
  /** The guest asked to go on while the callback that will pause is still running. */
  #continueAsked = false;
  /** Directions whose body goes on without the plugin; bits. */
  #passed = 0;
  #replied = false;
  /** The access log has its failure. */
  #noted = false;
  /** Made when the guest is shown a body for the first time. */
  #requestFuel: BodyFuel | null = null;
  #responseFuel: BodyFuel | null = null;
  /** What the callback that runs is paid from. */
  #billed: BodyFuel | null = null;
  /** The VM died under it. */
  #lost = false;
  #finished = false;

  constructor(
    plugin: Plugin,
    generation: Generation,
    options: WasmFilterOptions,
    exchange: Exchange,
    control: FilterControl,
  ) {
    const { exports } = generation.vm;
    const none =
      exports.requestBody === null &&
      exports.requestTrailers === null &&
      exports.responseBody === null &&
      exports.responseTrailers === null;
    this.bodies = none ? null : this;
    this.editsBodies = generation.editsBodies;
    this.#plugin = plugin;
    this.#generation = generation;
    this.#options = options;
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
    const { size } = this.#view.openHead(REQUEST);
    const { requestHeaders } = this.#generation.fuel;
    const result = this.#call(REQUEST, run, 'proxy_on_request_headers', size, endOfStream, requestHeaders);
    if (result === HeaderResult.continueAndEndStream && !endOfStream) this.#control.endMessage(REQUEST);
    const status = headerStatus(result, this.#stopsIteration);
    return this.#conclude(REQUEST, status, result, !this.#awaitsBody(REQUEST, status, endOfStream));
  }

  onResponseHeaders(endOfStream: boolean): FilterStatus {
    const run = this.#generation.vm.exports.responseHeaders;
    this.#view.closeHead(REQUEST);
    if (this.#lost) return this.#afterLoss();
    if (run === null || holds(this.#passed, RESPONSE)) return CONTINUE;
    const { size } = this.#view.openHead(RESPONSE);
    const { responseHeaders } = this.#generation.fuel;
    const result = this.#call(RESPONSE, run, 'proxy_on_response_headers', size, endOfStream, responseHeaders);
    if (result === HeaderResult.continueAndEndStream && !endOfStream) this.#control.endMessage(RESPONSE);
    const status = headerStatus(result, this.#stopsIteration);
    return this.#conclude(RESPONSE, status, result, !this.#awaitsBody(RESPONSE, status, endOfStream));
  }

  // --- bodies (BodyFilter)

  bodyLimit(direction: Direction): number {
    const most = this.#generation.version.bodyLimit;
    const wanted = direction === REQUEST ? this.#requestLimit : this.#responseLimit;
    return wanted === 0 ? most : Math.min(wanted, most);
  }

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
    if (this.#plugin.overdrawn) return this.#endForCpu(direction);
    const { requestBody, responseBody } = this.#generation.vm.exports;
    const run = direction === REQUEST ? requestBody : responseBody;
    const name = direction === REQUEST ? 'proxy_on_request_body' : 'proxy_on_response_body';
    this.#view.openBody(direction, body);
    const result = this.#callForBody(direction, run!, name, body, endOfStream);
    const status = bodyStatus(result, this.editsBodies);
    // Until then it waits for more, and the sender's time limits apply.
    const waitsForGuest = endOfStream || (status === PAUSE_FULL && body.length >= this.bodyLimit(direction));
    // It goes on, but what was shown was to be dropped.
    if (status === PAUSE_DROP && this.#continueAsked) body.clear();
    return this.#conclude(direction, status, result, waitsForGuest);
  }

  /** Bodies may go on for ever, and with them what a plugin takes of the worker beyond its tenant's share. */
  #endForCpu(direction: Direction): FilterStatus {
    this.#noteFailure('cpu');
    this.#passed |= bitOf(direction);
    this.#release(direction);
    if (!this.#failsClosed) return CONTINUE;
    this.#replied = true;
    this.#control.fail('SLUICE_PLUGIN_CPU_EXHAUSTED', this.#plugin.name);
    return REPLIED;
  }

  onTrailers(direction: Direction, trailers: HeaderList): FilterStatus {
    if (this.#lost) return this.#afterLoss();
    if (holds(this.#passed, direction)) return CONTINUE;
    const { requestTrailers, responseTrailers } = this.#generation.vm.exports;
    const run = direction === REQUEST ? requestTrailers : responseTrailers;
    const name = direction === REQUEST ? 'proxy_on_request_trailers' : 'proxy_on_response_trailers';
    const { requestHeaders, responseHeaders } = this.#generation.fuel;
    const fuel = direction === REQUEST ? requestHeaders : responseHeaders;
    const result = this.#call(direction, run!, name, trailers.size, false, fuel);
    return this.#conclude(direction, result === 0 ? CONTINUE : PAUSE, result, true);
  }

  onOverflow(direction: Direction, cause: Overflow): void {
    this.#passed |= bitOf(direction);
    this.#release(direction);
    // What a client sends too much of is no failure of the plugin's.
    const clientsFault = direction === REQUEST && cause !== 'edit';
    if (!clientsFault) this.#noteFailure('body');
    if (!this.#failsClosed && !clientsFault) return;
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

  get #failsClosed(): boolean {
    return this.#options.onFailure === 'closed';
  }

  get #stopsIteration(): boolean {
    return this.#options.allowOnHeadersStopIteration ?? this.#generation.version.module.abi === '0.2.100';
  }

  // --- what a callback answers

  #callForBody(direction: Direction, run: GuestFunction, name: string, body: BodyBuffer, end: boolean): number {
    const fuel = this.#fuelOf(direction);
    this.#billed = fuel;
    const result = this.#call(direction, run, name, body.length, end, fuel.budget(body.length));
    const status = bodyStatus(result, this.editsBodies);
    const kept = status !== CONTINUE && status !== PAUSE_DROP && !this.#continueAsked;
    fuel.keep(kept ? body.length : 0);
    return result;
  }

  #fuelOf(direction: Direction): BodyFuel {
    const { requestBody, responseBody, bodyByte } = this.#generation.fuel;
    if (direction === REQUEST) return (this.#requestFuel ??= new BodyFuel(requestBody, bodyByte));
    return (this.#responseFuel ??= new BodyFuel(responseBody, bodyByte));
  }

  /** Its result; CRASHED, and REPLIED_NOW when it has taken the exchange out of the filters' hands. */
  #call(direction: Direction, run: GuestFunction, name: string, size: number, end: boolean, fuel: number): number {
    const { vm } = this.#generation;
    const repliedBefore = this.#replied;
    this.#running = direction;
    this.#continueAsked = false;
    const result = vm.call(run, name, this.#context!, fuel, size, end ? 1 : 0);
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
    this.#pauses ??= new Pauses(this.#plugin.wheel, this, this.#generation.pauseMs);
    this.#pauses.hold(direction, waitsForGuest);
    return status;
  }

  /** It holds a head and is shown the body next, whose sender has time limits of his own. */
  #awaitsBody(direction: Direction, status: FilterStatus, endOfStream: boolean): boolean {
    return status === HOLD_HEAD && !endOfStream && this.wantsBody(direction);
  }

  /** A plugin that died over this very exchange has had its say. */
  #afterLoss(): FilterStatus {
    return this.#replied ? CONTINUE : this.#applyPolicy();
  }

  /** For the access log, once. */
  #noteFailure(reason: string): void {
    if (this.#noted) return;
    this.#noted = true;
    notePluginFailure(this.#exchange, this.#plugin.name, reason);
  }

  /** The plugin is no more: answers for it by its failure policy. */
  #applyPolicy(): FilterStatus {
    this.#noteFailure('failed');
    const held = this.#releaseAll();
    if (this.#failsClosed) {
      this.#replied = true;
      if (this.#control.fail('SLUICE_PLUGIN_FAILED', this.#plugin.name)) return REPLIED;
    }
    this.#resumeAll(held);
    return CONTINUE;
  }

  #resumeAll(held: number): void {
    if (holds(held, REQUEST)) this.#control.resumeRequest();
    if (holds(held, RESPONSE)) this.#control.resumeResponse();
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
    (direction === REQUEST ? this.#requestFuel : this.#responseFuel)?.keep(0);
    if (direction === REQUEST) this.#control.resumeRequest();
    else this.#control.resumeResponse();
  }

  onPauseTooLong(direction: Direction): void {
    if (this.#finished) return;
    this.#noteFailure('pause');
    if (!this.#failsClosed) {
      this.#passed |= bitOf(direction);
      this.#resume(direction);
      return;
    }
    const held = this.#releaseAll();
    // It would be shown the answer to that, too, and could hold it for ever.
    this.#passed = bitOf(REQUEST) | bitOf(RESPONSE);
    if (!this.#control.fail('SLUICE_PLUGIN_PAUSE_TIMEOUT', this.#plugin.name)) this.#resumeAll(held);
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
    return this.#propertiesOf().get(path);
  }

  setProperty(path: string, value: Uint8Array): void {
    const key = propertyKey(path);
    this.#propertiesOf().set(key, value);
    if (key === 'clear_route_cache') this.#view.reroutes = Buffer.from(value).toString('latin1') !== 'off';
    else if (key === 'set_decoder_buffer_limit') this.#requestLimit = decimal(value) ?? this.#requestLimit;
    else if (key === 'set_encoder_buffer_limit') this.#responseLimit = decimal(value) ?? this.#responseLimit;
  }

  #propertiesOf(): PluginProperties {
    return (this.#properties ??= new PluginProperties(
      this.#exchange,
      this.#control.destination,
      this.#generation.identity,
      this.#plugin.tenant === '',
    ));
  }

  get stream(): WasmControl {
    return (this.#actions ??= new WasmControl(
      this.#exchange,
      this.#control,
      this.#view,
      () => this.#propertiesOf(),
      () => this.#generation.vm.request(this.#context!, Action.inject),
    ));
  }

  onActions(actions: number, response: LocalResponse | null): void {
    if ((actions & Action.done) !== 0 && this.#finished) this.#generation.completeStream(this.#context!);
    if (this.#finished) return;
    if ((actions & Action.inject) !== 0) this.#deliverInjected();
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

  /** With that the head has left, whatever its callback answers. What holds a body gets time anew, unless it has ended it. */
  #deliverInjected(): void {
    const ended = this.#actions!.deliver();
    if (this.#finished) return;
    const bodyShown = this.#responseFuel !== null;
    if (ended || !bodyShown) this.#resume(RESPONSE);
    else this.#pauses?.renew(RESPONSE);
  }

  #reply(response: LocalResponse): void {
    if (this.#replied) return;
    this.#replied = true;
    const held = this.#releaseAll();
    this.#view.pass(REQUEST);
    this.#view.pass(RESPONSE);
    const { status, headers, body } = replyTo(this.#exchange, response);
    if (!this.#control.reply(status, headers, body, response.details)) this.#resumeAll(held);
  }

  addTime(microseconds: number, fuel: number): void {
    this.#exchange.pluginTimeUs += microseconds;
    this.#billed?.spent(fuel);
    this.#billed = null;
  }

  onVmFailed(): void {
    this.#lost = true;
    if (this.#pauses?.any === true && !this.#finished) this.#applyPolicy();
  }
}

/** A size as plugins write it in a property; null for what is none. */
function decimal(value: Uint8Array): number | null {
  const text = Buffer.from(value).toString('latin1');
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}
