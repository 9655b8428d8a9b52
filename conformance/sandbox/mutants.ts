// The plugin host with one of its guards taken out, each time another one.

/** A change to the sources that takes a guard out, and the tests that must notice. */
export interface Mutant {
  readonly name: string;
  /** Below the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly guard: string;
  readonly replacement: string;
  /** Test file, and a pattern for the names of the tests in it. */
  readonly tests: string;
  readonly named: string;
}

const ATTACKS = 'conformance/sandbox/attacks.test.ts';

export const mutants: readonly Mutant[] = [
  {
    name: 'bounds check off',
    file: 'gateway/src/wasm/memory.ts',
    guard: 'return address + length <= this.bytes.length;',
    replacement: 'return address + length <= Infinity;',
    tests: ATTACKS,
    named: 'attacks: pointers',
  },
  {
    name: 'charge for host calls off',
    file: 'gateway/src/wasm/vm.ts',
    guard: 'this.#hostFuel -= price;',
    replacement: 'this.#hostFuel -= 0 * price;',
    tests: ATTACKS,
    named: 'loop-of-host-calls',
  },
  {
    name: 'charge for bulk operations off',
    file: 'gateway/src/wasm/meter.ts',
    guard: 'plan.charge(place, CHARGE_BYTES);',
    replacement: 'return;',
    tests: 'gateway/src/wasm/meter.test.ts',
    named: 'huge fill',
  },
  {
    name: 'memory cap off',
    file: 'gateway/src/wasm/rewrite.ts',
    guard: 'out.u32(Math.min(maximum ?? pages, pages));',
    replacement: 'out.u32(maximum ?? 65_536);',
    tests: ATTACKS,
    named: 'memory-(grows-to-its-cap|declares-more|of-4-gib)',
  },
  {
    name: 'table cap off',
    file: 'gateway/src/wasm/rewrite.ts',
    guard: 'out.u32(Math.min(maximum ?? most, most));',
    replacement: 'out.u32(maximum ?? 10_000_000);',
    tests: ATTACKS,
    named: 'tables?-(grows|that-share)',
  },
  {
    name: 'permission for properties off',
    file: 'gateway/src/wasm/permissions.ts',
    guard: 'const answer = this.#allowsPath(path);',
    replacement: 'const answer = this.#allowsPath(path) || true;',
    tests: ATTACKS,
    named: 'properties-(of-the-operator|that-are-not-allowed)',
  },
  {
    name: 'permission for services off',
    file: 'gateway/src/wasm/permissions.ts',
    guard: 'return own || services.includes(`${owner}/${service}`) ? { tenant: owner, service } : null;',
    replacement: 'return own || services.length >= 0 ? { tenant: owner, service } : null;',
    tests: 'gateway/src/wasm/permissions.test.ts',
    named: 'service',
  },
  {
    name: 're-entrancy guard off',
    file: 'gateway/src/wasm/vm.ts',
    guard: 'return always || !this.restricted;',
    replacement: 'return always || !this.restricted || true;',
    tests: ATTACKS,
    named: 'allocator-that-calls',
  },
  {
    name: 'validation of the original off',
    file: 'gateway/src/wasm/module.ts',
    guard: 'if (!WebAssembly.validate(bytes)) throw',
    replacement: 'if (bytes.length < 0) throw',
    tests: ATTACKS,
    named: 'module-that-writes-a-global-it-does-not-have',
  },
  {
    name: 'check of header values off',
    file: 'gateway/src/filters/wasm-headers.ts',
    guard: 'if (!TOKEN.test(name) || CONTROL.test(value)) return false;',
    replacement: 'if (!TOKEN.test(name)) return false;',
    tests: ATTACKS,
    named: 'inject-',
  },
];
