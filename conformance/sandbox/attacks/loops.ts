// Endless loops, wherever a module has code that the gateway runs.
import { assemble } from '../../../gateway/src/wasm/wat.suite.ts';
import {
  type Attack,
  contained,
  crash,
  cutShort,
  type Expectation,
  lateCrash,
  REQUEST_HEADERS,
  unstartable,
} from '../attack.ts';
import { CONTINUE, endless, FOREVER, GET, guest, guestText, HTTP_CALL, onRequest, SPACE } from '../guest.ts';

/** The attack that never fails, and takes as much time as there is. */
export const NEARLY_ALL = 'loop-that-takes-nearly-all-its-budget';

const WITH_RESULT = /vm_start|configure|headers|body|trailers|done$/;

function inCallback(name: string, expect: Expectation, lastsMs = 0): Attack {
  const body = `${FOREVER} ${WITH_RESULT.test(name) ? CONTINUE : ''}`;
  return {
    name: `loop-in-${name.replace('proxy_on_', '').replaceAll('_', '-')}`,
    ...looping(name, body, expect),
    lastsMs,
  };
}

function looping(name: string, body: string, expect: Expectation): Pick<Attack, 'module' | 'expect'> {
  return { module: () => guest({ callbacks: { [name]: body } }), expect };
}

/** Loops in the contexts of exchanges, and lets that of the plugin itself pass. */
const NOT_IN_ROOT = `(if (i32.ne (local.get 0) (i32.const 1)) (then ${FOREVER}))`;

const STARTING: readonly string[] = ['_initialize', '_start', 'proxy_on_vm_start', 'proxy_on_configure'];

const starting = STARTING.map((name): Attack => {
  const short = name.replace('proxy_on_', '').replaceAll('_', '-').replace(/^-/, '');
  const body = `${FOREVER} ${WITH_RESULT.test(name) ? CONTINUE : ''}`;
  return {
    name: `loop-in-${short}`,
    ...looping(name, body, unstartable(new RegExp(`${name} failed: it used up its CPU`))),
  };
});

export const loops: readonly Attack[] = [
  ...starting,
  {
    name: 'loop-in-main',
    module: () =>
      guest({
        callbacks: { _initialize: '' },
        fields: `(func (export "main") (param i32 i32) (result i32) ${FOREVER} ${CONTINUE})`,
      }),
    expect: unstartable(/main failed: it used up/),
  },
  {
    name: 'loop-in-start-section',
    module: () => assemble(guestText({ fields: `(func $s ${FOREVER}) (start $s)` })),
    expect: unstartable(/sluice_start failed: it used up/),
  },
  {
    name: 'loop-in-root-context-create',
    module: () => guest({ callbacks: { proxy_on_context_create: FOREVER } }),
    expect: unstartable(/proxy_on_context_create failed: it used up/),
  },
  {
    name: 'loop-in-context-create',
    module: () => guest({ callbacks: { proxy_on_context_create: NOT_IN_ROOT } }),
    expect: crash('fuel', 'proxy_on_context_create'),
  },
  inCallback('proxy_on_request_headers', crash('fuel', REQUEST_HEADERS)),
  inCallback('proxy_on_request_body', crash('fuel', 'proxy_on_request_body')),
  inCallback('proxy_on_request_trailers', crash('fuel', 'proxy_on_request_trailers')),
  inCallback('proxy_on_response_headers', crash('fuel', 'proxy_on_response_headers')),
  inCallback('proxy_on_response_body', cutShort('fuel', 'proxy_on_response_body')),
  inCallback('proxy_on_response_trailers', cutShort('fuel', 'proxy_on_response_trailers')),
  {
    name: 'loop-in-done',
    module: () => guest({ callbacks: { proxy_on_done: `${NOT_IN_ROOT} (i32.const 1)` } }),
    expect: lateCrash('fuel', 'proxy_on_done'),
  },
  inCallback('proxy_on_log', lateCrash('fuel', 'proxy_on_log')),
  {
    name: 'loop-in-delete',
    module: () => guest({ callbacks: { proxy_on_delete: NOT_IN_ROOT } }),
    expect: lateCrash('fuel', 'proxy_on_delete'),
  },
  {
    name: 'loop-in-tick',
    module: () =>
      guest({
        callbacks: {
          proxy_on_configure: '(drop (call $set_tick_period_milliseconds (i32.const 10))) (i32.const 1)',
          proxy_on_tick: FOREVER,
        },
      }),
    expect: lateCrash('fuel', 'proxy_on_tick'),
    lastsMs: 300,
  },
  {
    name: 'loop-in-http-call-response',
    module: () =>
      guest({
        callbacks: {
          proxy_on_request_headers: `(if (i32.ne ${HTTP_CALL} (i32.const 0)) (then (unreachable))) (i32.const 4)`,
          proxy_on_http_call_response: FOREVER,
        },
      }),
    expect: crash('fuel', 'proxy_on_http_call_response'),
  },
  {
    name: 'loop-in-allocator',
    module: onRequest(GET, '', { allocator: `${FOREVER} ${CONTINUE}` }),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-of-host-calls',
    module: onRequest(`${endless(`(drop ${GET})`)} ${CONTINUE}`),
    expect: crash('fuel', REQUEST_HEADERS, /host calls used up/),
  },
  {
    name: 'loop-of-callout-attempts',
    module: onRequest(`${endless(`(drop ${HTTP_CALL})`)} ${CONTINUE}`),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-through-a-table-of-branches',
    module: onRequest(`(loop $l (block $b (br_table $l $l $l (i32.const 7)))) ${CONTINUE}`),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-in-dead-code-of-a-loop',
    module: onRequest(`(loop $l (block (br $l)) (unreachable)) ${CONTINUE}`),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-of-tail-recursion-by-table',
    module: onRequest(
      `(loop $l (drop (call_indirect (type $t) (i32.const 0))) (br $l)) ${CONTINUE}`,
      `(type $t (func (result i32))) (table funcref (elem $f)) (func $f (type $t) (i32.const 1))`,
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-of-the-dearest-instructions',
    module: onRequest(
      `(local $f f64) (local.set $f (f64.const 2)) (loop $l ${'(local.set $f (f64.div (f64.sqrt (local.get $f)) (f64.const 1.0000001)))'.repeat(50)}
        (br_if $l (f64.ne (local.get $f) (f64.const 0)))) ${CONTINUE}`,
    ),
    expect: crash('fuel', REQUEST_HEADERS),
  },
  {
    name: 'loop-of-cache-misses',
    module: onRequest(
      `(local $at i32) (local $x i64) (local.set $x (i64.const 1))
      (loop $l (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
        (local.set $at (i32.and (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 33))) (i32.const 0xffffc0)))
        (i32.store8 (local.get $at) (i32.load8_u (i32.xor (local.get $at) (i32.const 0x800000)))) (br $l)) ${CONTINUE}`,
      '',
      { memory: '256' },
    ),
    expect: crash('fuel', REQUEST_HEADERS),
    limits: { memoryMiB: 16 },
  },
  {
    // Each exchange takes nearly all that it may, and none too much.
    name: NEARLY_ALL,
    module: onRequest(
      `(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 500000)))) (i32.store (i32.const ${SPACE}) (local.get $i)) ${CONTINUE}`,
    ),
    expect: contained(),
    limits: { fuel: 5_000_000 },
  },
];
