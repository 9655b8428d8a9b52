import { BufferType, Status } from './abi.ts';
import { ReadOnlyBuffer } from './callout-view.ts';
import type { GuestBuffer } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

const NOTHING = new Uint8Array(0);

function configurationOf(vm: Vm, type: number): GuestBuffer | null {
  if (type === BufferType.pluginConfiguration) return new ReadOnlyBuffer(vm.host.configuration);
  return type === BufferType.vmConfiguration ? new ReadOnlyBuffer(NOTHING) : null;
}

/** null: not now, or not in this version. */
function bufferOf(vm: Vm, type: number): GuestBuffer | null {
  const context = vm.target;
  if (context === null) return null;
  const response = vm.callout?.buffer(type) ?? null;
  if (response !== null) return response;
  return context.isRoot ? configurationOf(vm, type) : context.host.buffer(type);
}

export function bufferCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_get_buffer_bytes(
      type: number,
      start: number,
      maximum: number,
      addressSlot: number,
      sizeSlot: number,
    ): number {
      if (type >>> 0 > BufferType.last) return Status.badArgument;
      const buffer = bufferOf(vm, type);
      if (buffer === null) return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
      return vm.returnBytes(buffer.read(start >>> 0, maximum >>> 0), addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_buffer_bytes(type: number, start: number, length: number, data: number, dataLength: number): number {
      if (type >>> 0 > BufferType.last) return Status.badArgument;
      if (!memory.holds(data >>> 0, dataLength >>> 0)) return Status.invalidMemoryAccess;
      const buffer = bufferOf(vm, type);
      if (buffer === null) return Status.notFound;
      if (!buffer.writable) return Status.badArgument;
      // The bytes are copied, and what stands behind them is moved, which is cheaper.
      vm.spend(500 + ((dataLength >>> 0) >> 2) + (buffer.length >> 4));
      const bytes = memory.bytes.subarray(data >>> 0, (data >>> 0) + (dataLength >>> 0));
      return buffer.splice(start >>> 0, length >>> 0, bytes) ? Status.ok : Status.badArgument;
    },

    proxy_get_buffer_status(type: number, lengthSlot: number, flagsSlot: number): number {
      if (type >>> 0 > BufferType.last) return Status.badArgument;
      if (!memory.holds(lengthSlot >>> 0, 4) || !memory.holds(flagsSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      const buffer = bufferOf(vm, type);
      memory.writeU32(lengthSlot >>> 0, buffer?.length ?? 0);
      memory.writeU32(flagsSlot >>> 0, 0);
      return buffer === null ? Status.notFound : Status.ok;
    },

    /** The name of 0.1.0. */
    proxy_get_configuration(addressSlot: number, sizeSlot: number): number {
      const configures = vm.target?.isRoot === true && vm.callback !== 'proxy_on_vm_start';
      const bytes = configures ? vm.host.configuration : NOTHING;
      return vm.returnBytes(bytes, addressSlot >>> 0, sizeSlot >>> 0);
    },
  };
}
