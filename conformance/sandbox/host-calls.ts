// Every host call there is, by what it is given.

/**
 * `i` and `j` with a number: a plain argument of 32 or 64 bits and a value that makes sense. `t`: text as address and length; `p`: a
 * serialised map; `n`: the name of a service; `v`: any bytes. `o`: address of an out slot of 4 bytes, `O` of 8.
 */
type Parameters = string;

export const HOST_CALLS: Readonly<Record<string, Parameters>> = {
  proxy_log: 'i2 t',
  proxy_get_log_level: 'o',
  proxy_get_current_time_nanoseconds: 'O',
  proxy_set_tick_period_milliseconds: 'i0',
  proxy_get_buffer_bytes: 'i0 i0 i100 o o',
  proxy_get_buffer_status: 'i0 o o',
  proxy_set_buffer_bytes: 'i0 i0 i0 v',
  proxy_get_configuration: 'o o',
  proxy_get_header_map_size: 'i0 o',
  proxy_get_header_map_pairs: 'i0 o o',
  proxy_set_header_map_pairs: 'i0 p',
  proxy_get_header_map_value: 'i0 t o o',
  proxy_add_header_map_value: 'i0 t v',
  proxy_replace_header_map_value: 'i0 t v',
  proxy_remove_header_map_value: 'i0 t',
  proxy_continue_stream: 'i0',
  proxy_close_stream: 'i0',
  proxy_continue_request: '',
  proxy_continue_response: '',
  proxy_clear_route_cache: '',
  proxy_send_local_response: 'i418 t v p i-1',
  proxy_get_status: 'o o o',
  proxy_http_call: 'n p v p i1000 o',
  proxy_grpc_call: 'n t t p v i1000 o',
  proxy_grpc_stream: 'n t t p o',
  proxy_grpc_send: 'i1 v i0',
  proxy_grpc_cancel: 'i1',
  proxy_grpc_close: 'i1',
  proxy_set_shared_data: 't v i0',
  proxy_get_shared_data: 't o o o',
  proxy_register_shared_queue: 't o',
  proxy_resolve_shared_queue: 't t o',
  proxy_enqueue_shared_queue: 'i1 v',
  proxy_dequeue_shared_queue: 'i1 o o',
  proxy_define_metric: 'i0 t o',
  proxy_increment_metric: 'i1 j1',
  proxy_record_metric: 'i1 j1',
  proxy_get_metric: 'i1 O',
  proxy_get_property: 't o o',
  proxy_set_property: 't v',
  proxy_call_foreign_function: 't v o o',
  proxy_set_effective_context: 'i1',
  proxy_done: '',
  proxy_redis_init: 'n t t i1000',
  proxy_redis_call: 'n v o',
  proxy_inject_encoded_data_to_filter_chain: 'v i0',
  proxy_inject_encoded_data_to_filter_chain_on_header: 'v i0',
  proxy_get_upstream_hosts: 'o o',
  proxy_set_upstream_override_host: 't',
};

export const WASI_CALLS: Readonly<Record<string, Parameters>> = {
  fd_write: 'i1 v o',
  fd_fdstat_get: 'i1 o',
  environ_sizes_get: 'o o',
  environ_get: 'o o',
  args_sizes_get: 'o o',
  clock_time_get: 'i0 j1 O',
  clock_res_get: 'i0 O',
  random_get: 'v',
  poll_oneoff: 'i0 i0 i1 o',
  fd_prestat_get: 'i3 o',
  fd_read: 'i0 i0 i0 o',
  path_open: 'i3 i0 t i0 j0 j0 i0 o',
};

/** Of the text format. */
export function signatureOf(parameters: Parameters): string {
  const types = words(parameters).flatMap(typesOf);
  return `(param ${types.join(' ')}) (result i32)`;
}

export function words(parameters: Parameters): string[] {
  return parameters === '' ? [] : parameters.split(' ');
}

function typesOf(word: string): string[] {
  if (word.startsWith('j')) return ['i64'];
  return 'tpnv'.includes(word[0]!) ? ['i32', 'i32'] : ['i32'];
}
