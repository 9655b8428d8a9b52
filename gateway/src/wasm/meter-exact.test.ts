import { describe, expect, it } from 'vitest';
import { PREPAID_INSTRUCTIONS } from './meter.ts';
import { RandomProgram } from './program.suite.ts';
import { PAGE_BYTES, rewriteModule } from './rewrite.ts';
import { readOutline } from './sections.ts';
import { assemble } from './wat.suite.ts';

/** Each is one program; another start gives others: `SEED=1000 npx vitest run gateway/src/wasm/meter-exact.test.ts`. */
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const PROGRAMS = Number(process.env['PROGRAMS'] ?? 60);
const PAGES = 16;
const PLENTY = 2 ** 31 - 1;

const ARGUMENTS = [
  [0, 0],
  [1, -7],
  [123_456, 99],
] as const;

interface Outcome {
  readonly result: string;
  readonly trapped: boolean;
  readonly memory: Buffer;
  readonly used: number;
  /** What the program counted itself. */
  readonly count: number;
  readonly heads: number;
}

/** Runs a module in which `fuel` is a global, if there is one. */
function run(bytes: Uint8Array, fuelName: string | null): Outcome {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const fuel = fuelName === null ? null : (exports[fuelName] as WebAssembly.Global);
  if (fuel !== null) fuel.value = PLENTY;
  const results = ARGUMENTS.map((values) => {
    try {
      return (exports['run'] as (...values: readonly number[]) => number)(...values);
    } catch (error) {
      return (error as Error).message;
    }
  });
  const memory = exports['memory'] as WebAssembly.Memory;
  return {
    result: JSON.stringify([results, memory.buffer.byteLength / PAGE_BYTES]),
    trapped: results.some((value) => typeof value === 'string'),
    memory: Buffer.from(memory.buffer),
    used: fuel === null ? 0 : PLENTY - fuel.value,
    count: (exports['count'] as WebAssembly.Global).value,
    heads: (exports['heads'] as WebAssembly.Global).value,
  };
}

/** The same program: as it is, with its own count, metered exactly, and metered as plugins are. */
function runAll(seed: number) {
  const bytes = assemble(new RandomProgram(seed).text(false));
  expect(WebAssembly.validate(bytes)).toBe(true);
  const metered = (prepaid: number) => {
    const { bytes: rewritten, added } = rewriteModule(readOutline(bytes), { pages: PAGES, startFuel: 1, prepaid });
    return run(rewritten, added.fuel);
  };
  const counted = run(assemble(new RandomProgram(seed).text(true)), null);
  return { counted, plain: run(bytes, null), exact: metered(0), usual: metered(PREPAID_INSTRUCTIONS) };
}

describe(`metering of ${PROGRAMS} random programs from seed ${FIRST_SEED}`, () => {
  const trapped: number[] = [];

  it('changes nothing but the fuel, of which it takes exactly what they execute', () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
      const { plain, counted, exact, usual } = runAll(seed);
      for (const { result, memory } of [counted, exact, usual]) {
        expect(result, `seed ${seed}`).toBe(plain.result);
        expect(memory.equals(plain.memory), `seed ${seed}`).toBe(true);
      }
      expect(exact.used, `seed ${seed}`).toBeGreaterThanOrEqual(counted.count);
      // A run of instructions that ends in a trap has been paid whole.
      if (plain.trapped) trapped.push(seed);
      else expect(exact.used, `seed ${seed}`).toBe(counted.count);
      expect(usual.used, `seed ${seed}`).toBeGreaterThanOrEqual(counted.count);
      const bound = exact.used + counted.heads * PREPAID_INSTRUCTIONS;
      expect(usual.used, `seed ${seed}`).toBeLessThanOrEqual(bound);
    }
    // Most of them run to their end, where the count is exact.
    expect(trapped.length).toBeLessThan(PROGRAMS / 2);
  });
});
