import { type Exchange, notePluginFailure } from '../exchange/exchange.ts';
import type { Plugin } from '../wasm/plugin.ts';
import type { Filter, FilterControl, FilterFactory } from './filter.ts';
import { type WasmFilterOptions, WasmStream } from './wasm-stream.ts';

export type { FailurePolicy } from './wasm-stream.ts';

class WasmFilterFactory implements FilterFactory {
  readonly name: string;
  readonly #plugin: Plugin;
  readonly #options: WasmFilterOptions;

  constructor(plugin: Plugin, options: WasmFilterOptions) {
    this.name = plugin.name;
    this.#plugin = plugin;
    this.#options = options;
  }

  get subject(): Plugin {
    return this.#plugin;
  }

  get mayLeaveTenant(): boolean {
    return this.#plugin.tenant === '';
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
      notePluginFailure(exchange, this.name, this.#plugin.refusalReason);
      if (this.#options.onFailure === 'closed') control.fail(this.#plugin.refusal, this.name);
      return null;
    }
    const filter = new WasmStream(this.#plugin, generation, this.#options, exchange, control);
    return filter.open() ? filter : null;
  }
}

/** A filter that runs a plugin. The plugin may be replaced while the filter is in use. */
export function createWasmFilter(plugin: Plugin, options: WasmFilterOptions): FilterFactory {
  return new WasmFilterFactory(plugin, options);
}
