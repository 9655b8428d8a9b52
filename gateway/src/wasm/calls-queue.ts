import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** What it costs to look through the names of all queues and shared data. */
const SEARCH_PRICE = 20_000;
/** What it costs to lock a queue. */
const LOCK_PRICE = 500;

export function queueCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_register_shared_queue(name: number, length: number, slot: number): number {
      if (!memory.holds(name >>> 0, length >>> 0) || !memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      vm.spend(SEARCH_PRICE + (length >>> 0));
      memory.writeU32(slot >>> 0, vm.host.queues.register(memory.readLatin1(name >>> 0, length >>> 0)));
      return Status.ok;
    },

    proxy_resolve_shared_queue(vmId: number, vmLength: number, name: number, length: number, slot: number): number {
      const held = memory.holds(vmId >>> 0, vmLength >>> 0) && memory.holds(name >>> 0, length >>> 0);
      if (!held || !memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      vm.spend(SEARCH_PRICE + (vmLength >>> 0) + (length >>> 0));
      const plugin = memory.readLatin1(vmId >>> 0, vmLength >>> 0);
      const id = vm.host.queues.resolve(plugin, memory.readLatin1(name >>> 0, length >>> 0));
      memory.writeU32(slot >>> 0, id);
      return id === 0 ? Status.notFound : Status.ok;
    },

    proxy_enqueue_shared_queue(id: number, data: number, length: number): number {
      if (!memory.holds(data >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      const { queues } = vm.host;
      vm.spend((queues.knows(id >>> 0) ? LOCK_PRICE : SEARCH_PRICE) + (length >>> 0));
      const message = memory.bytes.subarray(data >>> 0, (data >>> 0) + (length >>> 0));
      return queues.enqueue(id >>> 0, message) ? Status.ok : Status.notFound;
    },

    proxy_dequeue_shared_queue(id: number, addressSlot: number, sizeSlot: number): number {
      if (!memory.holds(addressSlot >>> 0, 4) || !memory.holds(sizeSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      const { queues } = vm.host;
      vm.spend(queues.knows(id >>> 0) ? LOCK_PRICE : SEARCH_PRICE);
      const message = queues.dequeue(id >>> 0);
      if (message === undefined) return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
      if (message === null) return vm.returnNothing(Status.empty, addressSlot >>> 0, sizeSlot >>> 0);
      return vm.returnBytes(message, addressSlot >>> 0, sizeSlot >>> 0);
    },
  };
}
