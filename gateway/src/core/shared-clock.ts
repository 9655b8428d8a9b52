/** How often both clocks are read; the reading that took least time is the most exact. */
const READINGS = 5;

/** Milliseconds of a clock that never goes back. */
export type Milliseconds = () => number;

/**
 * The clock that all threads of the process share: milliseconds since `base`. (`performance.now()` counts from the start
 * of each thread.) Two threads differ by about a microsecond.
 *
 * @param base `process.hrtime.bigint()` as one thread read it for all.
 */
export function sharedClock(base: bigint): Milliseconds {
  let offset = 0;
  let shortest = Infinity;
  for (let i = 0; i < READINGS; i++) {
    const before = performance.now();
    const shared = Number(process.hrtime.bigint() - base) / 1e6;
    const after = performance.now();
    if (after - before >= shortest) continue;
    shortest = after - before;
    offset = shared - (before + after) / 2;
  }
  return () => performance.now() + offset;
}
