// The matrix as a table: what each host call answers in each place, by case.
import { type Case, type Place, PLACES, type Row } from './cells/cell.ts';
import { ROWS } from './cells/rows.ts';
import { ENDS } from './cells/wasi.ts';
import { VERSIONS } from './driver/phases.ts';
import type { Cell } from './plan.ts';

/** What came of a cell, or what should. */
export interface Answered {
  readonly cell: Cell;
  /** null: the call did not come back. */
  readonly status: number | null;
}

/** Columns: places whose answers are the same throughout share one. */
const NAMES: Readonly<Record<Place, string>> = {
  start: 'start-up',
  allocate: 'allocator',
  contextCreate: 'create',
  vmStart: 'vm_start',
  configure: 'configure',
  tick: 'tick',
  queueReady: 'queue_ready',
  callResponse: 'http_call_response',
  grpcInitial: 'grpc initial',
  grpcMessage: 'grpc message',
  grpcTrailing: 'grpc trailing',
  grpcClose: 'grpc close',
  redisResponse: 'redis response',
  foreign: 'foreign',
  rootDone: "plugin's done",
  rootDelete: "plugin's delete",
  effective: 'effective context',
  requestHeaders: 'request headers',
  requestBody: 'request body',
  requestTrailers: 'request trailers',
  responseHeaders: 'response headers',
  responseBody: 'response body',
  responseTrailers: 'response trailers',
  done: 'done',
  log: 'log',
  delete: 'delete',
  validate: '',
  newConnection: '',
  downstreamData: '',
  upstreamData: '',
  downstreamClose: '',
  upstreamClose: '',
  requestMetadata: '',
  responseMetadata: '',
};

interface Line {
  readonly row: Row;
  readonly case: Case;
  /** By place, and by version within: 0.1.0 first. */
  readonly answers: Map<Place, (number | null)[]>;
}

function linesOf(answered: readonly Answered[]): Line[] {
  const lines = new Map<Case, Line>(
    ROWS.flatMap((row) => row.cases.map((it) => [it, { row, case: it, answers: new Map() }] as const)),
  );
  for (const { cell, status } of answered) {
    const { answers } = lines.get(cell.case)!;
    const { place, abi } = cell.at;
    const statuses = answers.get(place) ?? [];
    statuses[VERSIONS.indexOf(abi)] = status;
    answers.set(place, statuses);
  }
  return [...lines.values()];
}

/** `0`, or where versions differ `0 1 1 1`: 0.1.0, 0.2.0, 0.2.1, 0.2.100; a dash where there is no such case. */
function cellText(statuses: readonly (number | null)[] | undefined): string {
  if (statuses === undefined) return '–';
  const shown = statuses.map((status) => (status === null || status === ENDS ? 'ends' : String(status)));
  return new Set(shown).size === 1 ? shown[0]! : shown.join(' ');
}

/** Places whose columns are equal, in one. */
function columnsOf(lines: readonly Line[]): Place[][] {
  const byContent = new Map<string, Place[]>();
  for (const place of PLACES) {
    const content = lines.map(({ answers }) => cellText(answers.get(place))).join('|');
    byContent.set(content, [...(byContent.get(content) ?? []), place]);
  }
  return [...byContent.values()];
}

/** The table in Markdown. */
export function matrixText(answered: readonly Answered[]): string {
  const lines = linesOf(answered);
  const columns = columnsOf(lines);
  const head = ['host call', 'case', ...columns.map((places) => places.map((place) => NAMES[place]).join(', '))];
  const rows = lines.map((line, index) => [
    lines[index - 1]?.row === line.row ? '' : `\`${line.row.call}\``,
    line.case.name,
    ...columns.map(([place]) => cellText(line.answers.get(place!))),
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const BEGIN = '<!-- matrix: made by `npm run conformance -- abi` -->';
const END = '<!-- end of matrix -->';

/** A page with this table between its marks. @throws Error when it has no marks */
export function withMatrix(page: string, table: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`the page has no line ${BEGIN} with a line ${END} below it`);
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
}
