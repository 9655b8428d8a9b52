// The Nacos suite: the same cases on the real Java server and on the fake.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWrk } from '../load.ts';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { keepsNamespacesApart, logsIn } from './cases-access.ts';
import {
  followsTheConsole,
  followsWeights,
  losesNothingInOrder,
  survivesKill,
  takesEffectInTime,
} from './cases-changes.ts';
import { fallsBack, followsMetadata, keepsBaselineOffGray, routesByHeader } from './cases-lanes.ts';
import { isReadyWithTheFirstAnswers, survivesAnOutage, waitsForNacos } from './cases-outages.ts';
import { prepareRealNacos } from './real-server.ts';
import type { NacosStarter } from './target.ts';
import { startFakeTarget } from './target-fake.ts';
import { startJavaTarget } from './target-java.ts';
import { type Extent, World } from './world.ts';

/** In this order: the last ones take Nacos down, after which the services of the others are empty. */
export const cases: readonly (readonly [name: string, run: (world: World) => Promise<CaseOutcome>])[] = [
  ['ready only after the first answers', isReadyWithTheFirstAnswers],
  ['lane by header rule', routesByHeader],
  ['registration and deregistration under load take effect in time', takesEffectInTime],
  ['orderly deregistration under full load loses no request', losesNothingInOrder],
  ['kill -9 under load loses no more than what was in flight', survivesKill],
  ['weights under load', followsWeights],
  ['metadata from baseline to gray under load', followsMetadata],
  ['offline and online in the console under load', followsTheConsole],
  ['gray all gone: baseline serves', fallsBack],
  ['baseline all gone: 503, never gray', keepsBaselineOffGray],
  ['two namespaces are isolated', keepsNamespacesApart],
  ['password login', logsIn],
  ['Nacos dies under load and comes back empty', survivesAnOutage],
  ['Nacos down when the gateway starts', waitsForNacos],
];

/** Services of the gateway that all cases share. */
export const services = [
  'ready',
  'lanes',
  'latency',
  'orderly',
  'kill',
  'weight',
  'metadata',
  'console',
  'fallback',
  'gray-only',
  'outage',
  'late',
];

const fullExtent: Extent = { repetitions: 30, samples: 1_000, lingerMs: 2_000, outageMs: 3_000 };

/** On a real server, with instances registered by the official Java client. */
export const nacosSuite: Suite = {
  name: 'nacos',
  run: async (run) => {
    const java = await prepareRealNacos();
    if (java.available) await runCases(run, startJavaTarget);
    else run.skip('all cases', java.reason);
  },
};

/** On the fake server, which shows whether the fake is worth believing. */
export const nacosFakeSuite: Suite = {
  name: 'nacos-fake',
  onDemand: true,
  run: (run) => runCases(run, (options) => startFakeTarget(options)),
};

async function runCases(run: SuiteRun, startNacos: NacosStarter): Promise<void> {
  if (spawnSync('wrk', ['-v']).error !== undefined) {
    run.skip('all cases', 'wrk is not on the PATH');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), `sluice-conformance-${run.suite}-`));
  const options = { startNacos, startLoad: startWrk, extent: fullExtent, directory, services };
  const world = await World.start(options).catch((error: unknown) => {
    throw new Error(`the suite could not start; logs: ${directory}`, { cause: error });
  });
  run.server = world.nacos.server;
  run.version = world.nacos.version;
  try {
    for (const [name, work] of cases) await run.case(name, () => work(world), directory);
    await run.case('the gateway ends in order', () => endsInOrder(world), directory);
  } finally {
    await world.stop();
  }
  if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
}

/** Exit code 0 after SIGTERM, and not one error in the process log of the whole run. */
export async function endsInOrder({ gateway }: World): Promise<CaseOutcome> {
  const code = await gateway.stop();
  check(code === 0, 'exit code 0', code);
  const errors = gateway
    .processLog()
    .split('\n')
    .filter((line) => line.includes('"level":"error"') || (line !== '' && !line.startsWith('{')));
  check(errors.length === 0, 'no error in the process log', errors.slice(0, 3));
  return { detail: 'exit code 0, no error logged' };
}
