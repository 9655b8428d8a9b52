import { INSIDE_SECONDS, insidePrograms } from './inside.ts';
import { type Options, subjectsOf } from './options.ts';
import type { Skipped } from './result.ts';
import type { Scenario } from './scenarios.ts';
import type { Subject } from './subjects/subject.ts';

/** Seconds before the first round, in which code is compiled and connections are opened. */
const WARM_UP = 3;
/** A subject that needs longer gets no more than so many times the length of a turn, so that a short try stays short. */
const WARM_UP_TURNS = 15;
/** Seconds in which 10 000 connections are opened, settle and are closed. */
const IDLE_SECONDS = 10;
/** Seconds that a subject takes to start and to end. */
const START_SECONDS = 1;

type Times = Pick<Options, 'duration' | 'rounds' | 'warmUp'>;

/** A scenario with those who can take part. */
export interface PlannedScenario {
  readonly scenario: Scenario;
  readonly subjects: readonly Subject[];
  readonly skipped: readonly Skipped[];
}

/** Finds out who can take part in what; those who are not there are installed first. */
export async function planOf(options: Options): Promise<PlannedScenario[]> {
  const failures = await install(new Set(options.scenarios.flatMap((scenario) => subjectsOf(scenario, options))));
  return Promise.all(options.scenarios.map((scenario) => planScenario(scenario, options, failures)));
}

async function planScenario(
  scenario: Scenario,
  options: Options,
  failures: ReadonlyMap<Subject, string>,
): Promise<PlannedScenario> {
  const subjects: Subject[] = [];
  const skipped: Skipped[] = [];
  for (const subject of subjectsOf(scenario, options)) {
    const reason = failures.get(subject) ?? (await subject.obstacle(scenario));
    if (reason === null) subjects.push(subject);
    else skipped.push({ scenario: scenario.name, subject: subject.name, reason });
  }
  return { scenario, subjects, skipped };
}

/** @returns why a subject could not be installed */
async function install(subjects: ReadonlySet<Subject>): Promise<Map<Subject, string>> {
  const failures = new Map<Subject, string>();
  for (const subject of subjects) {
    try {
      await subject.install?.((what) => console.error(`${subject.name}: ${what} …`));
    } catch (error) {
      failures.set(subject, `cannot be installed: ${(error as Error).message}`);
    }
  }
  return failures;
}

/** How long it takes, in seconds, as far as that can be said before. */
export function secondsOf(plan: readonly PlannedScenario[], times: Times): number {
  const lasting = new Set<Subject>();
  let sum = 0;
  for (const { scenario, subjects } of plan) {
    for (const subject of subjects) {
      sum += START_SECONDS;
      if (scenario.idle === undefined) sum += warmUpOf(subject, times, !lasting.has(subject));
      if (subject.lasts === true) lasting.add(subject);
    }
    sum += subjects.length * rounds(scenario, times) * turnSeconds(scenario, times);
    sum += insidePrograms(scenario) * times.rounds * INSIDE_SECONDS;
  }
  return sum;
}

/** Memory is measured once. */
export function rounds({ idle }: Scenario, times: Pick<Times, 'rounds'>): number {
  return idle === undefined ? times.rounds : 1;
}

export function turnSeconds({ idle }: Scenario, { duration }: Pick<Times, 'duration'>): number {
  return idle === undefined ? duration : IDLE_SECONDS;
}

/** Seconds of load before what counts. @param cold it has had none yet */
export function warmUpOf(subject: Subject, { duration, warmUp }: Omit<Times, 'rounds'>, cold: boolean): number {
  const { warmUp: needed = WARM_UP } = subject;
  if (!cold || needed <= WARM_UP) return Math.min(needed, WARM_UP, duration);
  return warmUp ?? Math.min(needed, duration * WARM_UP_TURNS);
}
