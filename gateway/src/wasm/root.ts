import { LIMITS } from '../core/limits.ts';
import type { ContextHost, LocalResponse, PropertyValue } from './host.ts';
import { propertyKey, undotted } from './property-path.ts';

/** Properties that guests set, by raw path; the oldest make room. */
export function storeProperty(store: Map<string, Uint8Array>, path: string, value: Uint8Array): void {
  store.delete(path);
  store.set(path, value);
  let bytes = 0;
  for (const [key, stored] of store) bytes += key.length + stored.length;
  for (const [key, stored] of store) {
    if (store.size <= LIMITS.pluginProperties && bytes <= LIMITS.pluginPropertyBytes) break;
    store.delete(key);
    bytes -= key.length + stored.length;
  }
}

/** What stands behind the root context of a plugin: its identity, and no stream. */
export class RootHost implements ContextHost {
  readonly origin = null;
  readonly stream = null;
  readonly #identity: ReadonlyMap<string, string>;
  readonly #onActions: (actions: number) => void;
  readonly #properties = new Map<string, Uint8Array>();

  /** @param identity properties that are the same for all contexts of the plugin, by path with NULs. */
  constructor(identity: ReadonlyMap<string, string>, onActions: (actions: number) => void) {
    this.#identity = identity;
    this.#onActions = onActions;
  }

  headerMap(): null {
    return null;
  }

  buffer(): null {
    return null;
  }

  getProperty(path: string): PropertyValue | null {
    const key = propertyKey(path);
    const value = this.#identity.get(key) ?? this.#properties.get(key);
    return value ?? this.#identity.get(undotted(key) ?? '') ?? null;
  }

  setProperty(path: string, value: Uint8Array): void {
    storeProperty(this.#properties, propertyKey(path), value);
  }

  onActions(actions: number, _response: LocalResponse | null): void {
    this.#onActions(actions);
  }

  addTime(): void {}

  onVmFailed(): void {}
}
