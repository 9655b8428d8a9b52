// From expectations to programs of the driver, and from their traces back to answers.
import type { AbiVersion } from '../../gateway/src/wasm/abi.ts';
import {
  type At,
  at,
  call,
  callout,
  type Case,
  EXCHANGE_PLACES,
  expected,
  isMade,
  type Place,
  PLACES,
  type Row,
} from './cells/cell.ts';
import { FAMILIES, ROWS } from './cells/rows.ts';
import { ENDS } from './cells/wasi.ts';
import { type Block, load, MEMORY, type Op, type Program, slot } from './driver/program.ts';
import type { Phase } from './driver/phases.ts';
import type { Called, Results } from './driver/trace.ts';
import { type OrderName, orderScripts } from './order-scripts.ts';
import { afterCells, FINISH, LEAD, ON_FIRST_EXCHANGE } from './triggers.ts';

/** One cell of the matrix: a case of a host call in one place. */
export interface Cell {
  readonly row: Row;
  readonly case: Case;
  readonly at: At;
}

/** Programs of one exchange, or of one instance of the plugin. */
export interface Script {
  readonly program: Program;
  /** What its blocks do, in order. */
  readonly cells: readonly Cell[];
}

/** All that the driver of one version has to do. */
export interface Plan {
  readonly abi: AbiVersion;
  /** Runs in the start-up code of every instance; the first program. */
  readonly start: Script;
  /** One for each instance of the plugin; the rest of the programs, with `exchanges` behind it. */
  readonly roots: readonly Script[];
  readonly exchanges: readonly Script[];
  /** Without cells; see order.ts. */
  readonly orders: Readonly<Record<OrderName, Script>>;
}

export function programsOf({ start, roots, exchanges, orders }: Plan): Program[] {
  return [start, ...roots, ...exchanges, ...Object.values(orders)].map(({ program }) => program);
}

const ROOT_PLACES = PLACES.filter(
  (place) => !EXCHANGE_PLACES.includes(place) && place !== 'start' && place !== 'allocate',
);

/** Makes the cases of each row in each place where they are made. @param address of the service */
export function planFor(abi: AbiVersion, address: string): Plan {
  const cellsOf = (rows: readonly Row[], places: readonly Place[]): Cell[] =>
    places.flatMap((place) =>
      rows.flatMap((row) =>
        row.cases.filter((it) => isMade(it, place)).map((it) => ({ row, case: it, at: at(place, abi, address) })),
      ),
    );
  const together = ({ case: { alone }, at: { group } }: Cell): boolean => alone === undefined || group !== 'stream';
  const starts = cellsOf(ROWS, ['start']).filter(together);
  return {
    abi,
    start: { program: { name: 'start', blocks: { start: block(starts) } }, cells: starts },
    roots: Object.entries(FAMILIES).map(([family, rows]) => rootScript(family, cellsOf(rows, ROOT_PLACES))),
    exchanges: ROWS.flatMap((row) => {
      const cells = cellsOf([row], ['allocate', ...EXCHANGE_PLACES]);
      const alone = cells.filter((cell) => !together(cell));
      return [exchangeScript(row.call, cells.filter(together)), ...alone.map(aloneScript)];
    }),
    orders: orderScripts(),
  };
}

const inPlace = (cells: readonly Cell[], place: Place): Cell[] => cells.filter((cell) => cell.at.place === place);

function block(cells: readonly Cell[], rest: readonly Op[] = [], result?: number): Block {
  return { ops: [...cells.flatMap(opsOf), ...rest], ...(result === undefined ? {} : { result }) };
}

function rootScript(family: string, cells: readonly Cell[]): Script {
  const blocks: Partial<Record<Phase, Block>> = {};
  for (const place of ROOT_PLACES as readonly Phase[]) {
    blocks[place] = block(inPlace(cells, place), afterCells(place));
  }
  blocks.contextCreate = { ops: ON_FIRST_EXCHANGE };
  return { program: { name: `root.${family}`, blocks }, cells };
}

/** The request waits for a callout, so that every place is met. */
function exchangeScript(name: string, cells: readonly Cell[]): Script {
  const blocks: Partial<Record<Phase, Block>> = {};
  for (const place of EXCHANGE_PLACES) {
    if (place !== 'effective') blocks[place] = block(inPlace(cells, place));
  }
  blocks.allocate = block(inPlace(cells, 'allocate'));
  blocks.requestHeaders = { ops: [callout(slot(9)), ...LEAD, ...blocks.requestHeaders!.ops], result: 4 };
  blocks.callResponse = { ops: [...effective(inPlace(cells, 'effective')), ...FINISH] };
  return { program: { name: `exchange.${name}`, blocks }, cells };
}

function effective(cells: readonly Cell[]): Op[] {
  return [call('proxy_set_effective_context', load(MEMORY.stream)), ...cells.flatMap(opsOf)];
}

function aloneScript(cell: Cell): Script {
  const { place } = cell.at;
  const { alone, name } = cell.case;
  const blocks: Partial<Record<Phase, Block>> = typeof alone === 'function' ? alone(cell.at) : {};
  if (place === 'effective') {
    if (alone === true) blocks.requestHeaders = { ops: [callout(slot(9))], result: 4 };
    blocks.callResponse = { ops: [...effective([cell]), ...FINISH] };
  } else blocks[place] = block([cell], [], cell.case.result);
  return { program: { name: `alone.${cell.row.call}.${name}.${place}`, blocks }, cells: [cell] };
}

// --- one cell

const evaluate = <T>(value: T | ((at: At) => T), where: At): T =>
  typeof value === 'function' ? (value as (at: At) => T)(where) : value;

const ZEROS = [0, 1, 2, 3, 4, 10, 11, 14];

function opsOf({ row, case: it, at: where }: Cell): Op[] {
  const after = evaluate(it.after ?? [], where);
  return [
    ...ZEROS.map((index): Op => ({ op: 'store', address: slot(index), value: 0 })),
    ...evaluate(it.before ?? [], where),
    call(row.call, ...evaluate(it.args, where)),
    ...(it.shows ?? []).map(({ address, length }): Op => ({ op: 'show', address, length })),
    ...after.flatMap((step): Op[] => [
      call(step.call, ...step.args),
      ...(step.shows ?? []).map(({ address, length }): Op => ({ op: 'show', address, length })),
    ]),
  ];
}

/** What came of a cell. */
export interface Outcome {
  readonly cell: Cell;
  /** What the call answered; null: it was not made, or ended the instance. */
  readonly status: number | null;
  /** null: as expected. */
  readonly problem: string | null;
}

/** Reads the answers of the cells of one place. @param results of the callback, behind what leads its program */
export function readCells(cells: readonly Cell[], results: Results): Outcome[] {
  return cells.map((cell) => {
    try {
      return readCell(cell, results);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { cell, status: null, problem: 'the callback ended before' };
    }
  });
}

function readCell(cell: Cell, results: Results): Outcome {
  const { row, case: it, at: where } = cell;
  const want = expected(row, it, where);
  const before = evaluate(it.before ?? [], where).filter(({ op }) => op === 'call');
  const prepared = before.map(() => results.status());
  const status = results.status();
  let problem = status === want ? null : `answered ${status}, not ${want}`;
  if (want === 0 && problem === null && prepared.some((answer) => answer !== 0)) problem = 'could not be prepared';
  const note = (found: string | null): void => {
    if (want === 0) problem ??= found;
  };
  for (const { what, holds } of it.shows ?? []) note(wrong(what, results.shown(), holds, where));
  for (const step of evaluate(it.after ?? [], where)) {
    const answer = results.status();
    note(answer === step.status ? null : `${step.call} after it answered ${answer}, not ${step.status}`);
    for (const { what, holds } of step.shows ?? []) note(wrong(what, results.shown(), holds, where));
  }
  return { cell, status, problem };
}

function wrong(what: string, bytes: Buffer, holds: (bytes: Buffer, at: At) => boolean, where: At): string | null {
  return holds(bytes, where) ? null : `gave ${JSON.stringify(bytes.toString('latin1').slice(0, 80))}, not ${what}`;
}

/** The first call of a place that ran its block. */
export function calledIn(trace: readonly Called[], place: Place): Called | undefined {
  const phase = place === 'effective' ? 'callResponse' : place;
  return trace.find((called) => called.phase === phase && !called.results.empty);
}

/** It is on an instance of its own. */
export const endsInstance = ({ row, case: it, at: where }: Cell): boolean => expected(row, it, where) === ENDS;
