import { LIMITS } from '../core/limits.ts';
import type { Expirable, WheelTimer } from '../core/wheel.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { HeaderResult, MapType } from '../wasm/abi.ts';
import type { Context } from '../wasm/context.ts';
import type { Generation } from '../wasm/generation.ts';
import { Action, type ContextHost, type HeaderMap, type LocalResponse, type PropertyValue } from '../wasm/host.ts';
import type { Plugin } from '../wasm/plugin.ts';
import { storeProperty } from '../wasm/root.ts';
import { CRASHED } from '../wasm/vm.ts';
import {
  CONTINUE,
  type Filter,
  type FilterControl,
  type FilterFactory,
  type FilterStatus,
  PAUSE,
  REPLIED,
} from './filter.ts';
import { RequestHead, ResponseHead } from './wasm-headers.ts';
import { exchangeProperty } from './wasm-properties.ts';

/** `closed`: an exchange whose plugin fails gets 503. `open`: it goes on without the plugin. */
export type FailurePolicy = 'closed' | 'open';

/** Callback that is running, or direction that is held. */
const NEITHER = 0;
const REQUEST = 1;
const RESPONSE = 2;

/** A plugin's part in one exchange: what the guest sees of it, and what it may do to it. */
class WasmFilter implements Filter, ContextHost, Expirable {
  readonly #plugin: Plugin;
  readonly #failClosed: boolean;
  readonly #exchange: Exchange;
  readonly #control: FilterControl;
  readonly #generation: Generation;
  #context: Context | null = null;
  #requestHead: RequestHead | null = null;
  #responseHead: ResponseHead | null = null;
  #running = NEITHER;
  #held = NEITHER;
  #pauseTimer: WheelTimer | null = null;
  /** The guest asked to go on while the callback that will pause is still running. */
  #continueAsked = false;
  #replied = false;
  /** The VM died under it. */
  #lost = false;
  #finished = false;

  constructor(plugin: Plugin, generation: Generation, failClosed: boolean, exchange: Exchange, control: FilterControl) {
    this.#plugin = plugin;
    this.#generation = generation;
    this.#failClosed = failClosed;
    this.#exchange = exchange;
    this.#control = control;
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
    const { vm, version } = this.#generation;
    const run = vm.exports.requestHeaders;
    if (this.#lost) return this.#applyPolicy();
    if (run === null) return CONTINUE;
    this.#running = REQUEST;
    this.#continueAsked = false;
    const size = this.headerMap(MapType.requestHeaders)!.size;
    const name = 'proxy_on_request_headers';
    const result = vm.call(run, name, this.#context!, version.fuel.request, size, endOfStream ? 1 : 0);
    return this.#conclude(result, REQUEST, false);
  }

  onResponseHeaders(endOfStream: boolean): FilterStatus {
    const { vm, version } = this.#generation;
    const run = vm.exports.responseHeaders;
    this.#closeHead(REQUEST);
    // A plugin that died over this very exchange has had its say.
    if (this.#lost) return this.#replied ? CONTINUE : this.#applyPolicy();
    if (run === null) return CONTINUE;
    const repliedBefore = this.#replied;
    this.#running = RESPONSE;
    this.#continueAsked = false;
    // A head that a local reply put in place is another one than the view showed before.
    this.#responseHead = null;
    const size = this.headerMap(MapType.responseHeaders)!.size;
    const name = 'proxy_on_response_headers';
    const result = vm.call(run, name, this.#context!, version.fuel.request, size, endOfStream ? 1 : 0);
    return this.#conclude(result, RESPONSE, repliedBefore);
  }

  onDone(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#release();
    this.#closeHead(REQUEST);
    this.#closeHead(RESPONSE);
    if (!this.#lost) this.#generation.closeStream(this.#context!);
  }

  #conclude(result: number, direction: typeof REQUEST | typeof RESPONSE, repliedBefore: boolean): FilterStatus {
    this.#running = NEITHER;
    if (this.#finished) return REPLIED;
    if (result === CRASHED) {
      this.#lost = true;
      return this.#applyPolicy();
    }
    if (this.#replied && !repliedBefore) return REPLIED;
    const stops = result !== HeaderResult.continue && result !== HeaderResult.continueAndEndStream;
    if (!stops || this.#continueAsked) {
      this.#closeHead(direction);
      return CONTINUE;
    }
    this.#held = direction;
    this.#pauseTimer = this.#plugin.wheel.schedule(this, LIMITS.pluginPauseMs);
    return PAUSE;
  }

  /** The plugin is no more: answers for it by its failure policy. */
  #applyPolicy(): FilterStatus {
    if (!this.#failClosed) return CONTINUE;
    this.#replied = true;
    this.#control.fail('SLUICE_PLUGIN_FAILED', this.#plugin.name);
    return REPLIED;
  }

  #closeHead(direction: typeof REQUEST | typeof RESPONSE): void {
    const head = direction === REQUEST ? this.#requestHead : this.#responseHead;
    if (head !== null) head.writable = false;
  }

  /** Ends a pause; answers which direction was held. */
  #release(): number {
    const held = this.#held;
    this.#held = NEITHER;
    this.#plugin.wheel.cancel(this.#pauseTimer);
    this.#pauseTimer = null;
    return held;
  }

  #resume(direction: number): void {
    if (this.#running === direction) this.#continueAsked = true;
    if (this.#held !== direction) return;
    this.#release();
    if (direction === REQUEST) {
      this.#closeHead(REQUEST);
      this.#control.resumeRequest();
    } else {
      this.#closeHead(RESPONSE);
      this.#control.resumeResponse();
    }
  }

  /** The pause has lasted too long. */
  onTimeout(): void {
    const held = this.#held;
    if (held === NEITHER || this.#finished) return;
    if (!this.#failClosed) {
      this.#resume(held);
      return;
    }
    this.#release();
    this.#control.fail('SLUICE_PLUGIN_PAUSE_TIMEOUT', this.#plugin.name);
  }

  // --- what the guest sees and does (ContextHost)

  headerMap(type: number): HeaderMap | null {
    if (type === MapType.requestHeaders) return (this.#requestHead ??= new RequestHead(this.#exchange));
    if (type !== MapType.responseHeaders || this.#exchange.responseHeaders === null) return null;
    return (this.#responseHead ??= new ResponseHead(this.#exchange));
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
      this.#release();
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
    this.#release();
    this.#closeHead(REQUEST);
    const list = new PairHeaders(headers);
    if (body !== null && !list.has('content-type')) list.append('content-type', 'text/plain');
    this.#control.reply(status, list, body, details);
  }

  addTime(microseconds: number): void {
    this.#exchange.pluginTimeUs += microseconds;
  }

  onVmFailed(): void {
    this.#lost = true;
    const held = this.#release();
    if (held === NEITHER || this.#finished) return;
    if (this.#applyPolicy() !== CONTINUE) return;
    if (held === REQUEST) this.#control.resumeRequest();
    else this.#control.resumeResponse();
  }
}

class WasmFilterFactory implements FilterFactory {
  readonly name: string;
  readonly #plugin: Plugin;
  readonly #failClosed: boolean;

  constructor(plugin: Plugin, onFailure: FailurePolicy) {
    this.name = plugin.name;
    this.#plugin = plugin;
    this.#failClosed = onFailure === 'closed';
  }

  get wantsRequestHeaders(): boolean {
    return this.#plugin.wantsRequestHeaders;
  }

  get wantsResponseHeaders(): boolean {
    return this.#plugin.wantsResponseHeaders;
  }

  create(exchange: Exchange, control: FilterControl): Filter | null {
    const generation = this.#plugin.acquire();
    if (generation === null) {
      if (this.#failClosed) control.fail('SLUICE_PLUGIN_UNAVAILABLE', this.name);
      return null;
    }
    const filter = new WasmFilter(this.#plugin, generation, this.#failClosed, exchange, control);
    return filter.open() ? filter : null;
  }
}

/** A filter that runs a plugin. The plugin may be replaced while the filter is in use. */
export function createWasmFilter(plugin: Plugin, options: { readonly onFailure: FailurePolicy }): FilterFactory {
  return new WasmFilterFactory(plugin, options.onFailure);
}
