import type { Exchange } from '../exchange/exchange.ts';
import type { StreamHost } from '../wasm/host.ts';
import type { FilterControl } from './filter.ts';
import type { PluginProperties } from './plugin-properties.ts';
import type { WasmView } from './wasm-view.ts';

interface Injection {
  readonly bytes: Buffer;
  readonly end: boolean;
}

/** What a plugin may do to one exchange besides reading and writing it. */
export class WasmControl implements StreamHost {
  readonly #exchange: Exchange;
  readonly #control: FilterControl;
  readonly #view: WasmView;
  readonly #properties: () => PluginProperties;
  readonly #onInjection: () => void;
  #injections: Injection[] = [];
  /** Bytes of those. */
  #waiting = 0;
  #injectedEnd = false;

  /** @param onInjection `deliver` is to be called when the guest has returned */
  constructor(
    exchange: Exchange,
    control: FilterControl,
    view: WasmView,
    properties: () => PluginProperties,
    onInjection: () => void,
  ) {
    this.#exchange = exchange;
    this.#control = control;
    this.#view = view;
    this.#properties = properties;
    this.#onInjection = onInjection;
  }

  clearRouteCache(): void {
    if (this.#view.requestOpen) this.#exchange.routeStale = true;
  }

  inject(bytes: Uint8Array, end: boolean): boolean {
    if (this.#injectedEnd || !this.#control.mayInject(this.#waiting + bytes.length)) return false;
    this.#injections.push({ bytes: Buffer.from(bytes), end });
    this.#waiting += bytes.length;
    this.#injectedEnd = end;
    this.#onInjection();
    return true;
  }

  /** Passes on what the guest has injected since the last time. True: it has ended the response with that. */
  deliver(): boolean {
    const injections = this.#injections;
    this.#injections = [];
    this.#waiting = 0;
    for (const { bytes, end } of injections) this.#control.inject(bytes, end);
    return this.#injectedEnd;
  }

  upstreamHosts(): string[] | null {
    return this.#control.destination.hosts();
  }

  overrideUpstreamHost(address: string): boolean {
    return this.#control.destination.override(address);
  }

  setFilterState(name: string, value: Uint8Array): void {
    this.#properties().set(`filter_state\0${name}`, value);
  }
}
