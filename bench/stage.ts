import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Load } from './load/load.ts';
import { OpenLoop } from './load/own.ts';
import { check, type Contender, measure, measureIdle } from './measure.ts';
import { type PlannedScenario, rounds, turnSeconds, warmUpOf } from './plan.ts';
import type { Processes } from './processes.ts';
import type { Progress } from './progress.ts';
import type { Skipped } from './result.ts';
import type { Scenario } from './scenarios.ts';
import type { Service } from './service.ts';
import type { Figure, Run } from './statistics.ts';
import type { Running, Subject } from './subjects/subject.ts';

/** Whose capacity the half load is half of. */
const RATED = ['gateway', 'nginx'];
/** Who cannot answer this many times the half load has nothing but queues to show. */
const HEADROOM = 1.3;

/** What all scenarios of a benchmark share. */
export interface Bench {
  readonly directory: string;
  readonly processes: Processes;
  readonly service: Service;
  readonly progress: Progress;
  /** Seconds of a turn. */
  readonly duration: number;
  readonly rounds: number;
  /** See `Options`. */
  readonly warmUp: number | undefined;
  readonly profile: string | undefined;
  /** Programs and their versions; grows. */
  readonly versions: Record<string, string>;
  /** What made the load, by scenario; grows. */
  readonly generators: Record<string, string>;
  readonly runs: Run[];
  readonly figures: Figure[];
  readonly skipped: Skipped[];
  /** Subjects that stay from scenario to scenario, since they take long to warm, by what they are set up for. */
  readonly lasting: Map<string, Running>;
}

/** Runs one scenario, adding to `runs`, `skipped` and `versions`. */
export async function runScenario(bench: Bench, { scenario, subjects, skipped }: PlannedScenario): Promise<void> {
  bench.skipped.push(...skipped);
  const contenders: Contender[] = [];
  try {
    await enter(bench, scenario, subjects, contenders);
    await compete(bench, scenario, contenders);
  } finally {
    const ending = contenders.filter(({ subject }) => subject.lasts !== true);
    await Promise.all(ending.map(({ running }) => running.child?.stop() ?? Promise.resolve()));
  }
}

/** Starts them. One that does not start, or answers wrongly, spoils the benchmark for nobody else. */
async function enter(
  bench: Bench,
  scenario: Scenario,
  subjects: readonly Subject[],
  contenders: Contender[],
): Promise<void> {
  for (const subject of subjects) {
    try {
      contenders.push(await start(bench, scenario, subject));
    } catch (error) {
      process.exitCode = 1;
      skip(bench, scenario, subject, (error as Error).message);
    }
  }
}

async function start(bench: Bench, scenario: Scenario, subject: Subject): Promise<Contender> {
  const { processes, lasting } = bench;
  const { tls } = scenario;
  const key = `${subject.name} ${tls} ${scenario.routes}`;
  const cold = !lasting.has(key);
  const running = lasting.get(key) ?? (await launch(bench, scenario, subject));
  const contender = { subject, running, cold, target: { port: running.port, tls, pinning: processes.pinning } };
  try {
    await check(contender, scenario);
  } catch (error) {
    lasting.delete(key);
    await running.child?.stop();
    throw error;
  }
  if (subject.lasts === true) lasting.set(key, running);
  Object.assign(bench.versions, await subject.versions());
  return contender;
}

async function launch(bench: Bench, { name, tls, routes }: Scenario, subject: Subject): Promise<Running> {
  const { processes, profile, service } = bench;
  const directory = join(bench.directory, `${name}-${subject.name}`);
  await mkdir(directory);
  const place = { directory, processes, upstreamPort: service.port, tls, routes, profile };
  return subject.start({ ...place, ...certificateIn(bench.directory) });
}

async function compete(bench: Bench, scenario: Scenario, contenders: readonly Contender[]): Promise<void> {
  if (scenario.idle !== undefined) return compareMemory(bench, scenario, contenders, scenario.idle);
  const load = await scenario.load?.(bench.directory);
  if (load === undefined) return;
  const capacities = new Map<Contender, number>();
  for (const contender of contenders) {
    const seconds = warmUpOf(contender.subject, bench, contender.cold);
    bench.progress.step(`${scenario.name}, warm-up: ${contender.subject.name}`, seconds);
    const { requestsPerSecond } = await measure(contender, scenario, load, seconds, 0);
    capacities.set(contender, requestsPerSecond);
  }
  if (scenario.halfLoad === true) await compareAtHalfLoad(bench, scenario, capacities);
  else await compare(bench, scenario, contenders, load);
}

/** Rounds in which all take turns. */
async function compare(bench: Bench, scenario: Scenario, contenders: readonly Contender[], load: Load): Promise<void> {
  if (contenders.length > 0) bench.generators[scenario.name] = load.generator;
  for (let round = 1; round <= bench.rounds; round++) {
    for (const contender of contenders) {
      tell(bench, scenario, contender, round);
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

/** Nobody is warmed: what a load leaves behind as free memory would hide what connections take. */
async function compareMemory(
  bench: Bench,
  scenario: Scenario,
  contenders: readonly Contender[],
  count: number,
): Promise<void> {
  bench.generators[scenario.name] = 'idle-connections.ts';
  for (const contender of contenders) {
    tell(bench, scenario, contender, 1);
    bench.runs.push(await measureIdle(contender, scenario, count));
  }
}

function tell({ progress, ...bench }: Bench, scenario: Scenario, { subject }: Contender, round: number): void {
  const text = `${scenario.name}, round ${round} of ${rounds(scenario, bench)}: ${subject.name}`;
  progress.step(text, turnSeconds(scenario, bench));
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
