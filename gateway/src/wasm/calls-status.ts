import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function statusCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    /** How the call ended whose callback is running; fine outside of one. */
    proxy_get_status(codeSlot: number, addressSlot: number, sizeSlot: number): number {
      const held = memory.holds(addressSlot >>> 0, 4) && memory.holds(sizeSlot >>> 0, 4);
      if (!held || !memory.holds(codeSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      const { code, message } = vm.callStatus;
      memory.writeU32(codeSlot >>> 0, code);
      if (message === '') return vm.returnNothing(Status.ok, addressSlot >>> 0, sizeSlot >>> 0);
      return vm.returnLatin1(message, addressSlot >>> 0, sizeSlot >>> 0);
    },
  };
}
