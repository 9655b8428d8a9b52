import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { MetricType, Status } from './abi.ts';
import { HostCallRig, OUTSIDE, SLOT } from './host-call.suite.ts';

let rig: HostCallRig;
beforeEach(async () => {
  rig = await HostCallRig.make();
});

function define(type: number, name: string): number {
  return rig.call('proxy_define_metric', type, ...rig.put(name), SLOT) === Status.ok ? rig.u32(SLOT) : 0;
}

function valueOf(id: number): bigint | number {
  const status = rig.call('proxy_get_metric', id, SLOT);
  return status === Status.ok ? rig.u64(SLOT) : status;
}

describe('metrics', () => {
  it('are the same for the same type and name', () => {
    const id = define(MetricType.counter, 'requests');
    expect(id).toBeGreaterThan(0);
    expect([define(MetricType.counter, 'requests'), define(MetricType.gauge, 'requests') === id]).toEqual([id, false]);
  });

  it('count up', () => {
    const id = define(MetricType.counter, 'c');
    const add = (delta: bigint) => rig.call('proxy_increment_metric', id, delta);
    expect([add(2n), add(0n), add(-1n)]).toEqual([Status.ok, Status.ok, Status.badArgument]);
    expect(rig.call('proxy_record_metric', id, 3n)).toBe(Status.ok);
    expect(valueOf(id)).toBe(5n);
  });

  it('are set, and go up and down', () => {
    const id = define(MetricType.gauge, 'g');
    expect(rig.call('proxy_record_metric', id, 5n)).toBe(Status.ok);
    expect(rig.call('proxy_increment_metric', id, -2n)).toBe(Status.ok);
    expect(valueOf(id)).toBe(3n);
    rig.call('proxy_increment_metric', id, -5n);
    expect(valueOf(id)).toBe(BigInt.asUintN(64, -2n));
  });

  it('record', () => {
    const id = define(MetricType.histogram, 'h');
    expect(rig.call('proxy_record_metric', id, 7n)).toBe(Status.ok);
    expect([rig.call('proxy_increment_metric', id, 1n), valueOf(id)]).toEqual([2, 2]);
  });

  it('that do not exist are not found', () => {
    const ids = [0, 99, -1];
    expect(ids.map((id) => rig.call('proxy_increment_metric', id, 1n))).toEqual([1, 1, 1]);
    expect(ids.map((id) => rig.call('proxy_record_metric', id, 1n))).toEqual([1, 1, 1]);
    expect(ids.map(valueOf)).toEqual([1, 1, 1]);
  });

  it('are refused with a type or an address that does not exist', () => {
    expect([3, -1].map((type) => define(type, 'x'))).toEqual([0, 0]);
    expect(rig.call('proxy_define_metric', 0, OUTSIDE, 4, SLOT)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_define_metric', 0, ...rig.put('a'), OUTSIDE)).toBe(Status.invalidMemoryAccess);
    expect(rig.call('proxy_get_metric', define(0, 'a'), OUTSIDE)).toBe(Status.invalidMemoryAccess);
  });

  it('beyond the limit can be used and are not seen, because SDKs give up on an error', () => {
    for (let i = 0; i < LIMITS.pluginMetrics; i++) define(MetricType.counter, `m${i}`);
    const id = define(MetricType.counter, 'one more');
    expect([id > 0, rig.call('proxy_increment_metric', id, 1n)]).toEqual([true, Status.ok]);
    expect(rig.vm.host.metrics.samples().some(({ name }) => name.startsWith('one'))).toBe(false);
  });
});
