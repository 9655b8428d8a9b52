import wabtInit from 'wabt';

const wabt = await wabtInit();

/** Assembles a module in text format. */
export function assemble(text: string): Uint8Array {
  const features = {
    bulk_memory: true,
    mutable_globals: true,
    sign_extension: true,
    reference_types: true,
    multi_value: true,
    sat_float_to_int: true,
    simd: true,
  };
  const module = wabt.parseWat('test.wat', text, features);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Host calls that test modules import, with their signatures. */
export const HOST_CALL_TYPES: Readonly<Record<string, string>> = {
  proxy_log: '(param i32 i32 i32) (result i32)',
  proxy_get_log_level: '(param i32) (result i32)',
  proxy_get_header_map_value: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_get_header_map_pairs: '(param i32 i32 i32) (result i32)',
  proxy_get_header_map_size: '(param i32 i32) (result i32)',
  proxy_set_header_map_pairs: '(param i32 i32 i32) (result i32)',
  proxy_add_header_map_value: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_replace_header_map_value: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_remove_header_map_value: '(param i32 i32 i32) (result i32)',
  proxy_send_local_response: '(param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_continue_stream: '(param i32) (result i32)',
  proxy_close_stream: '(param i32) (result i32)',
  proxy_get_property: '(param i32 i32 i32 i32) (result i32)',
  proxy_set_property: '(param i32 i32 i32 i32) (result i32)',
  proxy_get_buffer_bytes: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_set_buffer_bytes: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_get_buffer_status: '(param i32 i32 i32) (result i32)',
  proxy_set_tick_period_milliseconds: '(param i32) (result i32)',
  proxy_get_current_time_nanoseconds: '(param i32) (result i32)',
  proxy_set_effective_context: '(param i32) (result i32)',
  proxy_done: '(result i32)',
  proxy_get_status: '(param i32 i32 i32) (result i32)',
  proxy_continue_request: '(result i32)',
  proxy_continue_response: '(result i32)',
  proxy_clear_route_cache: '(result i32)',
  proxy_get_configuration: '(param i32 i32) (result i32)',
  proxy_call_foreign_function: '(param i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_inject_encoded_data_to_filter_chain: '(param i32 i32 i32) (result i32)',
  proxy_get_upstream_hosts: '(param i32 i32) (result i32)',
  proxy_set_upstream_override_host: '(param i32 i32) (result i32)',
  proxy_define_metric: '(param i32 i32 i32 i32) (result i32)',
  proxy_increment_metric: '(param i32 i64) (result i32)',
  proxy_record_metric: '(param i32 i64) (result i32)',
  proxy_get_metric: '(param i32 i32) (result i32)',
  proxy_set_shared_data: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_get_shared_data: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_register_shared_queue: '(param i32 i32 i32) (result i32)',
  proxy_resolve_shared_queue: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_enqueue_shared_queue: '(param i32 i32 i32) (result i32)',
  proxy_dequeue_shared_queue: '(param i32 i32 i32) (result i32)',
  proxy_redis_init: '(param i32 i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_redis_call: '(param i32 i32 i32 i32 i32) (result i32)',
  proxy_http_call: '(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_grpc_call: '(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_grpc_stream: '(param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)',
  proxy_grpc_send: '(param i32 i32 i32 i32) (result i32)',
  proxy_grpc_cancel: '(param i32) (result i32)',
  proxy_grpc_close: '(param i32) (result i32)',
};

export interface PluginText {
  /** Body of a callback by export name; parameters are locals 0, 1, 2. Void callbacks leave nothing on the stack. */
  readonly callbacks?: Readonly<Record<string, string>>;
  /** Further module fields, such as data, globals and functions. */
  readonly fields?: string;
  /** Further imports. */
  readonly imports?: string;
  /** Body of the allocator `(size) → address`; default: a bump allocator from 32 KiB that grows memory. */
  readonly allocator?: string;
  /** Marker; default that of 0.2.1, '' for none. */
  readonly marker?: string;
  /** Limits of the memory; default `1`. */
  readonly memory?: string;
}

const WITH_RESULT = new Set([
  'proxy_on_vm_start',
  'proxy_on_configure',
  'proxy_on_request_headers',
  'proxy_on_response_headers',
  'proxy_on_request_body',
  'proxy_on_request_trailers',
  'proxy_on_response_body',
  'proxy_on_response_trailers',
  'proxy_on_done',
]);

/** Parameters of the callbacks that take another number than three. */
const PARAMETERS: Readonly<Record<string, number>> = {
  _initialize: 0,
  _start: 0,
  proxy_on_context_create: 2,
  proxy_on_vm_start: 2,
  proxy_on_configure: 2,
  proxy_on_tick: 1,
  proxy_on_request_trailers: 2,
  proxy_on_response_trailers: 2,
  proxy_on_http_call_response: 5,
  proxy_on_redis_call_response: 4,
  proxy_on_queue_ready: 2,
  proxy_on_done: 1,
  proxy_on_log: 1,
  proxy_on_delete: 1,
};

const BUMP = `(local $at i32) (local.set $at (global.get $heap))
  (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get 0) (i32.const 7)) (i32.const -8))))
  (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
    (then (drop (memory.grow (i32.const 1)))))
  (local.get $at)`;

function callbackText([name, body]: readonly [string, string]): string {
  const parameters = 'i32 '.repeat(PARAMETERS[name] ?? 3);
  return `(func (export "${name}") (param ${parameters}) ${WITH_RESULT.has(name) ? '(result i32)' : ''} ${body})`;
}

/** Text of a plugin. `$name` calls a host call without its `proxy_` prefix. */
export function pluginText({
  callbacks = {},
  fields = '',
  imports: further = '',
  allocator = BUMP,
  marker,
  memory = '1',
}: PluginText): string {
  const name = marker ?? 'proxy_abi_version_0_2_1';
  const all = Object.values(callbacks).join(' ') + fields + allocator;
  const imports = Object.entries(HOST_CALL_TYPES)
    .filter(([import_]) => all.includes(`$${import_.slice(6)} `) || all.includes(`$${import_.slice(6)})`))
    .map(([import_, type]) => `(import "env" "${import_}" (func $${import_.slice(6)} ${type}))`);
  return `(module ${imports.join('\n')} ${further}
    (memory (export "memory") ${memory})
    (global $heap (mut i32) (i32.const 32768))
    ${name === '' ? '' : `(func (export "${name}"))`}
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) ${allocator})
    ${Object.entries(callbacks).map(callbackText).join('\n')}
    ${fields})`;
}

export function pluginModule(text: PluginText): Uint8Array {
  return assemble(pluginText(text));
}
