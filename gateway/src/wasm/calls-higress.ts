import { Status } from './abi.ts';
import { injectBytes } from './foreign.ts';
import type { HostCalls } from './host-calls.ts';
import type { Vm } from './vm.ts';

/** No address of an endpoint is longer. */
const ADDRESS_BYTES = 300;

/** Calls that Higress adds to the ABI, besides those to Redis. */
export function higressCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_inject_encoded_data_to_filter_chain(data: number, length: number, end: number): number {
      if (!memory.holds(data >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      const bytes = memory.bytes.subarray(data >>> 0, (data >>> 0) + (length >>> 0));
      return injectBytes(vm, bytes, end !== 0) ? Status.ok : Status.badArgument;
    },

    proxy_get_upstream_hosts(addressSlot: number, sizeSlot: number): number {
      if (!memory.holds(addressSlot >>> 0, 4) || !memory.holds(sizeSlot >>> 0, 4)) return Status.invalidMemoryAccess;
      // All endpoints of the service may have to be looked at.
      vm.spend(100_000);
      const hosts = vm.target?.host.stream?.upstreamHosts() ?? null;
      if (hosts === null) return vm.returnNothing(Status.notFound, addressSlot >>> 0, sizeSlot >>> 0);
      vm.spend(hosts.length * 250);
      return vm.returnPairs(hosts, addressSlot >>> 0, sizeSlot >>> 0);
    },

    proxy_set_upstream_override_host(address: number, length: number): number {
      if (!memory.holds(address >>> 0, length >>> 0)) return Status.invalidMemoryAccess;
      vm.spend(1000);
      if (length >>> 0 > ADDRESS_BYTES) return Status.badArgument;
      const host = memory.readLatin1(address >>> 0, length >>> 0);
      return vm.target?.host.stream?.overrideUpstreamHost(host) === true ? Status.ok : Status.badArgument;
    },
  };
}
