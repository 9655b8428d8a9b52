/** A callback of Proxy-Wasm, defined in `assembly/exports.ts`, and what of the SDK it reaches. */
export interface Callback {
  /** Name of the export. */
  readonly export: string;
  /**
   * `Class.method` of the SDK that it calls. The module exports it when a class of the plugin overrides one of them,
   * directly or through classes in between.
   */
  readonly methods: readonly string[];
  /** The phase that a manifest lists for it; undefined: none. */
  readonly phase?: Phase;
}

export type Phase =
  | 'requestHeaders'
  | 'requestBody'
  | 'requestTrailers'
  | 'responseHeaders'
  | 'responseBody'
  | 'responseTrailers'
  | 'log'
  | 'tick';

/** Exports of every module. */
export const ALWAYS_EXPORTED: readonly string[] = [
  'proxy_abi_version_0_2_1',
  'proxy_on_memory_allocate',
  'proxy_on_context_create',
  'proxy_on_configure',
  'proxy_on_delete',
];

/** Exports of modules that need them. */
export const CALLBACKS: readonly Callback[] = [
  { export: 'proxy_on_vm_start', methods: ['Plugin.onStart'] },
  { export: 'proxy_on_tick', methods: ['Plugin.onTick', 'TimerHandler.onTimer'], phase: 'tick' },
  { export: 'proxy_on_queue_ready', methods: ['Plugin.onQueueReady'] },
  { export: 'proxy_on_foreign_function', methods: ['Plugin.onForeignFunction', 'HttpFilter.onForeignFunction'] },
  { export: 'proxy_on_request_headers', methods: ['HttpFilter.onRequestHeaders'], phase: 'requestHeaders' },
  { export: 'proxy_on_request_body', methods: ['HttpFilter.onRequestBody'], phase: 'requestBody' },
  { export: 'proxy_on_request_trailers', methods: ['HttpFilter.onRequestTrailers'], phase: 'requestTrailers' },
  { export: 'proxy_on_response_headers', methods: ['HttpFilter.onResponseHeaders'], phase: 'responseHeaders' },
  { export: 'proxy_on_response_body', methods: ['HttpFilter.onResponseBody'], phase: 'responseBody' },
  { export: 'proxy_on_response_trailers', methods: ['HttpFilter.onResponseTrailers'], phase: 'responseTrailers' },
  { export: 'proxy_on_done', methods: ['Plugin.onDone', 'HttpFilter.onDone'] },
  { export: 'proxy_on_log', methods: ['HttpFilter.onLog'], phase: 'log' },
  { export: 'proxy_on_http_call_response', methods: ['HttpCallHandler.onResponse', 'HttpCallHandler.onFailure'] },
  {
    export: 'proxy_on_grpc_receive_initial_metadata',
    methods: ['GrpcCallHandler.onMetadata', 'GrpcStreamHandler.onMetadata'],
  },
  { export: 'proxy_on_grpc_receive', methods: ['GrpcCallHandler.onReply', 'GrpcStreamHandler.onMessage'] },
  {
    export: 'proxy_on_grpc_receive_trailing_metadata',
    methods: ['GrpcCallHandler.onTrailers', 'GrpcStreamHandler.onTrailers'],
  },
  { export: 'proxy_on_grpc_close', methods: ['GrpcCallHandler.onFailure', 'GrpcStreamHandler.onClose'] },
];
