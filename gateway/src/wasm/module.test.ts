import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { type ModuleOptions, type PreparedModule, prepareModule } from './module.ts';
import { assemble, pluginModule } from './wat.suite.ts';

const MEMORY = 1024 * 1024;

function prepare(bytes: Uint8Array, options: Partial<ModuleOptions> = {}): Promise<PreparedModule> {
  return prepareModule(bytes, { name: 'p.wasm', memory: MEMORY, startFuel: 100_000, ...options });
}

async function refusal(bytes: Uint8Array, options: Partial<ModuleOptions> = {}): Promise<string> {
  const error = await prepare(bytes, options).then(
    () => null,
    (reason: unknown) => reason as GatewayError,
  );
  expect(error?.code).toBe('SLUICE_PLUGIN_INVALID');
  return error!.detail;
}

const marked = '(func (export "proxy_abi_version_0_2_1"))';
const memory = '(memory (export "memory") 1)';
const plain = pluginModule({});

/** A module that sets global 0 and has none: our own would be global 0. */
function writesForeignGlobal(): Uint8Array {
  const bytes = Uint8Array.from(
    assemble(`(module (global $g (mut i32) (i32.const 0)) ${memory} ${marked} (func (global.set $g (i32.const 1))))`),
  );
  const setGlobal = Buffer.from(bytes).indexOf(Buffer.of(0x24, 0x00));
  bytes[setGlobal + 1] = 1;
  return bytes;
}

describe('a module is refused', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['that is empty', new Uint8Array(0), /not a WebAssembly module/],
    ['that is text', Buffer.from('(module)'), /not a WebAssembly module/],
    ['that is cut off', plain.subarray(0, plain.length - 5), /damaged/],
    ['without marker', pluginModule({ marker: '' }), /no Proxy-Wasm marker/],
    ['with an unknown marker', pluginModule({ marker: 'proxy_abi_version_9_9_9' }), /proxy_abi_version_9_9_9/],
    ['without memory', assemble(`(module ${marked})`), /memory/],
    ['with a memory of another name', assemble(`(module ${marked} (memory (export "m") 1))`), /memory/],
    ['that imports memory', assemble(`(module (import "env" "memory" (memory 1)) ${marked})`), /env\.memory/],
    ['that starts with too much memory', pluginModule({ memory: '17' }), /1088 KiB/],
    ['with an endless table', assemble(`(module ${marked} ${memory} (table 4000000 funcref))`), /table/],
    ['that writes a global it does not have', writesForeignGlobal(), /not valid/],
    ['that is too large', new Uint8Array(LIMITS.pluginModuleBytes + 1), /more than/],
  ])('%s', async (_name, bytes, expected) => {
    expect(await refusal(bytes)).toMatch(expected);
  });

  it('at every length it can be cut to', async () => {
    for (let length = 0; length < plain.length; length += 3) {
      await refusal(plain.subarray(0, length));
    }
  });

  it('or contained, whatever byte is changed', async () => {
    let accepted = 0;
    for (let at = 8; at < plain.length; at++) {
      for (const value of [0x00, 0x7f, 0xff, plain[at]! ^ 1]) {
        const bytes = Uint8Array.from(plain);
        bytes[at] = value;
        const outcome = await prepare(bytes).catch((error: unknown) => error as GatewayError);
        if (outcome instanceof Error) expect(outcome.code).toBe('SLUICE_PLUGIN_INVALID');
        else accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(0);
  });
});

describe('a prepared module', () => {
  it('knows its version and callbacks', async () => {
    const callbacks = { proxy_on_request_headers: '(i32.const 0)' };
    const prepared = await prepare(pluginModule({ callbacks, marker: 'proxy_abi_version_0_1_0' }));
    expect(prepared.abi).toBe('0.1.0');
    expect(prepared.exports).toContain('proxy_on_request_headers');
  });

  it('crosses threads', async () => {
    const copy = structuredClone(await prepare(plain));
    expect(new WebAssembly.Instance(copy.module, {}).exports).toHaveProperty('proxy_abi_version_0_2_1');
  });

  it('cannot grow beyond its memory', async () => {
    const bytes = pluginModule({
      fields: '(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))',
    });
    const { module } = await prepare(bytes);
    const grow = new WebAssembly.Instance(module, {}).exports['grow'] as (pages: number) => number;
    expect(grow(16)).toBe(-1);
    expect(grow(15)).toBe(1);
    expect(grow(1)).toBe(-1);
  });

  it('keeps a smaller maximum of its own', async () => {
    const fields = '(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))';
    const { module } = await prepare(pluginModule({ fields, memory: '1 2' }));
    const grow = new WebAssembly.Instance(module, {}).exports['grow'] as (pages: number) => number;
    expect(grow(2)).toBe(-1);
    expect(grow(1)).toBe(1);
  });

  it('does not run its start section by itself, and keeps names of its own', async () => {
    const fields = `(global $ran (export "sluice_fuel") (mut i32) (i32.const 0)) (func $s (global.set $ran (i32.const 1))) (start $s)`;
    const { module, added } = await prepare(pluginModule({ fields }));
    const { exports } = new WebAssembly.Instance(module, {});
    expect(added.fuel).toBe('sluice_fuel_');
    expect((exports['sluice_fuel'] as WebAssembly.Global).value).toBe(0);
    (exports[added.start!] as () => void)();
    expect((exports['sluice_fuel'] as WebAssembly.Global).value).toBe(1);
  });
});
