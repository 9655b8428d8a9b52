import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { ADDRESS, HostCallRig, NONE, OUTSIDE, SIZE } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

function get(path: string): number {
  rig.soilSlots();
  return rig.call('proxy_get_property', ...rig.put(path), ADDRESS, SIZE);
}

describe('proxy_get_property', () => {
  it('hands over text and bytes', () => {
    rig.host.properties
      .set('a\0b', 'caf\xe9')
      .set('n', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))
      .set('empty', '');
    expect([get('a\0b'), rig.result]).toEqual([Status.ok, 'caf\xe9']);
    expect([get('n'), rig.resultBytes.readBigInt64LE()]).toEqual([Status.ok, 1n]);
    expect([get('empty'), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.ok, 0, 0]);
  });

  it('does not find what is not there, or too long to be there', () => {
    rig.host.properties.set('', 'x');
    expect([get('nope'), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.notFound, 0, 0]);
    expect(get('x'.repeat(5000))).toBe(Status.notFound);
  });

  it('does not show what the operator hides', async () => {
    rig = await HostCallRig.make({ permissions: { properties: ['request'] } });
    rig.host.properties.set('request\0path', '/').set('source\0address', '10.0.0.1:1');
    expect([get('request\0path'), get('source\0address')]).toEqual([Status.ok, Status.notFound]);
  });

  it.each(['plugin_vm_memory', 'plugin_vm_memory\0'])('knows the memory of the instance as %j', (path) => {
    expect(get(path)).toBe(Status.ok);
    expect(rig.resultBytes.readBigUInt64LE()).toBe(131_072n);
    expect(rig.callAsRoot('proxy_get_property', ...rig.put(path), ADDRESS, SIZE)).toBe(Status.ok);
  });

  it('checks addresses', () => {
    rig.host.properties.set('a', 'b');
    expect(rig.call('proxy_get_property', OUTSIDE, 1, ADDRESS, SIZE)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_property', ...rig.put('a'), OUTSIDE, SIZE)).toBe(Status.invalidMemoryAccess);
  });
});

describe('proxy_set_property', () => {
  it('keeps a copy, for exchanges and for the plugin itself', () => {
    expect(rig.call('proxy_set_property', ...rig.put('a'), ...rig.put('one'))).toBe(Status.ok);
    expect(rig.callAsRoot('proxy_set_property', ...rig.put('b'), ...NONE)).toBe(Status.ok);
    rig.vm.memory.bytes.fill(0);
    expect(Buffer.from(rig.host.properties.get('a') as Uint8Array).toString()).toBe('one');
    expect(rig.rootHost.properties.get('b')).toHaveLength(0);
  });

  it('refuses what is too long, and addresses outside of memory', () => {
    const long = [1024, LIMITS.pluginPropertyBytes + 1] as const;
    expect(rig.call('proxy_set_property', ...rig.put('a'), ...long)).toBe(Status.badArgument);
    expect(rig.call('proxy_set_property', 0, 2000, ...NONE)).toBe(Status.badArgument);
    expect(rig.call('proxy_set_property', ...rig.put('a'), OUTSIDE, 5)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_set_property', 0, -1, ...NONE)).toBe(Status.invalidMemoryAccess);
    expect(rig.host.properties.size).toBe(0);
  });

  it('asks for a new instance by name', () => {
    rig.call('proxy_set_property', ...rig.put('wasm_need_rebuild'), ...rig.put('false'));
    expect(rig.rebuilds).toBe(0);
    rig.call('proxy_set_property', ...rig.put('wasm_need_rebuild'), ...rig.put('true'));
    expect(rig.rebuilds).toBe(1);
  });
});
