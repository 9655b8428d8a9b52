import { BufferType, Status } from './types';
import { Context } from './context';
import { ContextTable } from './context-table';
import { HttpFilter } from './http-filter';
import { Plugin } from './plugin';
import { OUT_ADDRESS, OUT_SIZE, takeUtf8 } from './memory';
import { createPlugin } from './registry';
import { checkOptions, collectWhenDue } from './heap';
import { enter } from './effective';
import { forgetLogLevel, log } from './log';

// @ts-ignore: decorator
@external('env', 'proxy_get_buffer_bytes')
declare function proxy_get_buffer_bytes(type: BufferType, start: u32, size: u32, outAddress: usize, outSize: usize): Status;

const contexts = new ContextTable();

/** Callbacks on the stack. A host does not call a plugin that is calling the host; should one do so, nothing is collected. */
let depth: i32 = 0;

/** A callback for the context begins: what the SDK remembers of the last one no longer holds. */
function begin(id: u32): Context | null {
  depth++;
  enter(id);
  forgetLogLevel();
  return contexts.get(id);
}

/** The callback has ended; every callback of exports.ts ends with it. */
export function end(): void {
  if (--depth == 0) collectWhenDue();
}

function add(context: Context, id: u32): void {
  context.contextId = id;
  contexts.set(context);
}

/** Makes the object behind a new context: a plugin (no parent) or the filter of an exchange. */
export function createContext(id: u32, parent: u32): void {
  begin(id);
  if (parent == 0) {
    checkOptions();
    const plugin = createPlugin();
    if (plugin) add(plugin, id);
    else log.error('no plugin is registered for this root id');
    return;
  }
  const owner = contexts.get(parent);
  if (owner instanceof Plugin) add((owner as Plugin).createFilter(), id);
}

/** Forgets a context; the collector takes its object. */
export function deleteContext(id: u32): void {
  begin(id);
  contexts.delete(id);
}

/** The plugin a callback is for, or null when there is none by this id. */
export function pluginOf(id: u32): Plugin | null {
  const context = begin(id);
  return context instanceof Plugin ? (context as Plugin) : null;
}

/** The filter a callback is for, or null when there is none by this id. */
export function filterOf(id: u32): HttpFilter | null {
  const context = begin(id);
  return context instanceof HttpFilter ? (context as HttpFilter) : null;
}

/** A configuration as text; `''` when the host announces none. */
export function configuration(type: BufferType, size: u32): string {
  if (size == 0 || proxy_get_buffer_bytes(type, 0, size, OUT_ADDRESS, OUT_SIZE) != Status.Ok) return '';
  return takeUtf8();
}
