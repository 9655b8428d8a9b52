import { LIMITS } from '../core/limits.ts';
import { LogLevel, Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

export function logCalls(vm: Vm): HostCalls {
  return {
    proxy_log(level: number, text: number, length: number): number {
      if (level >>> 0 > LogLevel.critical) return Status.badArgument;
      if (!vm.memory.holds(text >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      if (level < vm.host.logLevel || !vm.host.mayLog()) return Status.ok;
      const size = Math.min(length >>> 0, LIMITS.pluginLogLineBytes);
      // Beside the text itself a line costs its formatting and a write.
      vm.spend(1000 + size);
      vm.logLine(level, vm.memory.readUtf8(text >>> 0, size));
      return Status.ok;
    },

    proxy_get_log_level(slot: number): number {
      if (!vm.memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      vm.memory.writeU32(slot >>> 0, vm.host.logLevel);
      return Status.ok;
    },
  };
}
