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
  };
}
