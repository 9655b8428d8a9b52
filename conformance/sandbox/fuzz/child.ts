// Judges modules one after the other; its parent knows by the number on standard output which one it is at, should it die.
import { writeSync } from 'node:fs';
import { judgeModule, type Verdict } from './judge.ts';
import { loadBases, moduleOf } from './inputs.ts';

/** A range of modules of a seed. */
export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** When it is at the end. */
export interface ChildReport {
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly heapMiB: number;
  readonly rssMiB: number;
}

const COLLECT_EVERY = 200;
const { seed, from, to } = JSON.parse(process.argv[2]!) as Range;
const bases = await loadBases();
const verdicts: Record<Verdict, number> = { refused: 0, 'not started': 0, ran: 0 };
for (let index = from; index < to; index++) {
  writeSync(1, `${index}\n`);
  verdicts[await judgeModule(moduleOf(seed, index, bases))]++;
  // Each instance has its share of the address space, of which the engine sees nothing.
  if (index % COLLECT_EVERY === 0) globalThis.gc?.();
}
globalThis.gc?.();
const { heapUsed, rss } = process.memoryUsage();
process.send?.({ verdicts, heapMiB: heapUsed / 2 ** 20, rssMiB: rss / 2 ** 20 } satisfies ChildReport);
process.disconnect?.();
