import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** Longer paths name nothing. */
const PATH_BYTES = 1024;

export function propertyCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_get_property(path: number, length: number, addressSlot: number, sizeSlot: number): number {
      if (!memory.holds(path >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      vm.spend(500);
      const known = length >>> 0 <= PATH_BYTES;
      const name = known ? memory.readLatin1(path >>> 0, length >>> 0) : '';
      const value = known ? (vm.target?.host.getProperty(name) ?? null) : null;
      if (value === null) return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
      if (typeof value === 'string') return vm.returnLatin1(value, addressSlot >>> 0, sizeSlot >>> 0);
      // A whole map was serialised for it.
      vm.spend(value.length);
      return vm.returnBytes(value, addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_property(path: number, length: number, value: number, valueLength: number): number {
      if (!memory.holds(path >>> 0, length >>> 0) || !memory.holds(value >>> 0, valueLength >>> 0)) {
        return Status.invalidMemoryAccess;
      }
      const host = vm.target?.host;
      if (host === undefined || length >>> 0 > PATH_BYTES || valueLength >>> 0 > LIMITS.pluginPropertyBytes) {
        return Status.badArgument;
      }
      vm.spend(500 + (valueLength >>> 0));
      const bytes = memory.bytes.subarray(value >>> 0, (value >>> 0) + (valueLength >>> 0));
      host.setProperty(memory.readLatin1(path >>> 0, length >>> 0), new Uint8Array(bytes));
      return Status.ok;
    },
  };
}
