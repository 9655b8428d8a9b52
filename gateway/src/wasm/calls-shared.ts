import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function sharedCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_get_shared_data(key: number, length: number, addressSlot: number, sizeSlot: number, casSlot: number): number {
      if (!memory.holds(key >>> 0, length >>> 0) || !memory.holds(casSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      vm.spend(500 + Math.min(length >>> 0, LIMITS.pluginSharedDataBytes));
      const known = length >>> 0 <= LIMITS.pluginSharedDataBytes;
      const entry = known ? vm.host.sharedData.get(memory.readLatin1(key >>> 0, length >>> 0)) : null;
      memory.writeU32(casSlot >>> 0, entry?.cas ?? 0);
      if (entry === null) return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
      return vm.returnBytes(entry.value, addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_shared_data(key: number, length: number, value: number, valueLength: number, cas: number): number {
      if (!memory.holds(key >>> 0, length >>> 0) || !memory.holds(value >>> 0, valueLength >>> 0)) {
        return Status.invalidMemoryAccess;
      }
      vm.spend(500 + (length >>> 0) + (valueLength >>> 0));
      const bytes = memory.bytes.subarray(value >>> 0, (value >>> 0) + (valueLength >>> 0));
      const name = memory.readLatin1(key >>> 0, length >>> 0);
      return vm.host.sharedData.set(name, bytes, cas >>> 0) ? Status.ok : Status.casMismatch;
    },
  };
}
