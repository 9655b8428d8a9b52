import type { Exchange } from '../exchange/exchange.ts';
import type { PropertyValue } from '../wasm/host.ts';
import { propertyKey, undotted } from '../wasm/property-path.ts';
import { storeProperty } from '../wasm/root.ts';
import type { Destination } from './filter.ts';
import { exchangeProperty } from './wasm-properties.ts';

/** State of a filter in Envoy that properties of plugins are kept as. */
const STORED_PREFIX = 'filter_state\0wasm.';

/**
 * The properties of one exchange as one plugin sees them: attributes of the exchange, what the plugin is, and what
 * plugins of the exchange have set, in this order, so that nothing real can be overwritten.
 */
export class PluginProperties {
  readonly #exchange: Exchange;
  readonly #destination: Destination;
  readonly #identity: ReadonlyMap<string, string>;
  /** The plugin belongs to the gateway's own chain. */
  readonly #ofGateway: boolean;

  constructor(exchange: Exchange, destination: Destination, identity: ReadonlyMap<string, string>, ofGateway: boolean) {
    this.#exchange = exchange;
    this.#destination = destination;
    this.#identity = identity;
    this.#ofGateway = ofGateway;
  }

  /** @param path segments separated by NUL, one NUL at the end allowed; a single segment may be dotted instead */
  get(path: string): PropertyValue | null {
    const key = propertyKey(path);
    const value = this.#real(key) ?? this.#stored(key);
    if (value !== null) return value;
    const dotted = undotted(key);
    return dotted === null ? null : this.#real(dotted);
  }

  /** What the gateway's plugins set is theirs: the tenant's read it, and have values of their own. */
  set(key: string, value: Uint8Array): void {
    const exchange = this.#exchange;
    const store = this.#ofGateway
      ? (exchange.gatewayProperties ??= new Map<string, Uint8Array>())
      : (exchange.properties ??= new Map<string, Uint8Array>());
    storeProperty(store, key, value);
  }

  #real(key: string): PropertyValue | null {
    return exchangeProperty(this.#exchange, this.#destination, key.split('\0')) ?? this.#identity.get(key) ?? null;
  }

  #stored(key: string): PropertyValue | null {
    const name = key.startsWith(STORED_PREFIX) ? key.slice(STORED_PREFIX.length) : key;
    const { gatewayProperties, properties } = this.#exchange;
    const [first, second] = this.#ofGateway ? [gatewayProperties, properties] : [properties, gatewayProperties];
    return first?.get(name) ?? second?.get(name) ?? null;
  }
}
