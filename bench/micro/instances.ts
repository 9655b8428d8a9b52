/** Sees, and may replace, every instance that the engine makes from now on. */
export type Instrument = (instance: WebAssembly.Instance, module: WebAssembly.Module) => WebAssembly.Instance;

/** @returns what ends it */
export function instrument(look: Instrument): () => void {
  const { Instance } = WebAssembly;
  const made = function (...args: ConstructorParameters<typeof Instance>): WebAssembly.Instance {
    return look(new Instance(...args), args[0]);
  };
  Reflect.set(WebAssembly, 'Instance', made);
  return () => void Reflect.set(WebAssembly, 'Instance', Instance);
}
