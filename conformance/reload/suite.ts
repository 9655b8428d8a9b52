// Everything that can change while the gateway carries load, and what it takes to start with a thousand tenants.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { startUpstream, type Upstream } from '../upstream.ts';
import { exchangesCertificates } from './case-certificates.ts';
import { takesEdits } from './case-edits.ts';
import { survivesKills } from './case-kills.ts';
import { movesListener } from './case-listener.ts';
import { keepsMemoryFlat } from './case-memory.ts';
import { restartsWithLastGood } from './case-restart.ts';
import { startsWithAThousand } from './case-thousand.ts';
import { servesThousandsOfVms } from './case-vms.ts';
import { swapsPlugins } from './case-plugins.ts';
import { ReloadWorld, WORKERS } from './world.ts';

type WorldCase = readonly [name: string, run: (world: ReloadWorld) => Promise<CaseOutcome>];
type OwnCase = readonly [name: string, run: (directory: string, upstream: Upstream) => Promise<CaseOutcome>];

/** On one gateway, one after the other; the kills come last. */
const underLoad: readonly WorldCase[] = [
  ['500 edits of tenants in a minute fail no request', takesEdits],
  ['certificates are exchanged without losing a connection', exchangesCertificates],
  ['plugin modules are swapped without failing a request', swapsPlugins],
  ['a listener moves to another port and back', movesListener],
  ['workers that are ended take no more than what they had', survivesKills],
];

/** Each on gateways of its own. */
const onTheirOwn: readonly OwnCase[] = [
  ['1 000 tenants with 100 routes each: start, start again, change', startsWithAThousand],
  ['1 000 tenants with 5 plugins each: VMs on first use, and eviction', servesThousandsOfVms],
  ['a restart with a broken file serves the last good version', restartsWithLastGood],
];

/** Two workers, load from wrk. */
export const reloadSuite: Suite = {
  name: 'reload',
  async run(run: SuiteRun): Promise<void> {
    run.server = 'gateway under change';
    run.version = `${WORKERS} workers`;
    if (spawnSync('wrk', ['-v']).error !== undefined) {
      run.skip('all cases', 'wrk is not on the PATH');
      return;
    }
    const directory = mkdtempSync(join(tmpdir(), 'sluice-reload-'));
    await onWorld(run, join(directory, 'load'), underLoad);
    await onWorld(run, join(directory, 'memory'), [['thousands of reloads leave memory as it was', keepsMemoryFlat]]);
    const upstream = await startUpstream('device');
    for (const [index, [name, work]] of onTheirOwn.entries()) {
      const own = join(directory, `own-${index}`);
      mkdirSync(own);
      await run.case(name, () => work(own, upstream), own);
    }
    await upstream.stop();
    if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
  },
};

async function onWorld(run: SuiteRun, directory: string, cases: readonly WorldCase[]): Promise<void> {
  mkdirSync(directory);
  const world = await ReloadWorld.start(directory);
  try {
    for (const [name, work] of cases) await run.case(name, () => work(world), directory);
    await run.case('the gateway ends in order', () => endsInOrder(world), directory);
  } finally {
    await world.stop();
  }
}

async function endsInOrder({ gateway }: ReloadWorld): Promise<CaseOutcome> {
  const code = await gateway.stop();
  check(code === 0, 'exit code 0', code);
  return { detail: 'exit code 0' };
}
