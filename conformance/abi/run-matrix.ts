// Makes every cell of the matrix happen, over HTTP through the gateway, and collects what came of them.
import { EXCHANGE_PLACES, PLACES } from './cells/cell.ts';
import type { Exchange } from './client.ts';
import type { Called } from './driver/trace.ts';
import { calledIn, type Cell, endsInstance, type Outcome, type Plan, readCells, type Script } from './plan.ts';
import { EFFECTIVE_STATUSES, LEAD_STATUSES } from './triggers.ts';
import type { DriverWorld } from './world.ts';

/** Callbacks of the plugin that come while it lives. */
const BEFORE_END = PLACES.filter(
  (place) => !EXCHANGE_PLACES.includes(place) && !place.startsWith('root') && place !== 'start' && place !== 'allocate',
);

export interface PlanResult {
  readonly outcomes: readonly Outcome[];
  /** Of the instances of the plugin, from their start to their end. */
  readonly roots: readonly (readonly Called[])[];
}

/** All cells of one version. */
export async function runPlan(world: DriverWorld, plan: Plan): Promise<PlanResult> {
  const outcomes: Outcome[] = [];
  const roots: (readonly Called[])[] = [];
  for (const script of plan.exchanges) outcomes.push(...exchangeOutcomes(script, await world.exchange(plan, script)));
  // One after the other: a queue wakes the instance that asked for it last.
  for (const script of plan.roots) {
    const awaited = BEFORE_END.filter((place) => script.cells.some((cell) => cell.at.place === place));
    await world.startRoot(plan, script);
    await world.trace(plan, script, (trace) => awaited.every((place) => calledIn(trace, place) !== undefined));
  }
  await world.endRoots(plan);
  for (const script of plan.roots) {
    const trace = await world.trace(plan, script, (calls) => calledIn(calls, 'rootDelete') !== undefined);
    roots.push(trace);
    outcomes.push(...tracedOutcomes(script.cells, trace));
  }
  outcomes.push(...tracedOutcomes(plan.start.cells, roots[0] ?? []));
  return { outcomes, roots };
}

function tracedOutcomes(cells: readonly Cell[], trace: readonly Called[]): Outcome[] {
  return PLACES.flatMap((place) => {
    const here = cells.filter((cell) => cell.at.place === place);
    return here.length === 0 ? [] : outcomesIn(here, calledIn(trace, place), 0);
  });
}

function outcomesIn(cells: readonly Cell[], called: Called | undefined, leading: number): Outcome[] {
  if (called === undefined) {
    return cells.map((cell) => ({ cell, status: null, problem: 'the callback was never called' }));
  }
  for (let i = 0; i < leading; i++) called.results.status();
  return readCells(cells, called.results);
}

function exchangeOutcomes({ program, cells }: Script, exchange: Exchange): Outcome[] {
  const [only] = cells;
  if (only !== undefined && endsInstance(only)) return [endedOutcome(only, exchange)];
  const alone = program.name.startsWith('alone.');
  const outcomes = PLACES.flatMap((place) => {
    const here = cells.filter((cell) => cell.at.place === place);
    if (here.length === 0) return [];
    const leading =
      place === 'effective' ? EFFECTIVE_STATUSES : place === 'requestHeaders' && !alone ? LEAD_STATUSES : 0;
    return outcomesIn(here, calledIn(exchange.trace, place), leading);
  });
  return outcomes.map((outcome) => withEffect(outcome, exchange));
}

function withEffect(outcome: Outcome, exchange: Exchange): Outcome {
  const { cell, status, problem } = outcome;
  if (problem !== null || status !== 0 || cell.at.group !== 'stream') return outcome;
  return { cell, status, problem: cell.case.effect?.(exchange, cell.at) ?? null };
}

/** The exchange gets what the failure policy says: 503, or a reset when its answer is on its way. */
function endedOutcome(cell: Cell, { reply }: Exchange): Outcome {
  const failed = reply === null || reply.status === 503;
  return { cell, status: null, problem: failed ? null : `the exchange ended with ${reply.status}` };
}
