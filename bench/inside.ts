import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pinned } from './machine.ts';
import { GUESTS, sdkPlugin } from './plugin/guests.ts';
import type { Scenario } from './scenarios.ts';
import { type Figure, median, round } from './statistics.ts';
import type { Bench } from './stage.ts';

const run = promisify(execFile);
const FOLDER = join(import.meta.dirname, 'micro');
const GATEWAY = ['head-parse.ts', 'head-write.ts', 'route-match.ts'];

/** A program that prints figures. */
interface Program {
  readonly name: string;
  readonly args: readonly string[];
}

/** Seconds that one of the programs takes, for the progress line. */
export const INSIDE_SECONDS = 12;

/** How many programs `measureInside` runs in one round. */
export function insidePrograms({ inside }: Scenario): number {
  if (inside === undefined) return 0;
  if (inside === 'sdk') return 1;
  return inside === 'plugins' ? GUESTS.length : GATEWAY.length;
}

/** Measures functions of the gateway on their own sources, in processes of their own so that none warms the code of another. */
export async function measureInside(bench: Bench, scenario: Scenario): Promise<void> {
  const programs = await programsOf(bench, scenario);
  const figures: Omit<Figure, 'scenario'>[] = [];
  for (let turn = 1; turn <= bench.rounds; turn++) {
    for (const program of programs) {
      bench.progress.step(`${scenario.name}, round ${turn} of ${bench.rounds}: ${program.name}`, INSIDE_SECONDS);
      figures.push(...(await figuresOf(bench, program)));
    }
  }
  const same = Map.groupBy(figures, ({ subject, name }) => `${subject}\0${name}`);
  for (const all of same.values()) {
    const value = round(median(all.map((each) => each.value)));
    bench.figures.push({ ...all[0]!, scenario: scenario.name, value });
  }
}

async function programsOf(bench: Bench, scenario: Scenario): Promise<Program[]> {
  if (scenario.inside === 'plugins') return guestPrograms(bench, scenario);
  if (scenario.inside === 'sdk') return [{ name: 'calls', args: [join(FOLDER, 'sdk-costs.ts'), await sdkPlugin()] }];
  return GATEWAY.map((file) => ({ name: file, args: [join(FOLDER, file)] }));
}

async function guestPrograms(bench: Bench, scenario: Scenario): Promise<Program[]> {
  const programs: Program[] = [];
  for (const guest of GUESTS) {
    const { language } = guest;
    try {
      const modules = await guest.build();
      programs.push({ name: language, args: [join(FOLDER, 'plugin-costs.ts'), language, ...modules] });
    } catch (error) {
      const reason = (error as Error).message;
      bench.skipped.push({ scenario: scenario.name, subject: `plugin in ${language}`, reason });
    }
  }
  return programs;
}

async function figuresOf({ processes }: Bench, { args }: Program): Promise<Omit<Figure, 'scenario'>[]> {
  const command = pinned(processes.pinning?.subject, [process.execPath, '--expose-gc', ...args]);
  const { stdout } = await run(...command);
  const lines = stdout.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Omit<Figure, 'scenario'>);
}
