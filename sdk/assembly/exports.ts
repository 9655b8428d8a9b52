import './abort';
import { Body } from './calls/body';
import { SharedQueue } from './calls/shared-queue';
import { begin, configuration, createContext, deleteContext, end, filterOf, pluginOf } from './dispatch/dispatcher';
import { allocate } from './dispatch/memory';
import { onGrpcEnd, onGrpcMessage, onGrpcMetadata, onGrpcTrailers } from './dispatch/pending-grpc';
import { onAnswer } from './dispatch/pending-http-call';
import { BufferType } from './types/abi';
import { Action } from './types/action';

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
  if (plugin) {
    const ticks = plugin.hostTicks;
    if (ticks) ticks.run();
    else plugin.onTick();
  }
  end();
}

export function proxy_on_queue_ready(id: u32, queue: u32): void {
  const plugin = pluginOf(id);
  if (plugin) plugin.onQueueReady(new SharedQueue(queue));
  end();
}

export function proxy_on_foreign_function(id: u32, number: u32, size: u32): void {
  const context = begin(id);
  if (context) context.onForeignFunction(number, new Body(BufferType.CallData));
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
  begin(id);
  onAnswer(call, count == 0);
  end();
}

export function proxy_on_grpc_receive_initial_metadata(id: u32, call: u32, count: u32): void {
  begin(id);
  onGrpcMetadata(call);
  end();
}

export function proxy_on_grpc_receive(id: u32, call: u32, size: u32): void {
  begin(id);
  onGrpcMessage(call);
  end();
}

export function proxy_on_grpc_receive_trailing_metadata(id: u32, call: u32, count: u32): void {
  begin(id);
  onGrpcTrailers(call);
  end();
}

export function proxy_on_grpc_close(id: u32, call: u32, code: u32): void {
  begin(id);
  onGrpcEnd(call, code);
  end();
}

/** False: the end is to wait for `proxy_done`. */
export function proxy_on_done(id: u32): bool {
  const context = begin(id);
  if (context) {
    context.hostEnded = true;
    context.onDone();
  }
  const done = !context || !context.hostDeferred;
  end();
  return done;
}

export function proxy_on_log(id: u32): void {
  const filter = filterOf(id);
  if (filter) {
    filter.hostEnded = true;
    filter.onLog();
  }
  end();
}

export function proxy_on_delete(id: u32): void {
  deleteContext(id);
  end();
}
