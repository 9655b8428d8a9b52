import type { Result } from './result.ts';
import { type Figure, median, round, type Run } from './statistics.ts';

const LONGEST_REASON = 160;

/** Lines of words and numbers under a head. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What is to be said of it, in lines. */
  readonly notes: readonly string[];
}

/** One for each scenario, medians over its rounds, then one of what the gateway is to reach. */
export function tablesOf(result: Result): Table[] {
  const all = [...result.runs, ...result.figures, ...result.skipped].map(({ scenario }) => scenario);
  const tables = [...new Set(all)].flatMap((scenario) => scenarioTables(scenario, result));
  return result.goals.length === 0 ? tables : [...tables, goalTable(result)];
}

function scenarioTables(scenario: string, result: Result): Table[] {
  const runs = result.runs.filter((run) => run.scenario === scenario);
  const figures = result.figures.filter((figure) => figure.scenario === scenario);
  const tables: Table[] = [];
  if (runs.length > 0 || figures.length === 0) tables.push(runTable(scenario, runs, result));
  if (figures.length > 0) tables.push(figureTable(scenario, figures));
  return tables;
}

function runTable(scenario: string, runs: readonly Run[], { ratios, generators, skipped }: Result): Table {
  const idle = runs.some(({ idleConnectionKiB }) => idleConnectionKiB !== undefined);
  const rows = [...Map.groupBy(runs, ({ subject }) => subject)].map(([subject, turns]) => {
    const against = (name: string) =>
      ratios.find((each) => each.scenario === scenario && each.subject === subject && each.against === name);
    const own = [
      middle(turns, (run) => run.cpuMicrosPerRequest),
      text(against('nginx')?.cpuMicrosPerRequest),
      middle(turns, (run) => run.requestsPerSecond),
      text(against('direct')?.requestsPerSecond),
      middle(turns, (run) => run.latencyMs.p50),
      middle(turns, (run) => run.latencyMs.p99),
      middle(turns, (run) => run.latencyMs.max),
      middle(turns, (run) => run.rssMiB),
      String(turns.reduce((sum, { errors }) => sum + errors, 0)),
    ];
    return [subject, ...own, ...(idle ? [middle(turns, (run) => run.idleConnectionKiB)] : [])];
  });
  const head = ['', 'CPU µs/req', '× nginx', 'req/s', '× direct', 'p50 ms', 'p99 ms', 'max ms', 'RSS MiB', 'errors'];
  const missing = skipped.filter((each) => each.scenario === scenario);
  return {
    title: scenario,
    head: idle ? [...head, 'KiB/conn'] : head,
    rows,
    notes: [
      ...(generators[scenario] === undefined ? [] : [`Load: ${generators[scenario]}.`]),
      ...countNotes(runs),
      ...missing.map(({ subject, reason }) => `Without ${subject}: ${inOneLine(reason)}.`),
    ],
  };
}

function countNotes(runs: readonly Run[]): string[] {
  const counted = runs.filter(({ miscounted }) => miscounted !== undefined);
  if (counted.length === 0) return [];
  const off = counted.reduce((sum, { miscounted = 0 }) => sum + miscounted, 0);
  return [off === 0 ? '`/metrics` counts what the load counts.' : `\`/metrics\` is off by ${off} requests.`];
}

/** A column for each language where there are several. */
function figureTable(scenario: string, figures: readonly Figure[]): Table {
  const subjects = [...new Set(figures.map(({ subject }) => subject))];
  const rows = [...Map.groupBy(figures, ({ name, unit }) => `${name}${unit === '' ? '' : `, ${unit}`}`)];
  return {
    title: `${scenario}: inside of a process`,
    head: ['', ...subjects.map((subject) => subject || 'ns')],
    rows: rows.map(([name, all]) => [
      name,
      ...subjects.map((subject) => text(all.find((each) => each.subject === subject)?.value)),
    ]),
    notes: [],
  };
}

function goalTable({ goals }: Result): Table {
  const rows = goals.map(({ scenario, what, most, unit, found, met }) => [
    scenario,
    what,
    `${found}${unit}`,
    `${most}${unit}`,
    met ? 'yes' : 'no',
  ]);
  return { title: 'goals', head: ['', '', 'measured', 'at most', 'met'], rows, notes: [] };
}

/** For a terminal. */
export function asText({ title, head, rows, notes }: Table): string {
  const widths = head.map((_name, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const numeric = head.map((_name, column) => rows.every((row) => /^[\d.-]*$/.test(row[column]!)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (numeric[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd();
  return [`\n${title}`, line(head), ...rows.map(line), ...notes].join('\n');
}

/** For the documentation. */
export function asMarkdown({ title, head, rows, notes }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const body = rows.length === 0 ? [] : [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line), ''];
  return [`### ${title}`, '', ...body, ...notes.map((note) => `- ${note}`)].join('\n').trimEnd();
}

function middle(turns: readonly Run[], value: (run: Run) => number | null | undefined): string {
  const values = turns.map(value).filter((each) => each !== null && each !== undefined);
  return values.length === 0 ? '' : text(round(median(values)));
}

function text(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}

/** The beginning of what may be a log. */
function inOneLine(reason: string): string {
  const words = reason.trim().replace(/\s+/g, ' ');
  return words.length > LONGEST_REASON ? `${words.slice(0, LONGEST_REASON)} …` : words;
}
