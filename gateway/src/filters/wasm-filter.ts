import type { Exchange } from '../exchange/exchange.ts';
import type { Plugin } from '../wasm/plugin.ts';
import type { Filter, FilterControl, FilterFactory } from './filter.ts';
import { WasmStream } from './wasm-stream.ts';

/** `closed`: an exchange whose plugin fails gets 503. `open`: it goes on without the plugin. */
export type FailurePolicy = 'closed' | 'open';

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
      if (this.#failClosed) control.fail(this.#plugin.refusal, this.name);
      return null;
    }
    const filter = new WasmStream(this.#plugin, generation, this.#failClosed, exchange, control);
    return filter.open() ? filter : null;
  }
}

/** A filter that runs a plugin. The plugin may be replaced while the filter is in use. */
export function createWasmFilter(plugin: Plugin, options: { readonly onFailure: FailurePolicy }): FilterFactory {
  return new WasmFilterFactory(plugin, options.onFailure);
}
