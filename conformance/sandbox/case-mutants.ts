// Whether the tests notice when a guard is taken out of the plugin host.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { borrowPackages, copySources } from '../checkout.ts';
import { sh } from '../shell.ts';
import type { CaseOutcome } from '../suite.ts';
import { check, Unmet } from '../until.ts';
import { type Mutant, mutants } from './mutants.ts';

interface TestReport {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** @param directory takes a copy of the sources, which are changed there */
export async function killsMutants(directory: string): Promise<CaseOutcome> {
  copySources(directory);
  borrowPackages(directory);
  await checkUnchanged(directory);
  const survivors: string[] = [];
  const killed: Record<string, number> = {};
  for (const mutant of mutants) {
    const { failed } = await withMutant(directory, mutant, () => runTests(directory, [mutant]));
    if (failed.length === 0) survivors.push(mutant.name);
    else killed[mutant.name] = failed.length;
  }
  check(survivors.length === 0, 'every mutant to be noticed', `survived: ${survivors.join(', ')}`);
  return { detail: `all ${mutants.length} mutants turn tests red; failed tests by mutant:`, measured: killed };
}

/** Without a change all of them are green, and each mutant has tests. */
async function checkUnchanged(directory: string): Promise<void> {
  const { passed, failed } = await runTests(directory, mutants);
  check(failed.length === 0, 'the tests to be green without a mutant', failed);
  for (const { name, named } of mutants) {
    check(
      passed.some((test) => new RegExp(named).test(test)),
      `tests for the mutant "${name}"`,
      `none is named ${named}`,
    );
  }
}

async function withMutant<T>(
  directory: string,
  { name, file, guard, replacement }: Mutant,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(directory, file);
  const text = readFileSync(path, 'utf8');
  const times = text.split(guard).length - 1;
  check(times === 1, `the guard of the mutant "${name}" once in ${file}: ${guard}`, `${times} times; mend mutants.ts`);
  writeFileSync(
    path,
    text.replace(guard, () => replacement),
  );
  try {
    return await work();
  } finally {
    writeFileSync(path, text);
  }
}

/** @throws Unmet when no test has run, as where a mutant breaks the language itself */
async function runTests(directory: string, all: readonly Mutant[]): Promise<TestReport> {
  const report = join(directory, 'report.json');
  const files = new Set(all.map(({ tests }) => tests));
  const named = all.map((mutant) => mutant.named).join('|');
  const args = [join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...files, '-t', named];
  let output = '';
  try {
    output = await sh(process.execPath, [...args, '--reporter=json', `--outputFile=${report}`], { cwd: directory });
  } catch (error) {
    // Tests that fail: the report says which.
    output = String(error);
  }
  return readReport(report, output);
}

function readReport(path: string, output: string): TestReport {
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as {
    testResults: { message: string; assertionResults: { fullName: string; status: string }[] }[];
  };
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string): string[] =>
    all.filter((test) => test.status === status).map(({ fullName }) => fullName);
  const result = { passed: named('passed'), failed: named('failed') };
  if (result.passed.length + result.failed.length === 0) throw new Unmet('tests to run', output.slice(-3_000));
  return result;
}
