import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { PropertyValue } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import { propertyKey } from './property-path.ts';
import type { Vm } from './vm.ts';

/** Longer paths name nothing. */
const PATH_BYTES = 1024;

/** Higress' name for a wish: a new VM, because this one's memory never shrinks. */
const REBUILD = 'wasm_need_rebuild';
const MEMORY = 'plugin_vm_memory';

function propertyOf(vm: Vm, path: string): PropertyValue | null {
  if (propertyKey(path) !== MEMORY) return vm.target?.host.getProperty(path) ?? null;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(vm.memory.byteLength));
  return bytes;
}

export function propertyCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_get_property(path: number, length: number, addressSlot: number, sizeSlot: number): number {
      if (!memory.holds(path >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      vm.spend(500);
      const known = length >>> 0 <= PATH_BYTES;
      const name = known ? memory.readLatin1(path >>> 0, length >>> 0) : '';
      const readable = known && vm.host.permissions.mayRead(name);
      const value = readable ? propertyOf(vm, name) : null;
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
      const name = memory.readLatin1(path >>> 0, length >>> 0);
      if (propertyKey(name) === REBUILD && bytes.toString('latin1') === 'true') vm.host.rebuildWhenIdle();
      host.setProperty(name, new Uint8Array(bytes));
      return Status.ok;
    },
  };
}
