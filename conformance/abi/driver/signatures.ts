// Every function that a guest may import, with its parameters: `i` is an i32, `l` an i64.

/** Of module `env`, the ABI's own. */
export const PROXY_CALLS: Readonly<Record<string, string>> = {
  proxy_log: 'iii',
  proxy_get_log_level: 'i',
  proxy_get_current_time_nanoseconds: 'i',
  proxy_set_tick_period_milliseconds: 'i',
  proxy_get_buffer_bytes: 'iiiii',
  proxy_get_buffer_status: 'iii',
  proxy_set_buffer_bytes: 'iiiii',
  proxy_get_header_map_size: 'ii',
  proxy_get_header_map_pairs: 'iii',
  proxy_set_header_map_pairs: 'iii',
  proxy_get_header_map_value: 'iiiii',
  proxy_add_header_map_value: 'iiiii',
  proxy_replace_header_map_value: 'iiiii',
  proxy_remove_header_map_value: 'iii',
  proxy_continue_stream: 'i',
  proxy_close_stream: 'i',
  proxy_continue_request: '',
  proxy_continue_response: '',
  proxy_clear_route_cache: '',
  proxy_send_local_response: 'iiiiiiii',
  proxy_get_status: 'iii',
  proxy_http_call: 'iiiiiiiiii',
  proxy_grpc_call: 'iiiiiiiiiiii',
  proxy_grpc_stream: 'iiiiiiiii',
  proxy_grpc_send: 'iiii',
  proxy_grpc_cancel: 'i',
  proxy_grpc_close: 'i',
  proxy_set_shared_data: 'iiiii',
  proxy_get_shared_data: 'iiiii',
  proxy_register_shared_queue: 'iii',
  proxy_resolve_shared_queue: 'iiiii',
  proxy_enqueue_shared_queue: 'iii',
  proxy_dequeue_shared_queue: 'iii',
  proxy_define_metric: 'iiii',
  proxy_increment_metric: 'il',
  proxy_record_metric: 'il',
  proxy_get_metric: 'ii',
  proxy_get_property: 'iiii',
  proxy_set_property: 'iiii',
  proxy_call_foreign_function: 'iiiiii',
  proxy_set_effective_context: 'i',
  proxy_done: '',
  proxy_get_configuration: 'ii',
  proxy_redis_init: 'iiiiiii',
  proxy_redis_call: 'iiiii',
  proxy_inject_encoded_data_to_filter_chain: 'iii',
  proxy_get_upstream_hosts: 'ii',
  proxy_set_upstream_override_host: 'ii',
};

/** Of module `env`, what compilers link in. */
export const TOOLCHAIN_CALLS: Readonly<Record<string, string>> = {
  abort: 'iiii',
  seed: '',
  pthread_equal: 'ii',
  emscripten_notify_memory_growth: 'i',
};

/** Of module `wasi_snapshot_preview1`. */
export const WASI_CALLS: Readonly<Record<string, string>> = {
  fd_write: 'iiii',
  fd_read: 'iiii',
  fd_seek: 'ilii',
  fd_close: 'i',
  fd_fdstat_get: 'ii',
  fd_fdstat_set_flags: 'ii',
  fd_prestat_get: 'ii',
  fd_prestat_dir_name: 'iii',
  path_open: 'iiiiillii',
  path_filestat_get: 'iiiii',
  environ_sizes_get: 'ii',
  environ_get: 'ii',
  args_sizes_get: 'ii',
  args_get: 'ii',
  clock_time_get: 'ili',
  clock_res_get: 'ii',
  random_get: 'ii',
  poll_oneoff: 'iiii',
  sched_yield: '',
  proc_exit: 'i',
};

/** Imports that no host has. */
export const UNKNOWN_CALLS = { env: 'proxy_no_such_call', wasi: 'no_such_call' } as const;

export const CALLS: Readonly<Record<string, string>> = {
  ...PROXY_CALLS,
  ...TOOLCHAIN_CALLS,
  ...WASI_CALLS,
  [UNKNOWN_CALLS.env]: 'ii',
  [UNKNOWN_CALLS.wasi]: 'ii',
};

export const CALL_NAMES = Object.keys(CALLS);

export function moduleOf(call: string): string {
  return Object.hasOwn(WASI_CALLS, call) || call === UNKNOWN_CALLS.wasi ? 'wasi_snapshot_preview1' : 'env';
}

/** Types of the parameters of a call, `i` or `l`. */
export function paramsOf(call: string): string[] {
  return CALLS[call]!.split('');
}
