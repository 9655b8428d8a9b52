import { forgetLogLevel, log } from '../calls/log';
import { Context } from '../contexts/context';
import { HttpFilter } from '../contexts/http-filter';
import { collectWhenDue, isCounting } from '../heap';
import { Plugin } from '../contexts/plugin';
import { BufferType } from '../types/abi';
import { Status } from '../types/status';
import { enter } from './effective';
import { OUT_ADDRESS, OUT_SIZE, takeUtf8 } from './memory';
import { NumberedTable } from './numbered-table';
import { createPlugin } from './registry';

// @ts-ignore: decorator
@external('env', 'proxy_get_buffer_bytes')
declare function proxy_get_buffer_bytes(type: BufferType, start: u32, size: u32, outAddress: usize, outSize: usize): Status;

/** Exported for the count of what is alive. */
export const contexts = new NumberedTable();

/** Callbacks on the stack. A host does not call a plugin that is calling the host; should one do so, nothing is collected. */
let depth: i32 = 0;

/** A callback begins: what the SDK remembers of the last one no longer holds. The context it is for, null if unknown. */
export function begin(id: u32): Context | null {
  depth++;
  enter(id);
  forgetLogLevel();
  return changetype<Context | null>(contexts.get(id));
}

/** The callback has ended; every callback of exports.ts ends with it. */
export function end(): void {
  if (--depth == 0) collectWhenDue();
}

function add(context: Context, id: u32): void {
  context.hostId = id;
  contexts.set(context);
}

/** The plugin cannot be run. Shorter than `throw`, which names a file of the SDK that no author can mend. */
function fail(problem: string): void {
  log.error(problem);
  unreachable();
}

/** Makes the object behind a new context: a plugin (no parent) or the filter of an exchange. */
export function createContext(id: u32, parent: u32): void {
  begin(id);
  if (parent == 0) {
    if (!isCounting()) fail('compile with the asconfig.json of @sluice/plugin-sdk');
    const plugin = createPlugin();
    if (plugin) add(plugin, id);
    else log.error('no plugin is registered for this root id');
    return;
  }
  const owner = changetype<Context | null>(contexts.get(parent));
  if (!owner || owner.hostPlugin) return;
  const filter = changetype<Plugin>(owner).createFilter();
  if (filter.hostPlugin) fail('createFilter must make a new filter each time');
  filter.hostPlugin = owner;
  add(filter, id);
}

/** Forgets a context, and the calls that hosts forget with it; the collector takes its object. */
export function deleteContext(id: u32): void {
  const context = begin(id);
  if (!context) return;
  contexts.delete(id);
  context.hostId = 0;
  for (let call = context.hostCalls; call; call = context.hostCalls) {
    call.finish();
    call.abandon();
  }
}

/** The plugin a callback is for, or null when there is none by this id. */
export function pluginOf(id: u32): Plugin | null {
  const context = begin(id);
  return context && !context.hostPlugin ? changetype<Plugin>(context) : null;
}

/** The filter a callback is for, or null when there is none by this id. */
export function filterOf(id: u32): HttpFilter | null {
  const context = begin(id);
  return context && context.hostPlugin ? changetype<HttpFilter>(context) : null;
}

/** A configuration as text; `''` when the host announces none. */
export function configuration(type: BufferType, size: u32): string {
  if (size == 0 || proxy_get_buffer_bytes(type, 0, size, OUT_ADDRESS, OUT_SIZE) != Status.Ok) return '';
  return takeUtf8();
}
