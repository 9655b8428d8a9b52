import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { ByteWriter } from './binary.ts';
import { rawPlugin, type RawFunction } from './binary.suite.ts';
import { prepareModule } from './module.ts';
import { assemble, pluginModule } from './wat.suite.ts';

const I32 = 0x7f;
const NOTHING: RawFunction = { code: [] };

type Sections = Readonly<Record<number, (out: ByteWriter) => void>>;

/** Why a module is refused; '' when it is taken. */
async function refusalOf(bytes: Uint8Array): Promise<string> {
  // What the engine itself refuses proves nothing about these limits.
  expect(WebAssembly.validate(bytes)).toBe(true);
  try {
    await prepareModule(bytes, { name: 'p', memory: 1024 * 1024, startFuel: 1000 });
    return '';
  } catch (error) {
    expect((error as GatewayError).code).toBe('SLUICE_PLUGIN_INVALID');
    return (error as GatewayError).detail;
  }
}

function repeat(code: readonly number[], times: number): Uint8Array {
  return Buffer.alloc(code.length * times, Uint8Array.from(code));
}

/** A section of equal entries. */
function entries(count: number, write: (out: ByteWriter, index: number) => void): (out: ByteWriter) => void {
  return (out) => {
    out.u32(count);
    for (let i = 0; i < count; i++) write(out, i);
  };
}

function types(count: number): Sections {
  return { 1: entries(count, (out) => out.u8(0x60).u32(0).u32(0)) };
}

function imports(count: number, name = 'proxy_log'): Sections {
  const exports = (out: ByteWriter): ByteWriter =>
    out.u32(2).name('memory').u8(2).u32(0).name('proxy_abi_version_0_2_1').u8(0).u32(count);
  return { 2: entries(count, (out) => out.name('env').name(name).u8(0).u32(0)), 7: exports };
}

function exports(count: number): Sections {
  return {
    7: (out) => {
      out
        .u32(count + 2)
        .name('memory')
        .u8(2)
        .u32(0)
        .name('proxy_abi_version_0_2_1')
        .u8(0)
        .u32(0);
      for (let i = 0; i < count; i++) out.name(`e${i}`).u8(0).u32(0);
    },
  };
}

function globals(count: number): Sections {
  return { 6: entries(count, (out) => out.u8(I32).u8(0).u8(0x41).s32(0).u8(0x0b)) };
}

function tables(count: number, initial: number): Sections {
  return { 4: entries(count, (out) => out.u8(0x70).u8(0).u32(initial)) };
}

/** Data segments that nothing is done with. */
function segments(count: number): Sections {
  return { 12: (out) => out.u32(count), 11: entries(count, (out) => out.u8(1).u32(0)) };
}

/** One passive segment of function indices. */
function elements(count: number): Sections {
  const write = (out: ByteWriter): void => {
    out.u32(1).u8(1).u8(0).u32(count).copy(Buffer.alloc(count));
  };
  return { 4: entries(1, (out) => out.u8(0x70).u8(0).u32(1)), 9: write };
}

/** Branches with so many locals in sight. */
function branches(locals: number, count: number): RawFunction {
  return { locals: [[locals, I32]], code: repeat([0x03, 0x40, 0x0b], count) };
}

/** Branches over so many operands. */
function operands(count: number, times: number): RawFunction {
  const drops = repeat([0x1a], count);
  return { code: Buffer.concat([repeat([0x41, 0], count), repeat([0x41, 0, 0x04, 0x40, 0x0b], times), drops]) };
}

function nested(depth: number): RawFunction {
  return { code: Buffer.concat([repeat([0x02, 0x40], depth), repeat([0x0b], depth)]) };
}

const L = LIMITS;

describe('a module is taken up to a limit and refused beyond it:', () => {
  it.each<[string, (count: number) => Uint8Array, number, RegExp]>([
    ['types', (count) => rawPlugin(NOTHING, types(count)), L.pluginTypes, /types, more than/],
    ['imports', (count) => rawPlugin(NOTHING, imports(count)), L.pluginImports, /imports, more than/],
    ['exports', (count) => rawPlugin(NOTHING, exports(count - 2)), L.pluginExports, /exports, more than/],
    ['globals', (count) => rawPlugin(NOTHING, globals(count)), L.pluginGlobals, /globals, more than/],
    ['tables', (count) => rawPlugin(NOTHING, tables(count, 1)), L.pluginTables, /tables, more than/],
    ['data segments', (count) => rawPlugin(NOTHING, segments(count)), L.pluginDataSegments, /data segments, more than/],
    [
      'the name of an import',
      (length) => rawPlugin(NOTHING, imports(1, 'x'.repeat(length))),
      L.pluginNameBytes,
      /longer than/,
    ],
    ['elements of a table', (count) => rawPlugin(NOTHING, tables(1, count)), L.pluginTableElements, /elements, more/],
    ['nested blocks', (depth) => rawPlugin(nested(depth - 1)), L.pluginNesting, /blocks are open/],
    [
      'bytes of a function',
      (size) => rawPlugin({ code: repeat([0x01], size - 2) }),
      L.pluginFunctionBytes,
      /bytes, more than/,
    ],
  ])('%s', async (_name, build, limit, reason) => {
    expect(await refusalOf(build(limit))).toBe('');
    expect(await refusalOf(build(limit + 1))).toMatch(reason);
  });

  it('functions', async () => {
    const many = (count: number): Uint8Array =>
      rawPlugin(NOTHING, {
        3: entries(count, (out) => out.u32(0)),
        10: entries(count, (out) => out.sized(Buffer.of(0, 0x0b))),
      });
    expect(await refusalOf(many(1000))).toBe('');
    expect(await refusalOf(many(L.pluginFunctions + 1))).toMatch(/functions, more than/);
  });

  it('elements of several tables together', async () => {
    expect(await refusalOf(rawPlugin(NOTHING, tables(4, L.pluginTableElements / 4)))).toBe('');
    expect(await refusalOf(rawPlugin(NOTHING, tables(4, L.pluginTableElements / 4 + 1)))).toMatch(/elements, more/);
  });

  it('elements that fill tables', async () => {
    expect(await refusalOf(rawPlugin(NOTHING, elements(1000)))).toBe('');
    expect(await refusalOf(rawPlugin(NOTHING, elements(L.pluginElementBytes)))).toMatch(/element section/);
  });

  it('branches among many locals, whose compilation would take minutes and gigabytes', async () => {
    expect(await refusalOf(rawPlugin(branches(100, 10_000)))).toBe('');
    expect(await refusalOf(rawPlugin(branches(40_000, 10_000)))).toMatch(/too many branches/);
  });

  it('branches over many operands', async () => {
    expect(await refusalOf(rawPlugin(operands(100, 10_000)))).toBe('');
    expect(await refusalOf(rawPlugin(operands(20_000, 20_000)))).toMatch(/too many branches/);
  });
});

describe('what is not a limit', () => {
  it('is a custom section, which is dropped', async () => {
    const custom = (out: ByteWriter): ByteWriter => out.name('producers').copy(Buffer.alloc(5 * 1024 * 1024));
    expect(await refusalOf(rawPlugin(NOTHING, { 0: custom }))).toBe('');
  });

  it('is a name section that is too large, which is dropped, too', async () => {
    const names = (out: ByteWriter): ByteWriter => out.name('name').copy(Buffer.alloc(L.pluginNameSectionBytes));
    expect(await refusalOf(rawPlugin(NOTHING, { 0: names }))).toBe('');
  });
});

describe('extensions are refused, which metering does not know:', () => {
  it.each<[string, Uint8Array]>([
    // Read as types of one byte, these would hide the loop behind them.
    ['a block with a typed reference', rawPlugin({ code: [0x02, 0x63, 0x70, 0xd0, 0x70, 0x0b, 0x1a] })],
    ['a loop with a typed reference', rawPlugin({ code: [0x03, 0x63, 0x6f, 0xd0, 0x6f, 0x0b, 0x1a] })],
    [
      'a selection of typed references',
      rawPlugin({ code: [0xd0, 0x70, 0xd0, 0x70, 0x41, 0, 0x1c, 1, 0x63, 0x70, 0x1a] }),
    ],
    ['a tail call through a reference', rawPlugin({ code: [0x00, 0xd0, 0x00, 0x15, 0x00] })],
    ['an atomic fence', rawPlugin({ code: [0xfe, 0x03, 0x00] })],
    ['a try block', rawPlugin({ code: [0x06, 0x40, 0x19, 0x0b] })],
    [
      'a table with an initial value',
      rawPlugin(NOTHING, { 4: (out) => out.u32(1).u8(0x40).u8(0).u8(0x70).u8(0).u32(1).u8(0xd0).u8(0x70).u8(0x0b) }),
    ],
    ['a structure', rawPlugin(NOTHING, { 1: (out) => out.u32(2).u8(0x60).u32(0).u32(0).u8(0x5f).u32(0) })],
    ['a 64-bit memory', rawPlugin(NOTHING, { 5: (out) => out.u32(1).u8(4).u32(1) })],
    ['a shared memory', rawPlugin(NOTHING, { 5: (out) => out.u32(1).u8(3).u32(1).u32(1) })],
    ['two memories', rawPlugin(NOTHING, { 5: (out) => out.u32(2).u8(0).u32(1).u8(0).u32(1) })],
  ])('%s', async (_name, bytes) => {
    expect(await refusalOf(bytes)).toMatch(/extension|may not use|exactly one memory/);
  });
});

describe('host calls that are not allowed', () => {
  const bytes =
    assemble(`(module (import "env" "proxy_http_call" (func)) (import "wasi_snapshot_preview1" "fd_write" (func))
    (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))`);
  const prepare = (allow: readonly string[] | null, deny: readonly string[]) =>
    prepareModule(bytes, { name: 'p', memory: 65_536, startFuel: 1000, hostCalls: { allow, deny } });

  it.each<[readonly string[] | null, readonly string[]]>([
    [null, ['proxy_http_call']],
    [null, ['proxy_http_*']],
    [['proxy_log', 'fd_write'], []],
    [['proxy_*', 'fd_write'], ['proxy_http_call']],
  ])('allow %j, deny %j: the module is refused, with the name', async (allow, deny) => {
    await expect(prepare(allow, deny)).rejects.toThrow(/env\.proxy_http_call.*allow\.hostCalls/);
  });

  it('are those of WASI, too', async () => {
    await expect(prepare(null, ['fd_write'])).rejects.toThrow(/wasi_snapshot_preview1\.fd_write/);
  });

  it('leave the others alone', async () => {
    await expect(prepare(['proxy_http_call', 'fd_*'], ['proxy_grpc_*'])).resolves.toMatchObject({ name: 'p' });
    const plain = { name: 'p', memory: 65_536, startFuel: 1000, hostCalls: { allow: [], deny: [] } };
    await expect(prepareModule(pluginModule({}), plain)).resolves.toMatchObject({ name: 'p' });
  });
});
