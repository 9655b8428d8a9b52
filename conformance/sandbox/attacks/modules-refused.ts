// Modules that are none, that are damaged, or that have more of something than they may.
import { assemble } from '../../../gateway/src/wasm/wat.suite.ts';
import { type Attack, invalid } from '../attack.ts';
import { CONTINUE, guest, onRequest } from '../guest.ts';
import { branchy, customOf, manyExports, manyImports, nested, plain, repeat } from '../module-makers.ts';
import { bodyOf, section } from '../sections.ts';

const HONEST = onRequest(CONTINUE);
const NOT_VALID = /damaged or not valid WebAssembly/;
const NOT_A_MODULE = /not a WebAssembly module/;

function raw(name: string, module: () => Uint8Array, says: RegExp): Attack {
  return { name: `module-${name}`, module, expect: invalid(says) };
}

function cut(share: number): Attack {
  const module = (): Uint8Array => {
    const bytes = HONEST();
    return bytes.subarray(0, Math.floor((bytes.length * share) / 100));
  };
  return raw(`cut-at-${share}-percent`, module, NOT_VALID);
}

/** `global.set` of the global that the gateway adds; valid as soon as it is there. */
const REFILLS = bodyOf((out) => out.u8(0x41).s32(0x7fff_ffff).u8(0x24).u32(0).u8(0x0b));

export const refused: readonly Attack[] = [
  raw('of-no-bytes', () => new Uint8Array(0), NOT_A_MODULE),
  raw('of-text', () => Buffer.from('#!/bin/sh\necho hello world\n'), NOT_A_MODULE),
  raw('of-the-wrong-version', () => Buffer.from([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), NOT_VALID),
  raw('of-the-component-model', () => Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), NOT_VALID),
  raw('of-a-header-alone', () => Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), /memory|marker/),
  raw('of-17-mib', () => Buffer.concat([HONEST(), customOf(17 * 1024 * 1024)]), /more than 16777216; strip/),
  ...[5, 25, 50, 75, 95, 99].map(cut),
  raw('with-a-byte-behind-it', () => Buffer.concat([HONEST(), Buffer.of(7)]), NOT_VALID),
  raw(
    'with-sections-in-the-wrong-order',
    plain((sections) => sections.reverse()),
    NOT_VALID,
  ),
  raw(
    'with-a-section-twice',
    plain((sections) => sections.splice(1, 0, sections[0]!)),
    NOT_VALID,
  ),
  raw(
    'with-a-section-of-4-gib',
    () => Buffer.concat([HONEST(), Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 0x0f)]),
    NOT_VALID,
  ),
  raw(
    'that-writes-a-global-it-does-not-have',
    plain((sections) => section.replaceBody(sections, REFILLS)),
    NOT_VALID,
  ),
  raw(
    'that-calls-a-function-it-does-not-have',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0x10).u32(1).u8(0x0b)),
      ),
    ),
    NOT_VALID,
  ),
  raw('without-a-marker', () => guest({ marker: '' }), /no Proxy-Wasm marker/),
  raw(
    'of-a-version-nobody-knows',
    () => guest({ marker: 'proxy_abi_version_9_9_9' }),
    /marked proxy_abi_version_9_9_9/,
  ),
  raw('without-memory', () => assemble('(module (func (export "proxy_abi_version_0_2_1")))'), /memory/),
  raw(
    'that-imports-memory',
    () => assemble('(module (import "env" "memory" (memory 1)) (func (export "proxy_abi_version_0_2_1")))'),
    /not a function/,
  ),
  raw(
    'that-imports-a-table',
    () =>
      assemble(
        '(module (import "env" "t" (table 1 funcref)) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))',
      ),
    /not a function/,
  ),
  raw(
    'that-imports-a-global',
    () =>
      assemble(
        '(module (import "env" "g" (global (mut i32))) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))',
      ),
    /not a function/,
  ),
  raw(
    'with-shared-memory',
    plain((s) => section.replace(s, 5, Buffer.of(1, 3, 1, 2))),
    /shared|valid/,
  ),
  raw(
    'with-64-bit-memory',
    plain((s) => section.replace(s, 5, Buffer.of(1, 4, 1))),
    /64-bit|valid/,
  ),
  raw(
    'with-two-memories',
    plain((s) => section.replace(s, 5, Buffer.of(2, 0, 1, 0, 1))),
    /one memory|valid/,
  ),
  raw(
    'with-atomics',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0xfe).u8(3).u8(0).u8(0x0b)),
      ),
    ),
    /0xfe|valid/,
  ),
  raw(
    'with-garbage-collected-types',
    plain((s) => section.replace(s, 1, Buffer.of(2, 0x60, 0, 0, 0x5f, 0))),
    /garbage collection|valid/,
  ),
  raw(
    'with-exceptions',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0x06).u8(0x40).u8(0x19).u8(0x0b).u8(0x0b)),
      ),
    ),
    /0x06|valid/,
  ),
  raw(
    'with-exports-of-one-name',
    plain((s) => section.addExports(s, [['memory', 2, 0]])),
    NOT_VALID,
  ),
  raw(
    'of-100001-functions',
    plain((s) => section.functions(s, 100_001)),
    /functions, more than 100000/,
  ),
  raw(
    'of-a-thousand-and-one-parameters',
    plain((s) => section.replace(s, 1, section.type(1001))),
    NOT_VALID,
  ),
  raw(
    'of-50001-locals',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0x0b), [[50_001, 0x7f]]),
      ),
    ),
    NOT_VALID,
  ),
  raw(
    'of-4-billion-locals',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => out.u8(0x0b), [[0xffff_ffff, 0x7f]]),
      ),
    ),
    NOT_VALID,
  ),
  raw(
    'of-20000-globals',
    plain((s) => section.globals(s, 20_000)),
    /20000 globals, more than 10000/,
  ),
  raw(
    'of-90000-types',
    plain((s) => section.types(s, 90_000)),
    /90000 types, more than 10000/,
  ),
  raw(
    'of-20000-exports',
    plain((s) => section.addExports(s, manyExports(20_000))),
    /exports, more than 10000/,
  ),
  raw(
    'of-deeper-blocks',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => nested(out, 0x02, 20_000)),
      ),
    ),
    /blocks are open/,
  ),
  raw(
    'of-deeper-ifs',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => nested(out, 0x04, 20_000)),
      ),
    ),
    /blocks are open/,
  ),
  raw(
    'of-1001-imports',
    () =>
      assemble(`(module ${manyImports(1001)} (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))`),
    /1001 imports/,
  ),
  raw(
    'with-an-export-of-a-long-name',
    plain((s) => section.addExports(s, [['n'.repeat(5000), 0, 0]])),
    /name/,
  ),
  raw(
    'that-costs-its-compiler-quadratic-time',
    plain((s) => section.replaceBody(s, bodyOf(branchy, [[1000, 0x7f]]))),
    /too many branches/,
  ),
  raw('of-70000-data-segments', onRequest(CONTINUE, '(data (i32.const 0) "")'.repeat(70_000)), /data segments/),
  raw(
    'with-a-body-of-5-mib',
    plain((s) =>
      section.replaceBody(
        s,
        bodyOf((out) => repeat(out, 5 * 1024 * 1024, 0x01)),
      ),
    ),
    /function 0 has 524\d+ bytes/,
  ),
];
