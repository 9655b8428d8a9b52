// The ABI: every host call in every callback, the order of callbacks, and guests in several languages.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { GuestWorld, scenariosOf } from './case-guests.ts';
import { callsInOrder, pluginCallsInOrder } from './case-order.ts';
import { ROWS } from './cells/rows.ts';
import { VERSIONS } from './driver/phases.ts';
import { type Guest, GUEST_LIST } from './guests.ts';
import { matrixText, withMatrix } from './matrix.ts';
import type { Outcome } from './plan.ts';
import { type PlanResult, runPlan } from './run-matrix.ts';
import { DriverWorld } from './world.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'plugins', 'abi.md');

export const abiSuite: Suite = {
  name: 'abi',
  async run(run: SuiteRun): Promise<void> {
    run.server = 'Proxy-Wasm host';
    run.version = VERSIONS.join(', ');
    const directory = mkdtempSync(join(tmpdir(), 'sluice-abi-'));
    await runDriver(run, join(directory, 'driver'));
    for (const guest of GUEST_LIST) await runGuest(run, guest, join(directory, guest.name));
    if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
  },
};

async function runDriver(run: SuiteRun, directory: string): Promise<void> {
  const world = await DriverWorld.start(directory);
  try {
    for (const plan of world.plans) {
      await run.case(`${plan.abi}: callbacks of exchanges in order`, () => callsInOrder(world, plan), directory);
    }
    const results = await Promise.all(world.plans.map((plan) => runPlan(world, plan)));
    for (const [index, plan] of world.plans.entries()) {
      const { roots } = results[index]!;
      await run.case(
        `${plan.abi}: callbacks of the plugin in order`,
        async () => pluginCallsInOrder(plan, roots),
        directory,
      );
    }
    await checkCells(run, results, directory);
  } finally {
    await world.stop();
  }
}

/** A case for each host call, with all its cells. */
async function checkCells(run: SuiteRun, results: readonly PlanResult[], directory: string): Promise<void> {
  const outcomes = results.flatMap((result) => result.outcomes);
  for (const row of ROWS) {
    const own = outcomes.filter(({ cell }) => cell.row === row);
    await run.case(`host call ${row.call}`, async () => answersAsExpected(own), directory);
  }
  await run.case('docs/plugins/abi.md shows these results', async () => {
    const page = readFileSync(PAGE, 'utf8');
    const current = withMatrix(page, matrixText(outcomes)) === page;
    check(current, 'the table of these results', 'another one; bring it up to date: npx vitest run conformance/abi -u');
    return { detail: `${outcomes.length} cells`, measured: { cells: outcomes.length } };
  });
}

function answersAsExpected(outcomes: readonly Outcome[]): CaseOutcome {
  const wrong = outcomes.filter(({ problem }) => problem !== null);
  const told = wrong.map(({ cell, problem }) => `${cell.case.name} in ${cell.at.place} (${cell.at.abi}): ${problem}`);
  check(
    outcomes.length > 0 && wrong.length === 0,
    'every answer and effect as the specification says',
    told.slice(0, 20),
  );
  return { detail: `${outcomes.length} cells`, measured: { cells: outcomes.length } };
}

async function runGuest(run: SuiteRun, guest: Guest, directory: string): Promise<void> {
  const missing = guest.missing();
  if (missing !== null) {
    run.skip(`${guest.name}: all scenarios`, missing.reason, missing.excused);
    return;
  }
  let module = '';
  await run.case(`${guest.name}: it is built`, async () => {
    module = await guest.build();
    return { detail: guest.made, measured: { bytes: readFileSync(module).length } };
  });
  if (module === '') return;
  const world = await GuestWorld.start(guest, module, directory);
  try {
    for (const scenario of scenariosOf(guest)) {
      await run.case(`${guest.name}: ${scenario.name}`, () => world.run(scenario), directory);
    }
  } finally {
    await world.stop();
  }
}
