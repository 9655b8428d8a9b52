import { deflateSync, inflateSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { StreamHost } from './host.ts';
import { ADDRESS, HostCallRig, NONE, OUTSIDE, SIZE, type Span } from './host-call.suite.ts';

/** An exchange that notes what is done to it. */
class Noting implements StreamHost {
  readonly events: string[] = [];

  clearRouteCache(): void {
    this.events.push('clear');
  }

  inject(bytes: Uint8Array, end: boolean): boolean {
    this.events.push(`inject ${Buffer.from(bytes).toString()}${end ? '!' : ''}`);
    return bytes.length < 100;
  }

  upstreamHosts(): null {
    return null;
  }

  overrideUpstreamHost(): boolean {
    return false;
  }

  setFilterState(name: string, value: Uint8Array): void {
    this.events.push(`${name}=${Buffer.from(value).toString()}`);
  }
}

let rig: HostCallRig;
let stream: Noting;
beforeEach(async () => {
  rig = await HostCallRig.make({ logLevel: 2 });
  stream = new Noting();
  rig.host.stream = stream;
});

function call(name: string, argument: string | Uint8Array = '', slots: Span = [ADDRESS, SIZE]): number {
  rig.soilSlots();
  return rig.call('proxy_call_foreign_function', ...rig.put(name), ...rig.put(argument), ...slots);
}

/** A field of a message: bytes, or a number below 128. */
function field(number: number, value: string | number): string {
  if (typeof value === 'number') return String.fromCharCode(number << 3, value);
  return `${String.fromCharCode((number << 3) | 2, value.length)}${value}`;
}

describe('proxy_call_foreign_function', () => {
  it('does not know every name, and empties the slots', () => {
    for (const name of ['', 'nope', 'toString', 'expr_create', 'x'.repeat(1000)]) {
      expect([call(name), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.notFound, 0, 0]);
    }
  });

  it('calls only what the operator allows', async () => {
    rig = await HostCallRig.make({ permissions: { foreignFunctions: ['compress'] } });
    expect([call('get_log_level'), call('compress', 'a')]).toEqual([Status.notFound, Status.ok]);
  });

  it('writes no result where none is wanted', () => {
    const before = Buffer.from(rig.vm.memory.bytes.subarray(0, 16));
    expect(call('get_log_level', '', NONE)).toBe(Status.ok);
    expect(rig.vm.memory.bytes.subarray(0, 16)).toEqual(before);
  });

  it('checks every address first', () => {
    const name = rig.put('clear_route_cache');
    const ask = (...args: number[]) => rig.call('proxy_call_foreign_function', ...args);
    expect(ask(OUTSIDE, 3, ...NONE, ADDRESS, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(...name, 0, -1, ADDRESS, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(...name, ...NONE, OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(...name, ...NONE, ADDRESS, OUTSIDE)).toBe(Status.invalidMemoryAccess);
    expect(stream.events).toEqual([]);
  });
});

describe('foreign functions', () => {
  it('tell the log level', () => {
    expect([call('get_log_level'), rig.resultBytes.readUInt32LE()]).toEqual([Status.ok, 2]);
  });

  it('ask for another route, and do nothing for the plugin itself', () => {
    expect([call('clear_route_cache'), rig.u32(SIZE)]).toEqual([Status.ok, 0]);
    const name = rig.put('clear_route_cache');
    expect(rig.callAsRoot('proxy_call_foreign_function', ...name, ...NONE, ADDRESS, SIZE)).toBe(Status.ok);
    expect(stream.events).toEqual(['clear']);
  });

  it('compress and unpack in the format of zlib', () => {
    const text = 'ab'.repeat(1000);
    expect(call('compress', text)).toBe(Status.ok);
    expect(inflateSync(rig.resultBytes).toString()).toBe(text);
    expect(call('uncompress', deflateSync(text))).toBe(Status.ok);
    expect(rig.result).toBe(text);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['what is no zlib', Buffer.from('hello hello hello')],
    ['what was cut short', deflateSync('x'.repeat(5000)).subarray(0, 15)],
    ['a bomb', deflateSync(Buffer.alloc(LIMITS.pluginCompressBytes + 1))],
  ])('do not unpack %s', (_name, bytes) => {
    expect([call('uncompress', bytes), rig.u32(SIZE)]).toEqual([Status.serializationFailure, 0]);
  });

  it('charge for what they pack and unpack', () => {
    const use = (name: string, argument: Uint8Array): boolean => {
      const spans = [...rig.put(name), ...rig.put(argument)];
      const run = rig.env['proxy_call_foreign_function']!;
      return rig.run(() => run(...spans, ADDRESS, SIZE), 'proxy_on_request_headers', rig.stream, 20_000);
    };
    expect(use('compress', Buffer.alloc(10_000))).toBe(false);
    expect(rig.crash!.cause).toBe('fuel');
  });

  it('keep a filter state', () => {
    expect(call('set_envoy_filter_state', field(1, 'key') + field(2, 'value') + field(3, 1))).toBe(Status.ok);
    expect(call('set_envoy_filter_state', field(1, 'bare'))).toBe(Status.ok);
    expect(stream.events).toEqual(['key=value', 'bare=']);
  });

  it.each([
    ['no key', field(2, 'value')],
    ['a key of another type', field(1, 1)],
    ['a field cut short', '\x0a\x09key'],
    ['a number without an end', '\x0a\xff\xff'],
    ['an unknown wire type', '\x0b'],
    ['no field number', '\x02\x01a'],
  ])('refuse %s', (_name, argument) => {
    expect(call('set_envoy_filter_state', argument)).toBe(Status.badArgument);
    expect(stream.events).toEqual([]);
  });

  it('inject, until the exchange takes no more', () => {
    expect(call('inject_encoded_data_to_filter_chain', field(1, 'abc'))).toBe(Status.ok);
    expect(call('inject_encoded_data_to_filter_chain_on_header', field(1, 'd') + field(2, 1))).toBe(Status.ok);
    expect(call('inject_encoded_data_to_filter_chain', field(2, 1))).toBe(Status.ok);
    expect(call('inject_encoded_data_to_filter_chain', field(1, 'x'.repeat(120)))).toBe(Status.badArgument);
    expect(stream.events.slice(0, 3)).toEqual(['inject abc', 'inject d!', 'inject !']);
    rig.host.stream = null;
    expect(call('inject_encoded_data_to_filter_chain', field(1, 'abc'))).toBe(Status.badArgument);
  });

  it('have one without an effect', () => {
    expect(call('set_global_max_requests_per_io_cycle', '\x01\0\0\0\0\0\0\0')).toBe(Status.ok);
  });
});
