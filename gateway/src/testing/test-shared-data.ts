import type { SharedData } from '../wasm/host.ts';
import type { TestValue } from './options.ts';

/** The shared data of the plugin under test, for the test to put in and read. */
export class TestSharedData {
  readonly #data: SharedData;

  constructor(data: SharedData, preset: Readonly<Record<string, TestValue>>) {
    this.#data = data;
    for (const [key, value] of Object.entries(preset)) this.set(key, value);
  }

  /** null: there is nothing at this key. */
  get(key: string): Buffer | null {
    const value = this.#data.get(rawKey(key))?.value;
    return value === undefined ? null : Buffer.from(value);
  }

  /** The same, read as UTF-8. */
  text(key: string): string | null {
    return this.get(key)?.toString('utf8') ?? null;
  }

  /** @throws Error when there is no room */
  set(key: string, value: TestValue): void {
    if (this.#data.set(rawKey(key), Buffer.from(value as Uint8Array), 0)) return;
    throw new Error(`there is no room for ${value.length} bytes at ${JSON.stringify(key)}`);
  }
}

/** Keys are bytes to the host, one character each. */
function rawKey(key: string): string {
  return Buffer.from(key).toString('latin1');
}
