import './abort';
import { Action, BufferType } from './types';
import { allocate } from './memory';
import { configuration, createContext, deleteContext, end, filterOf, pluginOf } from './dispatcher';
import { onAnswer } from './pending-calls';

/** Marks the module's ABI; never called. */
export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: usize): usize {
  return allocate(size);
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  createContext(id, parent);
  end();
}

export function proxy_on_vm_start(id: u32, size: u32): bool {
  const plugin = pluginOf(id);
  const ok = plugin ? plugin.onStart(configuration(BufferType.VmConfiguration, size)) : false;
  end();
  return ok;
}

export function proxy_on_configure(id: u32, size: u32): bool {
  const plugin = pluginOf(id);
  const ok = plugin ? plugin.onConfigure(configuration(BufferType.PluginConfiguration, size)) : false;
  end();
  return ok;
}

export function proxy_on_tick(id: u32): void {
  const plugin = pluginOf(id);
  if (plugin) plugin.onTick();
  end();
}

export function proxy_on_request_headers(id: u32, count: u32, endOfStream: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onRequestHeaders(endOfStream != 0) : Action.Continue;
  end();
  return action;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onRequestBody(filter.requestBody, endOfStream != 0) : Action.Continue;
  end();
  return action;
}

export function proxy_on_request_trailers(id: u32, count: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onRequestTrailers(filter.requestTrailers) : Action.Continue;
  end();
  return action;
}

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onResponseHeaders(endOfStream != 0) : Action.Continue;
  end();
  return action;
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onResponseBody(filter.responseBody, endOfStream != 0) : Action.Continue;
  end();
  return action;
}

export function proxy_on_response_trailers(id: u32, count: u32): Action {
  const filter = filterOf(id);
  const action = filter ? filter.onResponseTrailers(filter.responseTrailers) : Action.Continue;
  end();
  return action;
}

/** A call that failed has no headers. */
export function proxy_on_http_call_response(id: u32, call: u32, count: u32, size: u32, trailers: u32): void {
  pluginOf(id);
  onAnswer(call, count == 0);
  end();
}

export function proxy_on_done(id: u32): bool {
  const filter = filterOf(id);
  if (filter) filter.onDone();
  end();
  return true;
}

export function proxy_on_log(id: u32): void {
  const filter = filterOf(id);
  if (filter) filter.onLog();
  end();
}

export function proxy_on_delete(id: u32): void {
  deleteContext(id);
  end();
}
