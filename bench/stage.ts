import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Load } from './load/load.ts';
import { OpenLoop } from './load/own.ts';
import { check, type Contender, measure, measureIdle } from './measure.ts';
import type { Processes } from './processes.ts';
import type { Scenario } from './scenarios.ts';
import type { Service } from './service.ts';
import type { Run } from './statistics.ts';
import type { Subject } from './subjects/subject.ts';

/** Seconds before the first round, in which code is compiled and connections are opened. */
const WARM_UP = 3;
/** Whose capacity the half load is half of. */
const RATED = ['gateway', 'nginx'];
/** Who cannot answer this many times the half load has nothing but queues to show. */
const HEADROOM = 1.3;

/** A subject that took no part. */
export interface Skipped {
  readonly scenario: string;
  readonly subject: string;
  readonly reason: string;
}

/** What all scenarios of a benchmark share. */
export interface Bench {
  readonly directory: string;
  readonly processes: Processes;
  readonly service: Service;
  readonly duration: number;
  readonly rounds: number;
  readonly profile: string | undefined;
  /** Programs and their versions; grows. */
  readonly versions: Record<string, string>;
  /** What made the load, by scenario; grows. */
  readonly generators: Record<string, string>;
  readonly runs: Run[];
  readonly skipped: Skipped[];
}

/** Runs one scenario with these subjects, adding to `runs`, `skipped` and `versions`. */
export async function runScenario(bench: Bench, scenario: Scenario, subjects: readonly Subject[]): Promise<void> {
  const contenders = await enter(bench, scenario, subjects);
  try {
    await compete(bench, scenario, contenders);
  } finally {
    for (const { running } of contenders) await running.child?.stop();
  }
}

/** Starts those that can take part. One that does not start, or answers wrongly, spoils the benchmark for nobody else. */
async function enter(bench: Bench, scenario: Scenario, subjects: readonly Subject[]): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const subject of subjects) {
    const reason = await subject.obstacle(scenario);
    if (reason !== null) {
      skip(bench, scenario, subject, reason);
      continue;
    }
    try {
      contenders.push(await start(bench, scenario, subject));
    } catch (error) {
      process.exitCode = 1;
      skip(bench, scenario, subject, (error as Error).message);
    }
  }
  return contenders;
}

async function start(bench: Bench, scenario: Scenario, subject: Subject): Promise<Contender> {
  const { processes, profile, service } = bench;
  const directory = join(bench.directory, `${scenario.name}-${subject.name}`);
  await mkdir(directory);
  const { tls, routes } = scenario;
  const place = { directory, processes, upstreamPort: service.port, tls, routes, profile };
  const running = await subject.start({ ...place, ...certificateIn(bench.directory) });
  const contender = { subject, running, target: { port: running.port, tls, pinning: processes.pinning } };
  try {
    await check(contender, scenario);
  } catch (error) {
    await running.child?.stop();
    throw error;
  }
  Object.assign(bench.versions, await subject.versions());
  return contender;
}

async function compete(bench: Bench, scenario: Scenario, contenders: readonly Contender[]): Promise<void> {
  const load = await scenario.load(bench.directory);
  const capacities = new Map<Contender, number>();
  for (const contender of contenders) {
    const seconds = contender.subject.warmUp ?? Math.min(WARM_UP, bench.duration);
    const { requestsPerSecond } = await measure(contender, scenario, load, seconds, 0);
    capacities.set(contender, requestsPerSecond);
  }
  if (scenario.idle !== undefined) await compareMemory(bench, scenario, contenders, scenario.idle);
  else if (scenario.halfLoad === true) await compareAtHalfLoad(bench, scenario, capacities);
  else await compare(bench, scenario, contenders, load);
}

/** Rounds in which all take turns. */
async function compare(bench: Bench, scenario: Scenario, contenders: readonly Contender[], load: Load): Promise<void> {
  bench.generators[scenario.name] = load.generator;
  for (let round = 1; round <= bench.rounds; round++) {
    for (const contender of contenders) {
      bench.runs.push(await measure(contender, scenario, load, bench.duration, round));
    }
  }
}

async function compareAtHalfLoad(
  bench: Bench,
  scenario: Scenario,
  capacities: ReadonlyMap<Contender, number>,
): Promise<void> {
  const contenders = [...capacities.keys()];
  const rated = contenders.filter(({ subject }) => RATED.includes(subject.name));
  const slowest = Math.min(...(rated.length > 0 ? rated : contenders).map((each) => capacities.get(each)!));
  const rate = Math.round(slowest / 2);
  const able = contenders.filter((contender) => {
    const capacity = capacities.get(contender)!;
    if (capacity >= rate * HEADROOM) return true;
    skip(bench, scenario, contender.subject, `answers ${capacity} requests/s at most; the load is ${rate}`);
    return false;
  });
  await compare(bench, scenario, able, new OpenLoop(rate));
}

async function compareMemory(
  bench: Bench,
  scenario: Scenario,
  contenders: readonly Contender[],
  count: number,
): Promise<void> {
  for (const contender of contenders) bench.runs.push(await measureIdle(contender, scenario, count));
}

function skip({ skipped }: Bench, { name }: Scenario, subject: Subject, reason: string): void {
  skipped.push({ scenario: name, subject: subject.name, reason });
  console.error(`${name}: without ${subject.name}: ${reason}`);
}

/** Paths of the PEM files of a benchmark. */
export function certificateIn(directory: string): { certificate: string; key: string; pem: string } {
  return {
    certificate: join(directory, 'certificate.pem'),
    key: join(directory, 'key.pem'),
    pem: join(directory, 'both.pem'),
  };
}
