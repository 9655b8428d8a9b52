import { beforeEach, describe, expect, it } from 'vitest';
import { BufferType, Status } from './abi.ts';
import { ReadOnlyBuffer } from './callout-view.ts';
import type { GuestBuffer } from './host.ts';
import { ADDRESS, HostCallRig, NONE, OUTSIDE, SIZE, SLOT } from './host-call.suite.ts';

class Body implements GuestBuffer {
  readonly writable = true;
  bytes: Buffer;

  constructor(text: string) {
    this.bytes = Buffer.from(text);
  }

  get length(): number {
    return this.bytes.length;
  }

  read(start: number, length: number): Buffer {
    return this.bytes.subarray(start, start + length);
  }

  splice(start: number, length: number, bytes: Uint8Array): boolean {
    const at = Math.min(start, this.length);
    this.bytes = Buffer.concat([this.bytes.subarray(0, at), bytes, this.bytes.subarray(at + length)]);
    return this.length < 100;
  }
}

const BODY = BufferType.requestBody;
let rig: HostCallRig;
let body: Body;

beforeEach(async () => {
  rig = await HostCallRig.make();
  body = new Body('hello');
  rig.host.buffers.set(BODY, body);
});

function get(type: number, start: number, most: number): number {
  rig.soilSlots();
  return rig.call('proxy_get_buffer_bytes', type, start, most, ADDRESS, SIZE);
}

describe('proxy_get_buffer_bytes', () => {
  it.each([
    [0, -1, 'hello'],
    [1, 3, 'ell'],
    [3, 100, 'lo'],
    [1, -1, 'ello'],
    [5, 1, ''],
    [0, 0, ''],
    [9, 9, ''],
    [-1, -1, ''],
  ])('from %i at most %i bytes', (start, most, text) => {
    expect([get(BODY, start, most), rig.result]).toEqual([Status.ok, text]);
    if (text === '') expect(rig.u32(ADDRESS)).toBe(0);
  });

  it('answers that there is none now, or never', () => {
    expect([get(BufferType.responseBody, 0, 9), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.notFound, 0, 0]);
    expect(get(8, 0, 9)).toBe(Status.notFound);
    expect([10, -1].map((type) => get(type, 0, 9))).toEqual([Status.badArgument, Status.badArgument]);
  });

  it('gives the configuration to the plugin itself alone', () => {
    expect(get(BufferType.pluginConfiguration, 0, 99)).toBe(Status.notFound);
    expect(rig.callAsRoot('proxy_get_buffer_bytes', 7, 0, -1, ADDRESS, SIZE)).toBe(Status.ok);
    expect(rig.result).toBe('{"a":1}');
    expect(rig.callAsRoot('proxy_get_buffer_bytes', 6, 0, -1, ADDRESS, SIZE)).toBe(Status.ok);
    expect(rig.u32(SIZE)).toBe(0);
  });

  it('checks its slots', () => {
    expect(rig.call('proxy_get_buffer_bytes', BODY, 0, 9, OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_buffer_bytes', BODY, 0, 9, ADDRESS, OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('proxy_set_buffer_bytes', () => {
  it.each([
    ['puts before', 0, 0, 'x', 'xhello'],
    ['puts in place of all', 0, -1, 'x', 'x'],
    ['puts behind', -1, 0, 'x', 'hellox'],
    ['puts behind, whatever it is to take out there', 0x7fff_ffff, 3, 'x', 'hellox'],
    ['takes out', 0, 2, '', 'llo'],
    ['replaces in the middle', 1, 3, 'ipp', 'hippo'],
  ])('%s', (_name, start, length, data, after) => {
    expect(rig.call('proxy_set_buffer_bytes', BODY, start, length, ...rig.put(data))).toBe(Status.ok);
    expect(body.bytes.toString()).toBe(after);
  });

  it('refuses what can only be read, what outgrows its limit, and what is not there', () => {
    rig.host.buffers.set(BufferType.responseBody, new ReadOnlyBuffer(Buffer.from('a')));
    expect(rig.call('proxy_set_buffer_bytes', 1, 0, 0, ...rig.put('x'))).toBe(Status.badArgument);
    expect(rig.callAsRoot('proxy_set_buffer_bytes', 7, 0, 0, ...rig.put('x'))).toBe(Status.badArgument);
    expect(rig.call('proxy_set_buffer_bytes', BODY, 0, 0, ...rig.put('x'.repeat(200)))).toBe(Status.badArgument);
    expect(rig.call('proxy_set_buffer_bytes', 4, 0, 0, ...NONE)).toBe(Status.notFound);
    expect(rig.call('proxy_set_buffer_bytes', 10, 0, 0, ...NONE)).toBe(Status.badArgument);
  });

  it('checks where the bytes are', () => {
    expect(rig.call('proxy_set_buffer_bytes', BODY, 0, 0, OUTSIDE, 5)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_set_buffer_bytes', BODY, 0, 0, 0, -1)).toBe(Status.invalidMemoryAccess);
    expect(body.bytes.toString()).toBe('hello');
  });
});

describe('proxy_get_buffer_status', () => {
  it('says how long it is', () => {
    rig.soilSlots();
    expect(rig.call('proxy_get_buffer_status', BODY, SLOT, SIZE)).toBe(Status.ok);
    expect([rig.u32(SLOT), rig.u32(SIZE)]).toEqual([5, 0]);
    expect(rig.call('proxy_get_buffer_status', 1, SLOT, SIZE)).toBe(Status.notFound);
    expect(rig.u32(SLOT)).toBe(0);
    expect(rig.call('proxy_get_buffer_status', 10, SLOT, SIZE)).toBe(Status.badArgument);
    expect(rig.call('proxy_get_buffer_status', BODY, OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_buffer_status', BODY, SLOT, OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('proxy_get_configuration', () => {
  it.each([
    ['proxy_on_configure', '{"a":1}'],
    ['proxy_on_vm_start', ''],
  ])('in %s', (callback, text) => {
    let status = -1;
    const ask = rig.env['proxy_get_configuration']!;
    rig.run(() => (status = ask(ADDRESS, SIZE)), callback, rig.root);
    expect([status, rig.result]).toEqual([Status.ok, text]);
  });

  it('is empty for an exchange', () => {
    expect([rig.call('proxy_get_configuration', ADDRESS, SIZE), rig.u32(SIZE)]).toEqual([Status.ok, 0]);
  });
});
