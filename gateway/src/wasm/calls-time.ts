import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function timeCalls(vm: Vm): HostCalls {
  return {
    proxy_get_current_time_nanoseconds(slot: number): number {
      if (!vm.memory.holds(slot >>> 0, 8)) return Status.invalidMemoryAccess;
      vm.memory.writeU64(slot >>> 0, vm.host.clock.now());
      return Status.ok;
    },

    proxy_set_tick_period_milliseconds(period: number): number {
      vm.host.setTickPeriod(period >>> 0);
      return Status.ok;
    },
  };
}
