import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import { ADDRESS, HostCallRig, NONE, OUTSIDE, SIZE, SLOT } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

const set = (key: string, value: string, cas = 0) =>
  rig.call('proxy_set_shared_data', ...rig.put(key), ...rig.put(value), cas);

function get(key: string): number {
  rig.soilSlots();
  return rig.call('proxy_get_shared_data', ...rig.put(key), ADDRESS, SIZE, SLOT);
}

describe('shared data', () => {
  it('is stored and found, empty values too', () => {
    expect([set('k', 'value'), set('empty', '')]).toEqual([Status.ok, Status.ok]);
    expect([get('k'), rig.result]).toEqual([Status.ok, 'value']);
    expect(rig.u32(SLOT)).toBeGreaterThan(0);
    expect([get('empty'), rig.u32(ADDRESS), rig.u32(SIZE)]).toEqual([Status.ok, 0, 0]);
  });

  it('is not found when nobody has stored it', () => {
    expect([get('none'), rig.u32(ADDRESS), rig.u32(SIZE), rig.u32(SLOT)]).toEqual([Status.notFound, 0, 0, 0]);
  });

  it('changes only for those who know its number', () => {
    set('k', 'one');
    get('k');
    const cas = rig.u32(SLOT);
    expect(set('k', 'two', cas)).toBe(Status.ok);
    get('k');
    expect([rig.result, rig.u32(SLOT) === cas]).toEqual(['two', false]);
    expect(set('k', 'three', cas)).toBe(Status.casMismatch);
    expect(set('new', 'any number', 12_345)).toBe(Status.ok);
    expect(set('k', 'four')).toBe(Status.ok);
  });

  it('checks every address', () => {
    expect(rig.call('proxy_set_shared_data', OUTSIDE, 1, ...NONE, 0)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_set_shared_data', ...rig.put('k'), 0, -1, 0)).toBe(Status.invalidMemoryAccess);
    set('k', 'v');
    const key = rig.put('k');
    expect(rig.call('proxy_get_shared_data', OUTSIDE, 1, ADDRESS, SIZE, SLOT)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_shared_data', ...key, ADDRESS, SIZE, OUTSIDE)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_shared_data', ...key, OUTSIDE, SIZE, SLOT)).toBe(Status.invalidMemoryAccess);
  });

  it('is charged for', () => {
    const [at] = rig.put(Buffer.alloc(1000));
    const call = rig.env['proxy_set_shared_data']!;
    const run = (): boolean => rig.run(() => void call(at, 10, at, 1000, 0), 'proxy_on_tick', rig.root, 1200);
    expect([run(), rig.crash?.cause]).toEqual([false, 'fuel']);
    expect(LIMITS.pluginSharedDataBytes).toBeGreaterThan(1000);
  });
});
