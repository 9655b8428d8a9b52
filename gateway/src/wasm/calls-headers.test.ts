import { beforeEach, describe, expect, it } from 'vitest';
import { PairHeaders } from '../exchange/headers.ts';
import { type AbiVersion, MapType, Status } from './abi.ts';
import type { HeaderMap } from './host.ts';
import { ADDRESS, HostCallRig, NEGATIVE, NONE, OUTSIDE, SIZE, SLOT } from './host-call.suite.ts';
import { pairsByteLength, parsePairs, writePairs } from './pairs.ts';

/** A map as the host keeps it, without rules of its own. */
class Fields implements HeaderMap {
  writable = true;
  readonly list: PairHeaders;

  constructor(...pairs: string[]) {
    this.list = new PairHeaders(pairs);
  }

  get size(): number {
    return this.list.size;
  }

  toPairs(): string[] {
    return [...this.list.toPairs()];
  }

  get(name: string): string | undefined {
    return this.list.get(name);
  }

  add(name: string, value: string): boolean {
    this.list.append(name, value);
    return value !== 'refused';
  }

  replace(name: string, value: string): boolean {
    this.list.set(name, value);
    return true;
  }

  remove(name: string): boolean {
    this.list.remove(name);
    return true;
  }

  assign(pairs: readonly string[]): boolean {
    for (let i = this.list.size - 1; i >= 0; i--) this.list.remove(this.list.nameAt(0));
    for (let i = 0; i < pairs.length; i += 2) this.list.append(pairs[i]!, pairs[i + 1]!);
    return true;
  }
}

const REQUEST = MapType.requestHeaders;
const TRAILERS = MapType.requestTrailers;

function serialised(...pairs: string[]): Buffer {
  const bytes = Buffer.alloc(pairsByteLength(pairs));
  writePairs(pairs, bytes, 0);
  return bytes;
}

let rig: HostCallRig;
let fields: Fields;

async function make(abi: AbiVersion = '0.2.1'): Promise<void> {
  rig = await HostCallRig.make({ abi });
  fields = new Fields(':path', '/a', 'x-one', '1', 'x-one', '2', 'x-empty', '');
  rig.host.maps.set(REQUEST, fields);
}

beforeEach(() => make());

describe('proxy_get_header_map_value', () => {
  const get = (name: string, type: number = REQUEST): number => {
    rig.soilSlots();
    return rig.call('proxy_get_header_map_value', type, ...rig.put(name), ADDRESS, SIZE);
  };

  it('answers the first value, whatever the case of the name', () => {
    expect([get('X-One'), rig.result]).toEqual([Status.ok, '1']);
    expect([get(':path'), rig.result]).toEqual([Status.ok, '/a']);
  });

  it('answers nothing at address 0 for an empty value', () => {
    expect([get('x-empty'), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.ok, 0, 0]);
  });

  it.each([
    ['0.1.0', Status.ok],
    ['0.2.0', Status.notFound],
    ['0.2.1', Status.notFound],
    ['0.2.100', Status.notFound],
  ] as const)('answers for %s that there is no such field, and empties the slots', async (abi, status) => {
    await make(abi);
    expect([get('x-none'), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([status, 0, 0]);
  });

  it.each([
    ['0.1.0', Status.ok, Status.ok],
    ['0.2.1', Status.badArgument, Status.notFound],
  ] as const)('answers for %s that the map is not there, in the log phase more gently', async (abi, now, logging) => {
    await make(abi);
    expect([get('a', TRAILERS), rig.u32(SIZE)]).toEqual([now, 0]);
    let status = -1;
    const name = rig.put('a');
    const ask = rig.env['proxy_get_header_map_value']!;
    rig.run(() => (status = ask(TRAILERS, ...name, ADDRESS, SIZE)), 'proxy_on_log');
    expect(status).toBe(logging);
  });

  it('refuses maps that do not exist', () => {
    expect([8, -1].map((type) => get('a', type))).toEqual([Status.badArgument, Status.badArgument]);
  });

  it('refuses addresses outside of memory before it looks anything up', () => {
    const [at, length] = rig.put('x-one');
    const ask = (...args: number[]) => rig.call('proxy_get_header_map_value', REQUEST, ...args);
    expect(ask(NEGATIVE, length, ADDRESS, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(at, -1, ADDRESS, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(at, length, OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(ask(at, length, ADDRESS, OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('proxy_get_header_map_pairs', () => {
  const get = (type: number): number => {
    rig.soilSlots();
    return rig.call('proxy_get_header_map_pairs', type, ADDRESS, SIZE);
  };

  it('gives all pairs in order, in exactly the bytes they take', () => {
    expect(get(REQUEST)).toBe(Status.ok);
    expect(parsePairs(rig.resultBytes)).toEqual([':path', '/a', 'x-one', '1', 'x-one', '2', 'x-empty', '']);
  });

  it('gives nothing at address 0 for an empty map and one that is not there', () => {
    rig.host.maps.set(TRAILERS, new Fields());
    expect([get(TRAILERS), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.ok, 0, 0]);
    expect([get(MapType.responseHeaders), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.ok, 0, 0]);
  });

  it('refuses maps that do not exist', () => {
    expect(get(99)).toBe(Status.badArgument);
  });
});

describe('proxy_get_header_map_size', () => {
  it('sums up names and values', () => {
    expect(rig.call('proxy_get_header_map_size', REQUEST, SLOT)).toBe(Status.ok);
    expect(rig.u32(SLOT)).toBe(':path/ax-one1x-one2x-empty'.length);
  });

  it('refuses a map that is not there, and a slot outside of memory', () => {
    expect(rig.call('proxy_get_header_map_size', TRAILERS, SLOT)).toBe(Status.badArgument);
    expect(rig.call('proxy_get_header_map_size', REQUEST, OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('header writes', () => {
  it('take names in lower case', () => {
    expect(rig.call('proxy_add_header_map_value', REQUEST, ...rig.put('X-Two'), ...rig.put('\xe9'))).toBe(Status.ok);
    expect(rig.call('proxy_replace_header_map_value', REQUEST, ...rig.put('X-ONE'), ...rig.put('3'))).toBe(Status.ok);
    expect(rig.call('proxy_remove_header_map_value', REQUEST, ...rig.put('X-Empty'))).toBe(Status.ok);
    expect(fields.toPairs()).toEqual([':path', '/a', 'x-one', '3', 'x-two', '\xe9']);
  });

  it('answer that a removed field was not there with success, which SDKs insist on', () => {
    expect(rig.call('proxy_remove_header_map_value', REQUEST, ...rig.put('x-none'))).toBe(Status.ok);
  });

  it('pass the refusal of a value on', () => {
    expect(rig.call('proxy_add_header_map_value', REQUEST, ...rig.put('a'), ...rig.put('refused'))).toBe(
      Status.badArgument,
    );
  });

  it('assign pairs, with names in lower case', () => {
    expect(rig.call('proxy_set_header_map_pairs', REQUEST, ...rig.put(serialised('A', '1', 'b', '')))).toBe(Status.ok);
    expect(fields.toPairs()).toEqual(['a', '1', 'b', '']);
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['one NUL', Buffer.alloc(1)],
    ['a count of 0', Buffer.alloc(4)],
  ])('take %s for an empty map', (_name, bytes) => {
    expect(rig.call('proxy_set_header_map_pairs', REQUEST, ...rig.put(bytes))).toBe(Status.ok);
    expect(fields.size).toBe(0);
  });

  it('refuse malformed pairs and change nothing', () => {
    const bytes = serialised('a', '1').subarray(0, 12);
    expect(rig.call('proxy_set_header_map_pairs', REQUEST, ...rig.put(bytes))).toBe(Status.badArgument);
    expect(fields.size).toBe(4);
  });

  it.each([
    'proxy_add_header_map_value',
    'proxy_replace_header_map_value',
    'proxy_remove_header_map_value',
    'proxy_set_header_map_pairs',
  ])('%s is refused for what is not there, and what has gone on, of which the log tells once', (name) => {
    const args = name.endsWith('pairs') ? NONE : [...rig.put('a'), ...rig.put('b')];
    expect(rig.call(name, TRAILERS, ...args)).toBe(Status.badArgument);
    expect(rig.call(name, 8, ...args)).toBe(Status.badArgument);
    expect(rig.lines).toEqual([]);
    fields.writable = false;
    expect([rig.call(name, REQUEST, ...args), rig.call(name, REQUEST, ...args)]).toEqual([2, 2]);
    expect(rig.lines).toHaveLength(1);
    expect(rig.lines[0]![1]).toContain('gone on');
  });

  it('check addresses', () => {
    const write = (...args: number[]) => rig.call('proxy_add_header_map_value', REQUEST, ...args);
    expect(write(OUTSIDE, 1, ...NONE)).toBe(Status.invalidMemoryAccess);
    expect(write(...rig.put('a'), NEGATIVE, 5)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_set_header_map_pairs', REQUEST, 0, -1)).toBe(Status.invalidMemoryAccess);
    expect(fields.size).toBe(4);
  });
});
