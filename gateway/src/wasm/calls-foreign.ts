import { Status } from './abi.ts';
import { FOREIGN_FUNCTIONS, type ForeignFunction } from './foreign.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** Longer names name nothing. */
const NAME_BYTES = 128;

function functionOf({ host }: Vm, name: string): ForeignFunction | undefined {
  const substitute = host.substitutes?.foreign(name);
  return substitute === undefined ? FOREIGN_FUNCTIONS.get(name) : (_vm, argument) => substitute(argument);
}

/** Slots of a caller that wants no result are at 0: nothing is written there. */
function answer(vm: Vm, status: number, addressSlot: number, sizeSlot: number): number {
  if (addressSlot !== 0) vm.memory.writeU32(addressSlot, 0);
  if (sizeSlot !== 0) vm.memory.writeU32(sizeSlot, 0);
  return status;
}

export function foreignCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_call_foreign_function(
      name: number,
      nameLength: number,
      argument: number,
      length: number,
      resultSlot: number,
      resultSizeSlot: number,
    ): number {
      const addressSlot = resultSlot >>> 0;
      const sizeSlot = resultSizeSlot >>> 0;
      const held =
        memory.holds(name >>> 0, nameLength >>> 0) &&
        memory.holds(argument >>> 0, length >>> 0) &&
        memory.holds(addressSlot, 4) &&
        memory.holds(sizeSlot, 4);
      if (!held) return Status.invalidMemoryAccess;
      const text = nameLength >>> 0 <= NAME_BYTES ? memory.readLatin1(name >>> 0, nameLength >>> 0) : '';
      const run = functionOf(vm, text);
      if (run === undefined || !vm.host.permissions.foreign(text)) {
        return answer(vm, Status.notFound, addressSlot, sizeSlot);
      }
      const result = run(vm, memory.bytes.subarray(argument >>> 0, (argument >>> 0) + (length >>> 0)));
      if (typeof result === 'number') return answer(vm, result, addressSlot, sizeSlot);
      if (result === null || addressSlot === 0 || sizeSlot === 0) return answer(vm, Status.ok, addressSlot, sizeSlot);
      return vm.returnBytes(result, addressSlot, sizeSlot);
    },
  };
}
