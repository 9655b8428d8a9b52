// What makes the callbacks come that no exchange brings: ticks, queues, answers to calls.
import { GRPC_METHOD, GRPC_SERVICE } from './cells/callouts.ts';
import { call, callout, GRPC_UPSTREAM, OUT } from './cells/cell.ts';
import { callRedis, initRedis } from './cells/higress.ts';
import type { Phase } from './driver/phases.ts';
import { load, MEMORY, type Op, slot, text } from './driver/program.ts';

const QUEUE = slot(100);
const NUMBER = slot(101);
const TICK = call('proxy_set_tick_period_milliseconds', 20);

/** Calls of a root script behind the cells of a place. */
export function afterCells(place: Phase): readonly Op[] {
  // A cell has stopped the ticks.
  return place === 'rootDone' || place === 'rootDelete' || place === 'tick' ? [] : [TICK];
}

/**
 * When an exchange begins, the services can be reached, which is not sure before. What is asked for there is the plugin's
 * own affair, so that it outlives the exchange.
 */
export const ON_FIRST_EXCHANGE: readonly Op[] = [
  call('proxy_set_effective_context', load(MEMORY.root)),
  call('proxy_register_shared_queue', text('abi.wake'), QUEUE),
  call('proxy_enqueue_shared_queue', load(QUEUE), text('wake')),
  callout(NUMBER),
  call(
    'proxy_grpc_call',
    text(GRPC_UPSTREAM),
    text(GRPC_SERVICE),
    text(GRPC_METHOD),
    text(''),
    text('grpc message'),
    5000,
    NUMBER,
  ),
  initRedis,
  callRedis,
];

/** Leads the first callback of an exchange; its results come before those of the cells. */
export const LEAD: readonly Op[] = [
  // Brings the allocator in, if nothing else does.
  call('proxy_get_header_map_value', 0, text(':method'), ...OUT),
];
/** The callout that leads an exchange, and `LEAD`. */
export const LEAD_STATUSES = 2;
/** What leads the cells in a callout's answer: to make the exchange the effective context. */
export const EFFECTIVE_STATUSES = 1;

/** Lets the exchange go on. */
export const FINISH: readonly Op[] = [
  call('proxy_set_effective_context', load(MEMORY.stream)),
  call('proxy_continue_stream', 0),
];
