import { median, round } from '../statistics.ts';

const WARM_UP_MS = 500;
const BATCHES = 40;
const BATCH_MS = 20;

/** What one micro-benchmark printed; nanoseconds for one call. */
export interface MicroResult {
  readonly name: string;
  readonly median: number;
  readonly fastest: number;
}

/** What calls return goes here, so that none is optimized away. */
let kept: unknown;

/** Calls `work` again and again, and prints what one call took as a line of JSON. */
export function time(name: string, work: () => unknown): void {
  const calls = callsIn(WARM_UP_MS, work);
  const batch = Math.max(1, Math.round((calls / WARM_UP_MS) * BATCH_MS));
  const nanos = Array.from({ length: BATCHES }, () => {
    const startedAt = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) kept = work();
    return Number(process.hrtime.bigint() - startedAt) / batch;
  });
  if (kept === time) throw new Error('never');
  const result: MicroResult = { name, median: round(median(nanos)), fastest: round(Math.min(...nanos)) };
  console.log(JSON.stringify(result));
}

function callsIn(milliseconds: number, work: () => unknown): number {
  const endAt = performance.now() + milliseconds;
  let calls = 0;
  for (; performance.now() < endAt; calls++) kept = work();
  return calls;
}
