// The cases of the Nacos suite on the fake server, with little load and short spans: for every test run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startLoader } from '../load.ts';
import { cases, endsInOrder, services } from './suite.ts';
import { startFakeTarget } from './target-fake.ts';
import { type Extent, World } from './world.ts';

const PUSH_DELAY_MS = 50;
const extent: Extent = { repetitions: 3, samples: 200, lingerMs: 200, outageMs: 200 };

describe('nacos conformance on the fake server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-conformance-test-'));
  let world: World;
  let failed = 0;

  beforeAll(async () => {
    const startNacos = (options: Parameters<typeof startFakeTarget>[0]) => startFakeTarget(options, PUSH_DELAY_MS);
    world = await World.start({ startNacos, startLoad: startLoader, extent, directory, services });
  });

  afterAll(async () => {
    await world?.stop();
    if (failed === 0) rmSync(directory, { recursive: true, force: true });
    else console.error(`logs of the failed cases: ${directory}`);
  });

  for (const [name, work] of [...cases, ['the gateway ends in order', endsInOrder] as const]) {
    it(name, async () => {
      failed++;
      await work(world);
      failed--;
    });
  }
});
