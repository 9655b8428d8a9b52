import { LIMITS } from '../core/limits.ts';
import type { SharedData, SharedDataStore, SharedValue } from './host.ts';

/** What an entry costs beyond its key and value. */
const ENTRY_BYTES = 64;

/** Shared data of one plugin in the memory of one thread. Full: the least recently used entries make room. */
class InlineSharedData implements SharedData {
  /** Oldest use first. */
  readonly #entries = new Map<string, SharedValue>();
  #bytes = 0;
  #lastCas = 0;

  get(key: string): SharedValue | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: string, value: Uint8Array, cas: number): boolean {
    const old = this.#entries.get(key);
    if (old !== undefined && cas !== 0 && cas !== old.cas) return false;
    this.#drop(key, old);
    const size = key.length + value.length + ENTRY_BYTES;
    // Larger than everything together: forgotten at once, as if others had pushed it out.
    if (size > LIMITS.pluginSharedDataBytes) return true;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes + size <= LIMITS.pluginSharedDataBytes) break;
      this.#drop(oldest, entry);
    }
    this.#lastCas = this.#lastCas === 0xffffffff ? 1 : this.#lastCas + 1;
    this.#entries.set(key, { value: new Uint8Array(value), cas: this.#lastCas });
    this.#bytes += size;
    return true;
  }

  #drop(key: string, entry: SharedValue | undefined): void {
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= key.length + entry.value.length + ENTRY_BYTES;
  }
}

/** Shared data within one thread: every worker sees its own. It lasts as long as the store. */
export class InlineSharedDataStore implements SharedDataStore {
  readonly #spaces = new Map<string, SharedData>();

  open(tenant: string, plugin: string): SharedData {
    const key = `${tenant}\n${plugin}`;
    let space = this.#spaces.get(key);
    if (space === undefined) this.#spaces.set(key, (space = new InlineSharedData()));
    return space;
  }
}
