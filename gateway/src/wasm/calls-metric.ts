import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function metricCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_define_metric(type: number, name: number, length: number, slot: number): number {
      if (!memory.holds(name >>> 0, length >>> 0) || !memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      const size = Math.min(length >>> 0, LIMITS.pluginMetricNameBytes);
      vm.spend(500 + size);
      const id = vm.host.metrics.define(type >>> 0, memory.readLatin1(name >>> 0, size));
      if (id === 0) return Status.badArgument;
      memory.writeU32(slot >>> 0, id);
      return Status.ok;
    },

    proxy_increment_metric: (id: number, delta: bigint): number => vm.host.metrics.increment(id >>> 0, Number(delta)),

    proxy_record_metric: (id: number, value: bigint): number =>
      vm.host.metrics.record(id >>> 0, Number(BigInt.asUintN(64, value))),

    proxy_get_metric(id: number, slot: number): number {
      if (!memory.holds(slot >>> 0, 8)) return Status.invalidMemoryAccess;
      if (!vm.host.metrics.has(id >>> 0)) return Status.notFound;
      const value = vm.host.metrics.get(id >>> 0);
      if (value === null) return Status.badArgument;
      memory.writeU64(slot >>> 0, BigInt.asUintN(64, BigInt(value)));
      return Status.ok;
    },
  };
}
