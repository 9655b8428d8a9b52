import type { CrashCause } from './host.ts';
import type { GuestMemory } from './memory.ts';
import type { PreparedModule } from './module.ts';

/** An export as JavaScript sees it; superfluous arguments are dropped by the engine. */
export type GuestFunction = (a?: number, b?: number, c?: number, d?: number, e?: number) => unknown;

/** Thrown through guest frames on purpose: the VM ends here. */
export class GuestAbort extends Error {
  readonly reason: CrashCause;

  constructor(reason: CrashCause, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The exports of one instance that the host calls; null = the module does not have it. */
export class GuestExports {
  /** `value` is what is left; below 0 the guest has used up its budget. */
  readonly fuel: WebAssembly.Global;
  readonly allocate: GuestFunction | null;
  readonly contextCreate: GuestFunction | null;
  readonly vmStart: GuestFunction | null;
  readonly configure: GuestFunction | null;
  readonly tick: GuestFunction | null;
  readonly requestHeaders: GuestFunction | null;
  readonly requestBody: GuestFunction | null;
  readonly requestTrailers: GuestFunction | null;
  readonly responseHeaders: GuestFunction | null;
  readonly responseBody: GuestFunction | null;
  readonly responseTrailers: GuestFunction | null;
  readonly httpCallResponse: GuestFunction | null;
  readonly grpcInitialMetadata: GuestFunction | null;
  readonly grpcReceive: GuestFunction | null;
  readonly grpcTrailingMetadata: GuestFunction | null;
  readonly grpcClose: GuestFunction | null;
  readonly queueReady: GuestFunction | null;
  readonly redisCallResponse: GuestFunction | null;
  readonly done: GuestFunction | null;
  readonly log: GuestFunction | null;
  readonly delete: GuestFunction | null;
  readonly #exports: Readonly<Record<string, unknown>>;

  /** Attaches `memory` to the instance's. */
  constructor(instance: WebAssembly.Instance, module: PreparedModule, memory: GuestMemory) {
    this.#exports = instance.exports;
    memory.attach(instance.exports['memory'] as WebAssembly.Memory);
    this.fuel = instance.exports[module.added.fuel] as WebAssembly.Global;
    this.allocate = this.find('proxy_on_memory_allocate') ?? this.find('malloc');
    this.contextCreate = this.find('proxy_on_context_create');
    this.vmStart = this.find('proxy_on_vm_start');
    this.configure = this.find('proxy_on_configure');
    this.tick = this.find('proxy_on_tick');
    this.requestHeaders = this.find('proxy_on_request_headers');
    this.requestBody = this.find('proxy_on_request_body');
    this.requestTrailers = this.find('proxy_on_request_trailers');
    this.responseHeaders = this.find('proxy_on_response_headers');
    this.responseBody = this.find('proxy_on_response_body');
    this.responseTrailers = this.find('proxy_on_response_trailers');
    this.httpCallResponse = this.find('proxy_on_http_call_response');
    this.grpcInitialMetadata = this.find('proxy_on_grpc_receive_initial_metadata');
    this.grpcReceive = this.find('proxy_on_grpc_receive');
    this.grpcTrailingMetadata =
      this.find('proxy_on_grpc_receive_trailing_metadata') ?? this.find('proxy_on_grpc_trailing_metadata');
    this.grpcClose = this.find('proxy_on_grpc_close');
    this.queueReady = this.find('proxy_on_queue_ready');
    this.redisCallResponse = this.find('proxy_on_redis_call_response');
    this.done = this.find('proxy_on_done');
    this.log = this.find('proxy_on_log');
    this.delete = this.find('proxy_on_delete');
  }

  find(name: string): GuestFunction | null {
    const value = this.#exports[name];
    return typeof value === 'function' ? (value as GuestFunction) : null;
  }
}
