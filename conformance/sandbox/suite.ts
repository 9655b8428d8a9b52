// The sandbox of plugins under attack.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { bearsAttacks } from './case-corpus.ts';
import { sharesItsTime } from './case-flood.ts';
import { survivesFuzzing } from './case-fuzz.ts';
import { killsMutants } from './case-mutants.ts';
import { SandboxWorld } from './world.ts';
import { WORKERS } from './world-files.ts';

export const sandboxSuite: Suite = {
  name: 'sandbox',
  async run(run: SuiteRun): Promise<void> {
    run.server = 'gateway under hostile plugins';
    run.version = `${WORKERS} workers`;
    const directory = mkdtempSync(join(tmpdir(), 'sluice-sandbox-'));
    await attack(run, join(directory, 'gateway'));
    await run.case('thousands of modules that nobody meant to write', survivesFuzzing);
    const copy = join(directory, 'mutants');
    mkdirSync(copy);
    await run.case('mutants of the host are noticed', () => killsMutants(copy), copy);
    if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
  },
};

async function attack(run: SuiteRun, directory: string): Promise<void> {
  mkdirSync(directory);
  const world = await SandboxWorld.start(directory);
  try {
    await run.case('a clean tenant beside every attack', () => bearsAttacks(world), directory);
    await run.case('a clean tenant beside one that takes all it can get', () => sharesItsTime(world), directory);
  } finally {
    await world.stop();
  }
  await run.case('the gateway ends in order', async () => {
    check(world.gateway.child.exitCode === 0, 'exit code 0', world.gateway.child.exitCode);
    return { detail: 'exit code 0' };
  });
}
