import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildPlugins } from '../../../plugins/build.ts';
import { GatewayError } from '../core/errors.ts';
import { loadPlugin } from '../testing/index.ts';

/** Another start gives other mutants: `SEED=1000 npx vitest run gateway/src/filters/wasm-mutants.test.ts`. */
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const MUTANTS = 60;
const FUEL = { request: 200_000, tick: 200_000, configure: 200_000 };
const EXCHANGE = {
  request: { method: 'POST', headers: { 'x-api-key': 'k' }, body: '{"a":1}' },
  upstream: { body: '{"b":2}' },
};

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The module with a few bytes changed, most of them in its code. */
function mutate(module: Uint8Array, seed: number): Uint8Array {
  const random = generator(seed * 7919);
  const mutant = Uint8Array.from(module);
  for (let changes = random(3) + 1; changes > 0; changes--) mutant[8 + random(module.length - 8)] = random(256);
  return mutant;
}

const modules: Uint8Array[] = [];
beforeAll(async () => {
  for (const { path } of await buildPlugins()) modules.push(readFileSync(path));
}, 60_000);

describe(`plugins with changed bytes, from seed ${FIRST_SEED}`, () => {
  it('are refused with a code, or run within their bounds', async () => {
    const outcomes = { refused: 0, ran: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + MUTANTS; seed++) {
      for (const module of modules) {
        try {
          const host = await loadPlugin(mutate(module, seed), {
            fuel: FUEL,
            memory: 1024 * 1024,
            pauseMs: 20,
            config: { keys: [] },
          });
          const { response } = await host.exchange(EXCHANGE);
          expect(response, `seed ${seed}`).not.toBeNull();
          expect(host.stats.memoryBytes, `seed ${seed}`).toBeLessThanOrEqual(1024 * 1024);
          host.close();
          outcomes.ran++;
        } catch (error) {
          expect(error, `seed ${seed}`).toBeInstanceOf(GatewayError);
          outcomes.refused++;
        }
      }
    }
    expect(outcomes.refused).toBeGreaterThan(MUTANTS / 4);
  }, 120_000);
});
