import { Status } from './abi.ts';
import { Action } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function contextCalls(vm: Vm): HostCalls {
  return {
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
