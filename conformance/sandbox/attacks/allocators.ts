// Allocators that lie, and host calls that must not believe them.
import { assemble } from '../../../gateway/src/wasm/wat.suite.ts';
import { type Attack, contained, crash, REQUEST_HEADERS } from '../attack.ts';
import { CONTINUE, data, GET, must, onRequest, SLOTS, SPACE, TRAP } from '../guest.ts';

/** Status of a call that needs the allocator. */
function answers(status: number, call = GET): string {
  return `${must(`(i32.eq ${call} (i32.const ${status}))`)} ${CONTINUE}`;
}

function lying(name: string, allocator: string, status: number, fields = '', memory = '1 1'): Attack {
  return {
    name: `allocator-${name}`,
    module: onRequest(answers(status), fields, { allocator, memory }),
    expect: contained(),
  };
}

/** What the host call that the allocator makes is answered. */
function calling(name: string, call: string, fields = ''): Attack {
  const inner = `(global.set $inner ${call}) (i32.const ${SPACE})`;
  const body = `${must(`(i32.eqz ${GET})`)} ${must('(i32.eq (global.get $inner) (i32.const 10))')} ${CONTINUE}`;
  return {
    name: `allocator-that-calls-${name}`,
    module: onRequest(body, `(global $inner (mut i32) (i32.const 77)) ${fields}`, { allocator: inner }),
    expect: contained(),
  };
}

/** The header's value, nothing else, stands where the allocator says. */
const OVERLAPPING = `${must(`(i32.eqz ${GET})`)} ${must(`(i32.ne (i32.load (i32.const ${SLOTS})) (i32.const 0))`)} ${CONTINUE}`;

export const allocators: readonly Attack[] = [
  lying('answers-0', '(i32.const 0)', 6),
  lying('answers-minus-1', '(i32.const -1)', 6),
  lying('answers-an-address-outside', '(i32.const 0x7ffffff0)', 6),
  lying('answers-the-end', '(i32.const 65536)', 6),
  lying('answers-the-last-byte', '(i32.const 65535)', 6),
  lying('answers-just-too-far', '(i32.sub (i32.const 65537) (local.get 0))', 6),
  lying('answers-just-far-enough', '(i32.sub (i32.const 65536) (local.get 0))', 0),
  lying('grows-memory', '(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))', 0, '', '1'),
  lying('grows-in-vain', '(i32.mul (memory.grow (i32.const 100)) (i32.const 65536))', 6, '', '1'),
  {
    name: 'allocator-answers-the-out-slots',
    module: onRequest(OVERLAPPING, '', { allocator: `(i32.const ${SLOTS})` }),
    expect: contained(),
  },
  {
    name: 'allocator-answers-the-name-asked-for',
    module: onRequest(answers(0), '', { allocator: '(i32.const 1)' }),
    expect: contained(),
    // By then the name is another one.
    exchanges: 1,
  },
  {
    name: 'allocator-rewrites-what-is-being-read',
    // The map that is being added is another one when the host comes back to it.
    module: onRequest(
      `(drop (call $get_header_map_pairs (i32.const 0) (i32.const ${SLOTS}) (i32.const ${SLOTS + 4}))) ${answers(0)}`,
      data(SPACE, 'y'.repeat(64)),
      { allocator: '(memory.fill (i32.const 0) (i32.const 0xff) (i32.const 16)) (i32.const 40000)' },
    ),
    expect: crash('trap', REQUEST_HEADERS),
  },
  {
    name: 'allocator-that-traps',
    module: onRequest(GET, '', { allocator: TRAP }),
    expect: crash('trap', REQUEST_HEADERS),
  },
  {
    name: 'allocator-that-recurses',
    module: onRequest(GET, '(func $deep (param i32) (result i32) (call $deep (i32.add (local.get 0) (i32.const 1))))', {
      allocator: '(call $deep (i32.const 0))',
    }),
    expect: crash(['stack', 'fuel'], REQUEST_HEADERS),
    limits: { fuel: 100_000_000 },
  },
  {
    name: 'allocator-answers-a-64-bit-number',
    module: () =>
      assemble(`(module (import "env" "proxy_get_header_map_value" (func $get_header_map_value (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")) ${data(0, 'x-any')}
        (func (export "malloc") (param i32) (result i64) (i64.const 4096))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${answers(6)}))`),
    expect: contained(),
  },
  {
    name: 'allocator-that-is-a-memory',
    module: () =>
      assemble(`(module (import "env" "proxy_get_header_map_value" (func $get_header_map_value (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (export "malloc" (memory 0)) (func (export "proxy_abi_version_0_2_1")) ${data(0, 'x-any')}
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${answers(6)}))`),
    expect: contained(),
  },
  calling('itself', GET),
  calling(
    'for-a-callout',
    '(call $http_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))',
  ),
  calling('to-close', '(call $close_stream (i32.const 0))'),
  calling('to-continue', '(call $continue_stream (i32.const 0))'),
  calling('for-another-context', '(call $set_effective_context (i32.const 1))'),
  calling(
    'to-answer',
    `(call $send_local_response (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))`,
  ),
  calling('to-write-headers', '(call $remove_header_map_value (i32.const 0) (i32.const 0) (i32.const 5))'),
  calling(
    'to-write-shared-data',
    '(call $set_shared_data (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5) (i32.const 0))',
  ),
  calling('to-write-properties', '(call $set_property (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 5))'),
  calling('to-be-done', '(call $done)'),
];
