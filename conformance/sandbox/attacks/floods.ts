// As much as can be had of everything that is kept, sent or written down.
import { type Attack, contained, crash, REQUEST_HEADERS } from '../attack.ts';
import {
  CONTINUE,
  COUNTER,
  data,
  endless,
  guest,
  HTTP_CALL,
  must,
  onRequest,
  SAME_PLACE,
  SLOTS,
  SPACE,
  times,
} from '../guest.ts';

const NEXT = `(i32.store (i32.const ${SPACE}) (global.get $n)) (global.set $n (i32.add (global.get $n) (i32.const 1)))`;
const FIELDS = `(global $n (mut i32) (i32.const 0)) ${COUNTER}`;
const KEY = `(i32.const ${SPACE}) (i32.const 4)`;
const VALUE = '(i32.const 8192) (i32.const 4000)';

/** One of each that no two share a name. */
function flood(name: string, call: string): Attack {
  return {
    name: `flood-of-${name}`,
    module: onRequest(`${endless(`${NEXT} (drop ${call})`)} ${CONTINUE}`, FIELDS, { allocator: SAME_PLACE }),
    expect: crash('fuel', REQUEST_HEADERS),
  };
}

const REGISTER = `(call $register_shared_queue ${KEY} (i32.const ${SLOTS}))`;
const ENQUEUE = `(call $enqueue_shared_queue (i32.load (i32.const ${SLOTS})) ${VALUE})`;
const DEQUEUE = `(call $dequeue_shared_queue (i32.load (i32.const ${SLOTS})) (i32.const ${SLOTS + 8}) (i32.const ${SLOTS + 12}))`;
const GRPC_NAMES =
  '(i32.const 16) (i32.const 4) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0)';

export const floods: readonly Attack[] = [
  flood('log-lines', '(call $log (i32.const 2) (i32.const 0) (i32.const 5))'),
  flood('long-log-lines', '(call $log (i32.const 5) (i32.const 0) (i32.const 65536))'),
  flood('shared-data', `(call $set_shared_data ${KEY} ${VALUE} (i32.const 0))`),
  flood('shared-data-of-64-kib', `(call $set_shared_data ${KEY} (i32.const 0) (i32.const 65536) (i32.const 0))`),
  flood(
    'shared-data-read',
    `(call $get_shared_data ${KEY} (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}) (i32.const ${SLOTS + 8}))`,
  ),
  flood('properties', `(call $set_property ${KEY} ${VALUE})`),
  flood('properties-read', `(call $get_property ${KEY} (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))`),
  flood('metrics', `(call $define_metric (i32.const 0) ${KEY} (i32.const ${SLOTS}))`),
  flood(
    'histograms',
    `(i32.add (call $define_metric (i32.const 2) ${KEY} (i32.const ${SLOTS})) (call $record_metric (i32.load (i32.const ${SLOTS})) (i64.const -1)))`,
  ),
  flood('queues', REGISTER),
  flood('queue-items', `(i32.add ${REGISTER} (i32.add ${ENQUEUE} ${ENQUEUE}))`),
  flood('items-taken', `(i32.add ${REGISTER} ${DEQUEUE})`),
  flood('queue-look-ups', `(call $resolve_shared_queue ${KEY} ${KEY} (i32.const ${SLOTS}))`),
  flood('callouts', HTTP_CALL),
  flood(
    'grpc-calls',
    `(call $grpc_call ${GRPC_NAMES} (i32.const 0) (i32.const 5) (i32.const 1000) (i32.const ${SLOTS}))`,
  ),
  flood('grpc-streams', `(call $grpc_stream ${GRPC_NAMES} (i32.const ${SLOTS}))`),
  flood('foreign-calls', `(call $call_foreign_function ${KEY} ${VALUE} (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))`),
  flood('redis-clients', `(call $redis_init (i32.const 16) (i32.const 4) ${KEY} ${KEY} (i32.const 1000))`),
  flood('redis-calls', `(call $redis_call (i32.const 16) (i32.const 4) ${VALUE} (i32.const ${SLOTS}))`),
  flood('injected-bodies', `(call $inject_encoded_data_to_filter_chain ${VALUE} (i32.const 0))`),
  flood('random-bytes', '(call $wasi_random_get (i32.const 8192) (i32.const 32768))'),
  flood('clock-looks', `(call $wasi_clock_time_get (i32.const 0) (i64.const 0) (i32.const ${SLOTS}))`),
  flood('ticks-set', '(call $set_tick_period_milliseconds (global.get $n))'),
  flood('output', `(call $wasi_fd_write (i32.const 1) (i32.const ${SPACE + 64}) (i32.const 1) (i32.const ${SLOTS}))`),
  {
    name: 'flood-of-output-in-1024-pieces',
    module: onRequest(
      `${times(
        1024,
        `(i32.store (i32.add (i32.const 16384) (i32.mul (global.get $i) (i32.const 8))) (i32.const 0))
        (i32.store (i32.add (i32.const 16388) (i32.mul (global.get $i) (i32.const 8))) (i32.const 65536))`,
      )}
      ${endless(`(drop (call $wasi_fd_write (i32.const 2) (i32.const 16384) (i32.const 1024) (i32.const ${SLOTS})))`)} ${CONTINUE}`,
      FIELDS,
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'flood-of-output-in-too-many-pieces',
    module: onRequest(
      `${must(`(call $wasi_fd_write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const ${SLOTS}))`)}
      ${must(`(call $wasi_fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const ${SLOTS}))`)} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'flood-of-ticks',
    module: () =>
      guest({
        callbacks: {
          proxy_on_configure: '(drop (call $set_tick_period_milliseconds (i32.const 1))) (i32.const 1)',
          proxy_on_tick: `(drop (call $set_tick_period_milliseconds (i32.const 1))) ${times(2000, '')}`,
        },
        fields: FIELDS,
      }),
    expect: contained(),
    lastsMs: 500,
  },
  {
    name: 'flood-of-wake-ups',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(drop ${REGISTER}) ${times(100, `(drop ${ENQUEUE})`)} ${CONTINUE}`,
          proxy_on_queue_ready: `(drop ${ENQUEUE}) (drop ${ENQUEUE})`,
        },
        fields: FIELDS,
      }),
    expect: contained(),
    limits: { fuel: 20_000_000 },
    lastsMs: 300,
  },
  {
    name: 'flood-of-callouts-by-callouts',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(drop ${HTTP_CALL}) ${CONTINUE}`,
          proxy_on_http_call_response: `(drop ${HTTP_CALL}) (drop ${HTTP_CALL})`,
        },
      }),
    expect: contained(),
    lastsMs: 300,
  },
  {
    name: 'flood-of-callouts-by-the-end-of-exchanges',
    module: () => guest({ callbacks: { proxy_on_log: times(50, `(drop ${HTTP_CALL})`) }, fields: FIELDS }),
    expect: contained(),
    limits: { fuel: 20_000_000 },
    exchanges: 5,
  },
  {
    name: 'flood-of-body',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_body: `${endless('(drop (call $set_buffer_bytes (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 60000)))')} ${CONTINUE}`,
        },
      }),
    expect: crash('fuel', 'proxy_on_request_body'),
  },
  {
    name: 'flood-of-body-until-it-is-full',
    module: () =>
      guest({
        callbacks: {
          proxy_on_response_body: `${times(100, '(drop (call $set_buffer_bytes (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60000)))')} (i32.const 1)`,
        },
        fields: FIELDS,
      }),
    expect: {
      closed: ['200', 'SLUICE_PLUGIN_BODY_LIMIT', 'SLUICE_PLUGIN_PAUSE_TIMEOUT', 'reset'],
      open: ['200', 'reset'],
    },
    limits: { fuel: 100_000_000 },
    exchanges: 1,
  },
  ...[0, 1].map(
    (end): Attack => ({
      name: `injected-body-${end === 1 ? 'that-ends' : 'without-end'}-before-the-real-one`,
      module: () =>
        guest({
          callbacks: {
            proxy_on_response_headers: `${times(100, `(drop (call $inject_encoded_data_to_filter_chain (i32.const 0) (i32.const 60000) (i32.const ${end})))`)} ${CONTINUE}`,
          },
          fields: COUNTER,
        }),
      expect: contained(),
      limits: { fuel: 50_000_000 },
    }),
  ),
  {
    name: 'metrics-with-names-of-odd-bytes',
    module: onRequest(
      `${times(
        200,
        `(i32.store8 (i32.const ${SPACE + 2}) (global.get $i)) (drop (call $define_metric (i32.const 0) (i32.const ${SPACE}) (i32.const 16) (i32.const ${SLOTS})))
        (drop (call $increment_metric (i32.load (i32.const ${SLOTS})) (i64.const 1)))`,
      )} ${CONTINUE}`,
      `${FIELDS} ${data(SPACE, 'a"}\n# TYPE b \0\xff\\')}`,
    ),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  },
  {
    name: 'metrics-of-types-that-do-not-exist',
    module: onRequest(
      `${[3, 255, -1].map((type) => must(`(i32.eq (call $define_metric (i32.const ${type}) (i32.const 0) (i32.const 5) (i32.const ${SLOTS})) (i32.const 2))`)).join('\n')}
      ${must('(i32.eq (call $increment_metric (i32.const 9999) (i64.const 1)) (i32.const 1))')}
      ${must('(i32.eq (call $record_metric (i32.const -1) (i64.const 1)) (i32.const 1))')} ${CONTINUE}`,
    ),
    expect: contained(),
  },
  {
    name: 'log-lines-that-forge-others',
    module: onRequest(
      `(drop (call $log (i32.const 4) (i32.const ${SPACE}) (i32.const 48))) ${CONTINUE}`,
      data(SPACE, '"}\n{"level":"fatal","msg":"forged"}\r\n\x1b[2J\0\xff\xfe'.padEnd(48)),
    ),
    expect: contained(),
  },
];
