// What all conformance suites share: cases, their results, the summary.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Unmet, within } from './until.ts';

export type Measured = Readonly<Record<string, number>>;

/** What a case that passed has to say. */
export interface CaseOutcome {
  readonly detail: string;
  /** Units are part of the names. */
  readonly measured?: Measured;
}

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly skipped?: true;
  /** Skipped because of a tool that need not be there; not counted. */
  readonly excused?: true;
  /** Why it was skipped. */
  readonly reason?: string;
  /** What held, or what was expected, what was seen, and where the logs are. */
  readonly detail: string;
  readonly measured?: Measured;
}

/** The summary that a suite leaves in `results/`. */
export interface SuiteResult {
  readonly suite: string;
  /** What it ran against, and that one's own version. */
  readonly server: string;
  readonly version: string;
  readonly cases: readonly CaseResult[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Suite {
  readonly name: string;
  /** Runs only when it is named. */
  readonly onDemand?: boolean;
  /** Runs its cases one after the other; may reject only when there is no point in going on. */
  run(run: SuiteRun): Promise<void>;
}

/** A case must fail by its own deadlines, which say more; this one only keeps a suite from hanging. */
const CASE_LIMIT_MS = 240_000;

/** Collects the results of one suite. */
export class SuiteRun {
  readonly suite: string;
  server = '';
  version = '';
  readonly #print: (line: string) => void;
  readonly #cases: CaseResult[] = [];

  constructor(suite: string, print: (line: string) => void) {
    this.suite = suite;
    this.#print = print;
  }

  get failed(): number {
    return this.#cases.filter(({ passed, skipped }) => !passed && skipped !== true).length;
  }

  /**
   * Runs one case; never rejects.
   * @param logs where to look when it fails
   */
  async case(name: string, work: () => Promise<CaseOutcome>, logs = ''): Promise<void> {
    const start = performance.now();
    try {
      const outcome = await within(CASE_LIMIT_MS, 'the case to end', work());
      this.#add({ name, passed: true, ...outcome }, start);
    } catch (error) {
      const place = logs === '' ? '' : `; logs: ${logs}`;
      const text = error instanceof Unmet ? String(error) : inspect(error);
      this.#add({ name, passed: false, detail: `${text}${place}` }, start);
    }
  }

  /** @param excused it needs a tool that need not be there, and is no failure anywhere */
  skip(name: string, reason: string, excused = false): void {
    const result = { name, passed: false, skipped: true, reason, detail: '' } as const;
    this.#add(excused ? { ...result, excused } : result, performance.now());
  }

  result(): SuiteResult {
    const count = (test: (result: CaseResult) => boolean): number => this.#cases.filter(test).length;
    return {
      suite: this.suite,
      server: this.server,
      version: this.version,
      cases: this.#cases,
      passed: count(({ passed }) => passed),
      failed: this.failed,
      skipped: count(({ skipped, excused }) => skipped === true && excused !== true),
    };
  }

  #add(result: CaseResult, start: number): void {
    this.#cases.push(result);
    const verdict = result.skipped === true ? 'skip' : result.passed ? 'ok' : 'FAIL';
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const measured = result.measured === undefined ? '' : ` ${JSON.stringify(result.measured)}`;
    this.#print(`${verdict.padEnd(4)} ${seconds.padStart(5)} s  ${result.name}`);
    this.#print(`              ${result.reason ?? result.detail}${measured}`);
  }
}

/** Runs a suite, writes `<directory>/<suite>.json` and prints the same as the last lines. Never rejects for a case. */
export async function runSuite(suite: Suite, directory: string, print: (line: string) => void): Promise<SuiteResult> {
  const run = new SuiteRun(suite.name, print);
  try {
    await suite.run(run);
  } catch (error) {
    await run.case('the suite itself', () => Promise.reject(error));
  }
  const result = run.result();
  mkdirSync(directory, { recursive: true });
  const text = JSON.stringify(result, null, 2);
  writeFileSync(join(directory, `${suite.name}.json`), `${text}\n`);
  print(text);
  return result;
}

/** 1 when a case failed or, where all tools must be there, was skipped; else 0. */
export function exitCode(results: readonly SuiteResult[], skipsFail: boolean): number {
  return results.some(({ failed, skipped }) => failed > 0 || (skipsFail && skipped > 0)) ? 1 : 0;
}
