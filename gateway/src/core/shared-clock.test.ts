import { describe, expect, it } from 'vitest';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { sharedClock } from './shared-clock.ts';

describe('the shared clock', () => {
  it('goes on in one thread where it was in another', async () => {
    // An hour ago: no clock of a thread has come that far.
    const base = process.hrtime.bigint() - 3_600_000_000_000n;
    const clock = sharedClock(base);
    const url = JSON.stringify(new URL('./shared-clock.ts', import.meta.url).href);
    const program = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(${url}).then(({ sharedClock }) => parentPort.postMessage(sharedClock(workerData)()));`;
    const before = clock();
    const thread = new Worker(program, { eval: true, workerData: base });
    const [there] = (await once(thread, 'message')) as [number];
    const after = clock();
    // Each thread finds the base to within what it takes to read two clocks, which a starved one may be long about.
    expect(there).toBeGreaterThan(before - 50);
    expect(there).toBeLessThan(after + 50);
    expect(before).toBeGreaterThanOrEqual(3_600_000);
  });
});
