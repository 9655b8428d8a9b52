import { readFileSync } from 'node:fs';

type Callback = (...parameters: number[]) => number;

function nothing(): number {
  return 0;
}

/** A plugin with no host worth the name behind it: for questions about the module itself. */
export class RawPlugin {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly #memory: WebAssembly.Memory;
  readonly #callbacks: Map<string, Callback>;
  readonly #agent = Buffer.from('curl/8.0 (test) '.repeat(8));

  constructor(file: string) {
    const module = new WebAssembly.Module(readFileSync(file));
    this.imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
    this.exports = WebAssembly.Module.exports(module).map(({ name }) => name);
    const env: Record<string, Callback> = {};
    for (const { name } of WebAssembly.Module.imports(module)) env[name] = nothing;
    env['proxy_get_header_map_value'] = (_map, _name, _size, outAddress = 0, outSize = 0) =>
      this.#give(outAddress, outSize);
    const instance = new WebAssembly.Instance(module, { env });
    this.#memory = instance.exports['memory'] as WebAssembly.Memory;
    this.#callbacks = new Map(Object.entries(instance.exports as Record<string, unknown>) as [string, Callback][]);
    this.call('_initialize');
    this.call('proxy_on_context_create', 1, 0);
    this.call('proxy_on_configure', 1, 0);
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Calls an export as hosts do: one that the module does not have answers 0. */
  call(name: string, ...parameters: number[]): number {
    const callback = this.#callbacks.get(name);
    return callback === undefined ? 0 : callback(...parameters);
  }

  /** Begins an exchange up to the response headers. */
  begin(id: number): void {
    this.call('proxy_on_context_create', id, 1);
    this.call('proxy_on_request_headers', id, 3, 1);
    this.call('proxy_on_response_headers', id, 3, 1);
  }

  end(id: number): void {
    this.call('proxy_on_done', id);
    this.call('proxy_on_log', id);
    this.call('proxy_on_delete', id);
  }

  /** Answers every header with the same value, as a host does: through the plugin's allocator. */
  #give(outAddress: number, outSize: number): number {
    const at = this.call('proxy_on_memory_allocate', this.#agent.length);
    const view = new DataView(this.#memory.buffer);
    new Uint8Array(this.#memory.buffer, at).set(this.#agent);
    view.setUint32(outAddress, at, true);
    view.setUint32(outSize, this.#agent.length, true);
    return 0;
  }
}
