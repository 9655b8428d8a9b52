import { BufferType, Status } from './abi.ts';
import { Action } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

const NOTHING = new Uint8Array(0);

/** Buffers of a root context: its configuration. null: not now, or not in this version. */
function bufferOf(vm: Vm, type: number): Uint8Array | null {
  if (vm.target?.isRoot !== true) return null;
  if (type === BufferType.pluginConfiguration) return vm.host.configuration;
  return type === BufferType.vmConfiguration ? NOTHING : null;
}

export function contextCalls(vm: Vm): HostCalls {
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
      const from = start >>> 0;
      return vm.returnBytes(buffer.subarray(from, from + (maximum >>> 0)), addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_get_buffer_status(type: number, lengthSlot: number, flagsSlot: number): number {
      if (type >>> 0 > BufferType.last) return Status.badArgument;
      if (!memory.holds(lengthSlot >>> 0, 4) || !memory.holds(flagsSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      const buffer = bufferOf(vm, type);
      memory.writeU32(lengthSlot >>> 0, buffer?.length ?? 0);
      memory.writeU32(flagsSlot >>> 0, 0);
      return buffer === null ? Status.notFound : Status.ok;
    },

    proxy_get_configuration(addressSlot: number, sizeSlot: number): number {
      const buffer = bufferOf(vm, BufferType.pluginConfiguration);
      return vm.returnBytes(buffer ?? NOTHING, addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_effective_context(id: number): number {
      const context = vm.contexts.get(id >>> 0);
      if (context === undefined) return Status.badArgument;
      vm.setEffective(context);
      return Status.ok;
    },

    proxy_done(): number {
      const context = vm.target;
      if (context === null || !context.awaitsDone) return Status.notFound;
      context.awaitsDone = false;
      vm.request(context, Action.done);
      return Status.ok;
    },

    /** Status of a call-out; without call-outs there is none but "fine". */
    proxy_get_status(codeSlot: number, addressSlot: number, sizeSlot: number): number {
      if (!memory.holds(codeSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      memory.writeU32(codeSlot >>> 0, 0);
      return vm.returnNothing(Status.ok, addressSlot >>> 0, sizeSlot >>> 0);
    },

    /** There are no foreign functions in this version; every name is unknown. */
    proxy_call_foreign_function(
      _name: number,
      _nameLength: number,
      _data: number,
      _length: number,
      addressSlot: number,
      sizeSlot: number,
    ): number {
      return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
    },
  };
}
