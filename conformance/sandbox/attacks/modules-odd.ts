// Modules that are odd in a way that is allowed, or that refuse to work.
import { assemble } from '../../../gateway/src/wasm/wat.suite.ts';
import { type Attack, contained, crash, REQUEST_HEADERS, unstartable } from '../attack.ts';
import { guest, guestText } from '../guest.ts';
import { giantBranch, manyExports, manyImports, nested, plain, repeat } from '../module-makers.ts';
import { bodyOf, section } from '../sections.ts';

function odd(name: string, module: () => Uint8Array, expect = contained()): Attack {
  return { name: `module-${name}`, module, expect };
}

function exiting(body: string): () => Uint8Array {
  return () =>
    assemble(`(module (import "wasi_unstable" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1")) (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${body}))`);
}

export const oddities: readonly Attack[] = [
  odd(
    'of-50000-functions',
    plain((s) => section.functions(s, 50_000)),
  ),
  odd(
    'of-49000-locals',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0x0b), [[49_000, 0x7e]]),
      ),
    ),
  ),
  odd(
    'of-9999-globals',
    plain((s) => section.globals(s, 9_999)),
  ),
  odd(
    'of-9999-types',
    plain((s) => section.types(s, 9_999)),
  ),
  odd(
    'of-9999-exports',
    plain((s) => section.addExports(s, manyExports(9_996))),
  ),
  odd(
    'of-deep-blocks',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => nested(out, 0x02, 9_000)),
      ),
    ),
  ),
  odd(
    'of-deep-ifs',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => nested(out, 0x04, 9_000)),
      ),
    ),
  ),
  odd(
    'of-deep-loops',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => nested(out, 0x03, 9_000)),
      ),
    ),
  ),
  odd('of-1000-imports', () =>
    assemble(`(module ${manyImports(1000)} (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))`),
  ),
  odd(
    'with-a-giant-table-of-branches',
    plain((s) => section.replaceBody(s, bodyOf(giantBranch))),
  ),
  odd(
    'with-a-body-of-900-kib',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => repeat(out, 900 * 1024, 0x01)),
      ),
    ),
    {
      closed: ['200', 'SLUICE_PLUGIN_FAILED'],
      open: ['200'],
    },
  ),
  odd('with-names-of-odd-bytes', () =>
    guest({
      fields:
        '(func (export "") ) (func (export "\\00") ) (func (export "constructor")) (func (export "__proto__")) (func (export "\\e2\\80\\ae"))',
    }),
  ),
  odd('that-takes-the-names-of-what-is-added', () =>
    guest({
      fields:
        '(global (export "sluice_fuel") (mut i32) (i32.const 7)) (func (export "sluice_start")) (func (export "sluice_fuel_")) (func $s) (start $s)',
    }),
  ),
  odd('with-imports-that-nobody-knows', () =>
    assemble(`(module (import "__proto__" "polluted" (func $a (result i32))) (import "env" "__proto__" (func $b (result i32)))
      (import "env" "constructor" (func (result i32))) (import "" "" (func (param i64 f32 f64)))
      (import "env" "proxy_new_thing" (func $c (result i32))) (import "wasi_snapshot_preview1" "path_link" (func $d (result i32)))
      (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (i32.add (i32.add (call $a) (call $b)) (i32.add (call $c) (call $d))) (i32.const 88)) (then (unreachable))) (i32.const 0)))`),
  ),
  odd(
    'with-a-stub-that-returns-64-bits',
    () =>
      assemble(`(module (import "env" "proxy_new_thing" (func $c (result i64))) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.wrap_i64 (call $c))))`),
    { closed: ['200', 'SLUICE_PLUGIN_FAILED'], open: ['200'] },
  ),
  odd(
    'with-host-calls-of-other-types',
    () =>
      assemble(`(module (import "env" "proxy_log" (func $log (param f64 f32 i64) (result i32)))
      (import "env" "proxy_get_header_map_value" (func $get (result i32)))
      (import "env" "proxy_increment_metric" (func $inc (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $get)) (drop (call $inc (i32.const 1) (i32.const 1))) (drop (call $log (f64.const nan) (f32.const inf) (i64.const 5))) (i32.const 0)))`),
    { closed: ['200', 'SLUICE_PLUGIN_FAILED'], open: ['200'] },
  ),
  odd(
    'with-callbacks-of-other-types',
    () =>
      assemble(`(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1") (param i64) (result f64) (f64.const 1))
      (func (export "proxy_on_request_headers") (result f64) (f64.const nan)) (func (export "proxy_on_response_headers") (param f32 f32 f32 f32) )
      (func (export "proxy_on_log") (result i32 i32 i32) (i32.const 1) (i32.const 2) (i32.const 3)))`),
    { closed: ['200', 'SLUICE_PLUGIN_FAILED'], open: ['200'] },
  ),
  odd(
    'with-a-callback-of-64-bit-parameters',
    () =>
      assemble(`(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "proxy_on_request_headers") (param i64 i64 i64) (result i64) (i64.const 0)))`),
    crash(['trap'], REQUEST_HEADERS),
  ),
  odd('whose-callbacks-are-globals', () =>
    assemble(`(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (global (export "proxy_on_request_headers") i32 (i32.const 1)) (table (export "proxy_on_log") 1 funcref))`),
  ),
  odd(
    'whose-callbacks-are-host-calls',
    () =>
      assemble(`(module (import "env" "proxy_close_stream" (func $c (param i32) (result i32))) (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1")) (export "proxy_on_request_headers" (func $c)) (export "proxy_on_log" (func $c)))`),
    { closed: ['200', 'reset', 'SLUICE_PLUGIN_FAILED', 'SLUICE_PLUGIN_PAUSE_TIMEOUT'], open: ['200', 'reset'] },
  ),
  odd('that-does-nothing', () =>
    assemble('(module (memory (export "memory") 0) (func (export "proxy_abi_version_0_2_1")))'),
  ),
  odd('with-memory-of-0-pages', () =>
    assemble(
      '(module (memory (export "memory") 0) (func (export "proxy_abi_version_0_2_1")) (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))',
    ),
  ),
  {
    name: 'exit-in-a-callback',
    module: exiting('(call $exit (i32.const 0)) (i32.const 0)'),
    expect: crash('exit', REQUEST_HEADERS, /exit 0/),
  },
  {
    name: 'abort-with-a-message',
    module: () =>
      assemble(`(module (import "env" "abort" (func $abort (param i32 i32 i32 i32))) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (call $abort (i32.const 100) (i32.const 0) (i32.const 4) (i32.const 5)) (i32.const 0))
        (data (i32.const 96) "\\06\\00\\00\\00b\\00a\\00d\\00"))`),
    expect: crash('abort', REQUEST_HEADERS, /bad \(:4:5\)/),
  },
  {
    name: 'abort-with-a-message-of-4-gib',
    module: () =>
      assemble(`(module (import "env" "abort" (func $abort (param i32 i32 i32 i32))) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.store (i32.const 96) (i32.const -1))
          (call $abort (i32.const 100) (i32.const -1) (i32.const -1) (i32.const -1)) (i32.const 0)))`),
    expect: crash('abort', REQUEST_HEADERS),
  },
  {
    name: 'exit-in-initialize',
    module: () =>
      assemble(`(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1")) (func (export "_initialize") (call $exit (i32.const 3))))`),
    expect: unstartable(/exit 3/),
  },
  {
    name: 'refuses-its-configuration',
    module: () => guest({ callbacks: { proxy_on_configure: '(i32.const 0)' } }),
    expect: unstartable(/refused its configuration/),
  },
  {
    name: 'trap-in-configure',
    module: () => guest({ callbacks: { proxy_on_configure: '(unreachable)' } }),
    expect: unstartable(/proxy_on_configure failed: unreachable/),
  },
  {
    name: 'many-callouts-in-the-start-section',
    module: () =>
      assemble(
        guestText({
          fields: `(func $s (drop (call $http_call ${'(i32.const 0) '.repeat(9)} (i32.const 1024)))) (start $s)`,
        }),
      ),
    expect: contained(),
  },
];
