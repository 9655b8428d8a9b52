import { describe, expect, it } from 'vitest';
import { keptModules, loadBases, moduleOf } from './inputs.ts';
import { judgeModule, type Verdict } from './judge.ts';

const MODULES = 300;

describe('modules that nobody meant to write', () => {
  it('are refused in words, or run within their bounds', { timeout: 120_000 }, async () => {
    const bases = await loadBases();
    const verdicts: Record<Verdict, number> = { refused: 0, 'not started': 0, ran: 0 };
    for (let index = 0; index < MODULES; index++) verdicts[await judgeModule(moduleOf(20_252, index, bases))]++;
    // Else nothing is proven.
    expect(verdicts.ran).toBeGreaterThan(MODULES / 4);
    expect(verdicts.refused).toBeGreaterThan(MODULES / 10);
  });

  it.each(Object.entries(keptModules()))('%s does what it did to nobody any more', async (_file, bytes) => {
    await judgeModule(bytes);
  });
});
