// What belongs to others, to the operator, or to the gateway itself.
import { type Attack, contained, invalid } from '../attack.ts';
import {
  CONTINUE,
  data,
  guest,
  HTTP_CALL,
  must,
  onRequest,
  SAME_PLACE,
  SLOTS,
  SPACE,
  times,
  COUNTER,
} from '../guest.ts';

/** Looks properties up, each of which must be answered so. */
function properties(paths: readonly string[], status: number): string {
  return paths
    .map((_, index) => {
      const call = `(call $get_property (i32.const ${SPACE + index * 64}) (i32.const ${paths[index]!.length}) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))`;
      return must(`(i32.eq ${call} (i32.const ${status}))`);
    })
    .join('\n');
}

function texts(list: readonly string[], at = SPACE): string {
  return list.map((text, index) => data(at + index * 64, text)).join(' ');
}

/** Services of others, and names that might be taken for them. */
const ELSEWHERE = [
  'steady/device',
  '../steady/device',
  '/device',
  'steady/',
  'steady//device',
  '127.0.0.1:22',
  'device',
  '',
];

function calloutTo(name: string, index: number): string {
  return HTTP_CALL.replace(
    '(i32.const 16) (i32.const 4)',
    `(i32.const ${SPACE + index * 64}) (i32.const ${name.length})`,
  );
}

const GRPC_REST = '(i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0)';

function grpcTo(name: string, index: number): string {
  return `(call $grpc_call (i32.const ${SPACE + index * 64}) (i32.const ${name.length}) ${GRPC_REST} (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const ${SLOTS}))`;
}

function redisOf(name: string, index: number): string {
  return `(call $redis_call (i32.const ${SPACE + index * 64}) (i32.const ${name.length}) (i32.const 0) (i32.const 5) (i32.const ${SLOTS}))`;
}

const HIDDEN = [
  'node.metadata',
  'node\0metadata',
  'node\0metadata\0',
  'node.metadata.x',
  'listener_metadata',
  'listener_metadata\0x',
];
const NOT_ALLOWED = ['request\0headers', 'request.headers.x-any', 'request', 'request\0pathx', 'source\0address'];

const ENVIRONMENT = (count: number): string =>
  `${must(`(i32.eqz (call $wasi_environ_sizes_get (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})))`)}
  ${must(`(i32.eq (i32.load (i32.const ${SLOTS})) (i32.const ${count}))`)} ${CONTINUE}`;

export const permissions: readonly Attack[] = [
  {
    name: 'callout-to-another-tenant',
    module: onRequest(
      `${ELSEWHERE.map((name, index) => must(`(i32.eq ${calloutTo(name, index)} (i32.const 2))`)).join('\n')} ${CONTINUE}`,
      texts(ELSEWHERE),
    ),
    expect: contained(),
  },
  {
    name: 'grpc-call-to-another-tenant',
    module: onRequest(
      `${ELSEWHERE.map((name, index) => must(grpcTo(name, index))).join('\n')} ${CONTINUE}`,
      texts(ELSEWHERE),
    ),
    expect: contained(),
  },
  {
    name: 'redis-of-another-tenant',
    module: onRequest(
      `${ELSEWHERE.map((name, index) => must(redisOf(name, index))).join('\n')} ${CONTINUE}`,
      texts(ELSEWHERE),
    ),
    expect: contained(),
  },
  {
    name: 'callout-that-is-not-allowed',
    module: onRequest(`${must(`(i32.eq ${HTTP_CALL} (i32.const 2))`)} ${CONTINUE}`),
    expect: contained(),
    allow: { tenantServices: false },
    needsGateway: true,
  },
  {
    name: 'properties-of-the-operator',
    module: onRequest(`${properties(HIDDEN, 1)} ${CONTINUE}`, texts(HIDDEN), { allocator: SAME_PLACE }),
    expect: contained(),
  },
  {
    name: 'properties-that-are-not-allowed',
    module: onRequest(`${properties(NOT_ALLOWED, 1)} ${CONTINUE}`, texts(NOT_ALLOWED), { allocator: SAME_PLACE }),
    expect: contained(),
    allow: { properties: ['request.path'] },
  },
  {
    name: 'properties-that-are-allowed-among-others',
    module: onRequest(
      `${properties(['request\0path', 'request.path', 'plugin_name'], 0)} ${CONTINUE}`,
      texts(['request\0path', 'request.path', 'plugin_name']),
      { allocator: SAME_PLACE },
    ),
    expect: contained(),
    allow: { properties: ['request.path'] },
  },
  {
    name: 'properties-made-up-for-ever',
    module: onRequest(
      `${times(
        5000,
        `(i32.store (i32.const ${SPACE}) (global.get $i))
        ${must(`(call $get_property (i32.const ${SPACE}) (i32.const 8) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))`)}`,
      )} ${CONTINUE}`,
      COUNTER,
    ),
    expect: contained(),
    limits: { fuel: 50_000_000 },
    allow: { properties: ['request.path'] },
  },
  {
    name: 'foreign-functions-that-are-not-allowed',
    module: onRequest(
      `${['compress', 'uncompress', 'clear_route_cache', 'get_log_level', '__proto__', 'constructor', 'toString']
        .map((name, index) =>
          must(
            `(i32.eq (call $call_foreign_function (i32.const ${SPACE + index * 64}) (i32.const ${name.length}) (i32.const 0) (i32.const 5) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})) (i32.const 1))`,
          ),
        )
        .join('\n')} ${CONTINUE}`,
      texts(['compress', 'uncompress', 'clear_route_cache', 'get_log_level', '__proto__', 'constructor', 'toString']),
    ),
    expect: contained(),
    allow: { foreignFunctions: [] },
  },
  {
    name: 'foreign-functions-named-as-what-objects-have',
    module: onRequest(
      `${['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'compress\0']
        .map((name, index) =>
          must(
            `(i32.eq (call $call_foreign_function (i32.const ${SPACE + index * 64}) (i32.const ${name.length}) (i32.const 0) (i32.const 5) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4})) (i32.const 1))`,
          ),
        )
        .join('\n')} ${CONTINUE}`,
      texts(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'compress\0']),
    ),
    expect: contained(),
  },
  {
    name: 'host-calls-that-are-not-allowed',
    module: onRequest(`(drop ${HTTP_CALL}) ${CONTINUE}`),
    expect: invalid(/imports env\.proxy_http_call, which allow\.hostCalls does not let it call/),
    allow: { hostCalls: { deny: ['proxy_http_*'] } },
  },
  {
    name: 'environment-of-the-gateway',
    module: onRequest(ENVIRONMENT(0)),
    expect: contained(),
  },
  {
    name: 'environment-that-is-allowed',
    module: onRequest(ENVIRONMENT(1)),
    expect: contained(),
    allow: { environment: { MODE: 'test' } },
  },
  {
    name: 'environment-read-without-end',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `${times(1000, `(drop (call $wasi_environ_get (i32.const ${SLOTS}) (i32.const 65520)))`)} ${CONTINUE}`,
        },
        fields: COUNTER,
      }),
    expect: contained(),
    limits: { fuel: 5_000_000 },
    allow: { environment: { MODE: 'a value that does not fit there' } },
  },
  {
    name: 'files-of-the-machine',
    module: onRequest(
      `${[0, 3, 4, -1].map((file) => must(`(call $wasi_fd_prestat_get (i32.const ${file}) (i32.const ${SLOTS}))`)).join('\n')}
      ${must(`(call $wasi_path_open (i32.const 3) (i32.const 0) (i32.const ${SPACE}) (i32.const 11) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const ${SLOTS}))`)}
      ${must(`(call $wasi_fd_read (i32.const 0) (i32.const ${SPACE}) (i32.const 1) (i32.const ${SLOTS}))`)} ${CONTINUE}`,
      data(SPACE, '/etc/passwd'),
    ),
    expect: contained(),
  },
];
