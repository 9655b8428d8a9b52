import { type Figure, median, round } from '../statistics.ts';

const WARM_UP_MS = 500;
/** Many short ones, of which the median counts: most are over before somebody else gets the CPU. */
const BATCHES = 200;
const BATCH_MS = 2;

/** What calls return goes here, so that none is optimized away. */
let kept: unknown;

/** Calls `work` again and again, and prints what one call took. */
export function time(name: string, work: () => unknown): void {
  tell(name, 'ns', median(timeInTurns([work])[0]!));
}

/**
 * Calls each of `works` again and again, in short turns, so that what slows the machine down slows all of them.
 *
 * @returns nanoseconds of one call, for each of them and each turn
 */
export function timeInTurns(works: readonly (() => unknown)[]): number[][] {
  const batches = works.map((work) => Math.max(1, Math.round((callsIn(WARM_UP_MS, work) / WARM_UP_MS) * BATCH_MS)));
  const results: number[][] = works.map(() => []);
  for (let turn = 0; turn < BATCHES; turn++) {
    for (const [at, work] of works.entries()) results[at]!.push(batchOf(batches[at]!, work));
  }
  if (kept === timeInTurns) throw new Error('never');
  return results;
}

/** Prints a figure as a line of JSON. */
export function tell(name: string, unit: Figure['unit'], value: number, subject = ''): void {
  console.log(JSON.stringify({ subject, name, unit, value: round(value) } satisfies Omit<Figure, 'scenario'>));
}

function batchOf(calls: number, work: () => unknown): number {
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) kept = work();
  return Number(process.hrtime.bigint() - startedAt) / calls;
}

function callsIn(milliseconds: number, work: () => unknown): number {
  const endAt = performance.now() + milliseconds;
  let calls = 0;
  for (; performance.now() < endAt; calls++) kept = work();
  return calls;
}
