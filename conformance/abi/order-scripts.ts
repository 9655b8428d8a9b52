// Exchanges in which it counts which callbacks come, and in which order.
import { callout } from './cells/cell.ts';
import { type Block, slot } from './driver/program.ts';
import type { Phase } from './driver/phases.ts';
import type { Script } from './plan.ts';
import { FINISH } from './triggers.ts';

export type OrderName = 'plain' | 'bare' | 'held-head' | 'held-head-callout' | 'held-body' | 'dropped-body';

const NOTHING: Block = { ops: [] };

/** What callbacks answer; the first call of each. */
const BLOCKS: Readonly<Record<OrderName, Partial<Record<Phase, Block>>>> = {
  plain: { requestHeaders: NOTHING },
  bare: { requestHeaders: NOTHING },
  // What 1 means for a head depends on the version.
  'held-head': { requestHeaders: { ops: [], result: 1 }, requestBody: NOTHING },
  'held-head-callout': { requestHeaders: { ops: [callout(slot(9))], result: 1 }, callResponse: { ops: FINISH } },
  'held-body': { requestBody: { ops: [], result: 1 } },
  'dropped-body': { requestBody: { ops: [], result: 3 } },
};

export function orderScripts(): Record<OrderName, Script> {
  const script = (name: OrderName): Script => ({ program: { name: `order.${name}`, blocks: BLOCKS[name] }, cells: [] });
  return Object.fromEntries(Object.keys(BLOCKS).map((name) => [name, script(name as OrderName)])) as never;
}
