import { loadAll, type LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Environment } from '../config/substitute.ts';
import { inspectCatalogue } from './check-plugins.ts';

export interface CheckOptions {
  /** Path of `gateway.yaml`. */
  readonly config: string;
  /** One JSON object in place of lines. Default false. */
  readonly json?: boolean;
  /** For `${VARIABLE}` in `gateway.yaml`. */
  readonly env: Environment;
  /** Takes the output, line by line, without line ends. */
  readonly print: (line: string) => void;
}

/**
 * `sluice check`: prints every problem of the gateway's and all tenants' files, warnings, and notes of what could not be
 * looked at. Configurations of plugins are checked against what their modules ask for. Resolves to the exit code: 1 or
 * 0.
 */
export async function check(options: CheckOptions): Promise<number> {
  const loaded = await loadAll(options.config, { env: options.env, inspect: inspectCatalogue });
  const failed = loaded.problems.length > 0;
  const { json = false, print } = options;
  if (failed || json) printProblems(loaded, json, print);
  else {
    printRemarks(loaded, print);
    print(success(options.config, loaded));
  }
  return failed ? 1 : 0;
}

/** Prints the problems of a configuration: a line each and their number, or one JSON object. */
export function printProblems(loaded: LoadedConfig, json: boolean, print: CheckOptions['print']): void {
  const { problems, warnings, notes, tenantFiles } = loaded;
  if (json) {
    const files = tenantFiles.length + 1;
    print(JSON.stringify({ ok: problems.length === 0, problems, warnings, notes, files }, null, 2));
    return;
  }
  printRemarks(loaded, print);
  for (const problem of problems) print(formatProblem(problem));
  print(failure(loaded));
}

function printRemarks({ warnings, notes }: LoadedConfig, print: CheckOptions['print']): void {
  for (const note of notes) print(`note: ${formatProblem(note)}`);
  for (const warning of warnings) print(`warning: ${formatProblem(warning)}`);
}

function success(config: string, { tenants }: LoadedConfig): string {
  const routes = tenants.reduce((sum, tenant) => sum + tenant.routes.length, 0);
  return `${config} is valid: ${count(tenants.length, 'tenant')}, ${count(routes, 'route')}.`;
}

function failure({ problems }: LoadedConfig): string {
  const files = new Set(problems.map((problem) => problem.file)).size;
  return `${count(problems.length, 'problem')} in ${count(files, 'file')}.`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
