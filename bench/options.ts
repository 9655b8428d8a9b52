import { parseArgs } from 'node:util';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { SUBJECTS } from './subjects/all.ts';
import type { Subject } from './subjects/subject.ts';

/** What was asked for. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  /** undefined: those of each scenario. */
  readonly subjects: readonly Subject[] | undefined;
  readonly duration: number;
  readonly rounds: number;
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

/** @throws Error that says what is wrong with the command line */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', default: 'get-1k' },
      subjects: { type: 'string' },
      duration: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  return {
    scenarios: values.scenario === 'all' ? SCENARIOS : chosen('scenario', values.scenario, SCENARIOS),
    subjects: values.subjects === undefined ? undefined : chosen('subjects', values.subjects, SUBJECTS),
    duration: count('duration', values.duration),
    rounds: count('rounds', values.rounds),
    json: values.json,
    profile: values.profile,
  };
}

/** Those of a scenario, in the order of the subjects. */
export function subjectsOf(scenario: Scenario, { subjects }: Options): readonly Subject[] {
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
