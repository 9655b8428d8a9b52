import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { SUBJECTS } from './subjects/all.ts';
import type { Subject } from './subjects/subject.ts';

/** What was asked for. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  /** undefined: those of each scenario. */
  readonly subjects: readonly Subject[] | undefined;
  /** Seconds of a turn. */
  readonly duration: number;
  readonly rounds: number;
  /** Seconds for subjects that are slow to warm; undefined: as they need, less with short turns. */
  readonly warmUp: number | undefined;
  readonly json: string | undefined;
  readonly profile: string | undefined;
  /** Nothing is measured: the documentation gets the tables of this file. */
  readonly report: string | undefined;
}

/** @throws Error that says what is wrong with the command line */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', default: 'all' },
      subjects: { type: 'string' },
      duration: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      'warm-up': { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      report: { type: 'string' },
    },
  });
  const { 'warm-up': warmUp } = values;
  return {
    scenarios: values.scenario === 'all' ? SCENARIOS : chosen('scenario', values.scenario, SCENARIOS),
    subjects: values.subjects === undefined ? undefined : chosen('subjects', values.subjects, SUBJECTS),
    duration: count('duration', values.duration),
    rounds: count('rounds', values.rounds),
    warmUp: warmUp === undefined ? undefined : count('warm-up', warmUp),
    json: values.json,
    profile: values.profile,
    report: values.report,
  };
}

/** Those of a scenario, in the order of the subjects. */
export function subjectsOf(scenario: Scenario, { subjects }: Pick<Options, 'subjects'>): readonly Subject[] {
  return subjects ?? SUBJECTS.filter(({ name }) => scenario.subjects.includes(name));
}

function chosen<T extends { readonly name: string }>(option: string, list: string, all: readonly T[]): T[] {
  return list.split(',').map((name) => {
    const found = all.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new Error(`--${option}: there is no ${name}; there are: ${all.map((each) => each.name).join(', ')}`);
  });
}

/** A whole number from 1. @throws Error that names the option. */
function count(name: string, value: string): number {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: give a whole number from 1`);
}
