// When a guest may make a host call: the callbacks of the ABI, start-up, and the allocator.
import type { AbiVersion } from '../../../gateway/src/wasm/abi.ts';

export const VERSIONS: readonly AbiVersion[] = ['0.1.0', '0.2.0', '0.2.1', '0.2.100'];

/**
 * Which context host calls act on.
 * `restricted`: none yet, or the guest is in the middle of a host call; `root`: the plugin; `stream`: an exchange.
 */
export type Group = 'restricted' | 'root' | 'stream';

interface PhaseShape {
  /** The export that is running. */
  readonly export: string;
  readonly group: Group;
  /** Parameters of the export. */
  readonly params: number;
  readonly result: boolean;
}

const voidOf = (name: string, group: Group, params: number): PhaseShape => ({
  export: name,
  group,
  params,
  result: false,
});
const valueOf = (name: string, group: Group, params: number): PhaseShape => ({
  export: name,
  group,
  params,
  result: true,
});

/** By name; `done` and `delete` are those of an exchange, `rootDone` and `rootDelete` those of the plugin. */
export const PHASES = {
  start: voidOf('_initialize', 'restricted', 0),
  allocate: valueOf('proxy_on_memory_allocate', 'restricted', 1),
  contextCreate: voidOf('proxy_on_context_create', 'root', 2),
  vmStart: valueOf('proxy_on_vm_start', 'root', 2),
  configure: valueOf('proxy_on_configure', 'root', 2),
  tick: voidOf('proxy_on_tick', 'root', 1),
  queueReady: voidOf('proxy_on_queue_ready', 'root', 2),
  callResponse: voidOf('proxy_on_http_call_response', 'root', 5),
  grpcInitial: voidOf('proxy_on_grpc_receive_initial_metadata', 'root', 3),
  grpcMessage: voidOf('proxy_on_grpc_receive', 'root', 3),
  grpcTrailing: voidOf('proxy_on_grpc_receive_trailing_metadata', 'root', 3),
  grpcClose: voidOf('proxy_on_grpc_close', 'root', 3),
  redisResponse: voidOf('proxy_on_redis_call_response', 'root', 4),
  // Exported, and never called: no foreign function of this host calls back.
  foreign: voidOf('proxy_on_foreign_function', 'root', 3),
  rootDone: valueOf('proxy_on_done', 'root', 1),
  rootDelete: voidOf('proxy_on_delete', 'root', 1),
  requestHeaders: valueOf('proxy_on_request_headers', 'stream', 3),
  requestBody: valueOf('proxy_on_request_body', 'stream', 3),
  requestTrailers: valueOf('proxy_on_request_trailers', 'stream', 2),
  responseHeaders: valueOf('proxy_on_response_headers', 'stream', 3),
  responseBody: valueOf('proxy_on_response_body', 'stream', 3),
  responseTrailers: valueOf('proxy_on_response_trailers', 'stream', 2),
  done: valueOf('proxy_on_done', 'stream', 1),
  log: voidOf('proxy_on_log', 'stream', 1),
  delete: voidOf('proxy_on_delete', 'stream', 1),
  // Exported, and never called: there are no TCP streams and no HTTP/2 metadata; nobody validates apart from configuring.
  validate: valueOf('proxy_validate_configuration', 'root', 2),
  newConnection: valueOf('proxy_on_new_connection', 'stream', 1),
  downstreamData: valueOf('proxy_on_downstream_data', 'stream', 3),
  upstreamData: valueOf('proxy_on_upstream_data', 'stream', 3),
  downstreamClose: voidOf('proxy_on_downstream_connection_close', 'stream', 2),
  upstreamClose: voidOf('proxy_on_upstream_connection_close', 'stream', 2),
  requestMetadata: valueOf('proxy_on_request_metadata', 'stream', 2),
  responseMetadata: valueOf('proxy_on_response_metadata', 'stream', 2),
} as const satisfies Readonly<Record<string, PhaseShape>>;

export type Phase = keyof typeof PHASES;

export const PHASE_NAMES = Object.keys(PHASES) as Phase[];

/** As the driver numbers them. */
export function phaseNumber(phase: Phase): number {
  return PHASE_NAMES.indexOf(phase);
}

export function groupOf(phase: Phase): Group {
  return PHASES[phase].group;
}
