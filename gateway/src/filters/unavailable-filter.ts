import type { Exchange } from '../exchange/exchange.ts';
import type { Filter, FilterControl, FilterFactory } from './filter.ts';

/** Stands in for a plugin whose module could not be loaded, so that its uses fail by their policy and not silently. */
export class UnavailableFilter implements FilterFactory {
  readonly name: string;
  readonly wantsRequestHeaders = false;
  readonly wantsResponseHeaders = false;
  readonly #failClosed: boolean;

  constructor(name: string, onFailure: 'closed' | 'open') {
    this.name = name;
    this.#failClosed = onFailure === 'closed';
  }

  create(_exchange: Exchange, control: FilterControl): Filter | null {
    if (this.#failClosed) control.fail('SLUICE_PLUGIN_UNAVAILABLE', this.name);
    return null;
  }
}
