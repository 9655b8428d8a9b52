import { median, type Ratio, round, type Run } from './statistics.ts';

/** Medians over the rounds, one table for each scenario. */
export function printTables(runs: readonly Run[], ratios: readonly Ratio[]): void {
  for (const scenario of new Set(runs.map((run) => run.scenario))) {
    console.log(`\n${scenario}`);
    const own = runs.filter((run) => run.scenario === scenario);
    const subjects = [...new Set(own.map(({ subject }) => subject))];
    const rows = subjects.map((subject) => {
      const turns = own.filter((run) => run.subject === subject);
      const against = ratios.filter((ratio) => ratio.scenario === scenario && ratio.subject === subject);
      return [subject, rowOf(turns, against)];
    });
    console.table(Object.fromEntries(rows));
  }
}

function rowOf(turns: readonly Run[], against: readonly Ratio[]): Record<string, number | string> {
  const middle = (value: (run: Run) => number | null | undefined): number | string => {
    const values = turns.map(value).filter((each) => each !== null && each !== undefined);
    return values.length === 0 ? '' : round(median(values));
  };
  const ratio = (name: string, value: (ratio: Ratio) => number | null): number | string => {
    const found = against.find((each) => each.against === name);
    return found === undefined ? '' : (value(found) ?? '');
  };
  const row = {
    'req/s': middle((run) => run.requestsPerSecond),
    'CPU µs/req': middle((run) => run.cpuMicrosPerRequest),
    'p50 ms': middle((run) => run.latencyMs.p50),
    'p99 ms': middle((run) => run.latencyMs.p99),
    'max ms': middle((run) => run.latencyMs.max),
    'RSS MiB': middle((run) => run.rssMiB),
    errors: turns.reduce((sum, run) => sum + run.errors, 0),
    'CPU/nginx': ratio('nginx', (each) => each.cpuMicrosPerRequest),
    'req/s/direct': ratio('direct', (each) => each.requestsPerSecond),
  };
  const idle = middle((run) => run.idleConnectionKiB);
  return idle === '' ? row : { ...row, 'KiB/conn': idle };
}
