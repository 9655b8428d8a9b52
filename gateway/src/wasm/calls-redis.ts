import { LIMITS } from '../core/limits.ts';
import { Status } from './abi.ts';
import type { HostCalls } from './host-calls.ts';
import { checkRedisQuery } from './redis-query.ts';
import { CALLOUT_PRICE, type Vm } from './vm.ts';

/** Names, user and password together. */
const MOST_WORDS = LIMITS.pluginPropertyBytes;

/** Redis, as Higress offers it to plugins. */
export function redisCalls(vm: Vm): HostCalls {
  const { memory } = vm;
  return {
    proxy_redis_init(
      name: number,
      nameLength: number,
      user: number,
      userLength: number,
      password: number,
      passwordLength: number,
      timeout: number,
    ): number {
      const held =
        memory.holds(name >>> 0, nameLength >>> 0) &&
        memory.holds(user >>> 0, userLength >>> 0) &&
        memory.holds(password >>> 0, passwordLength >>> 0);
      if (!held) return Status.invalidMemoryAccess;
      const length = (nameLength >>> 0) + (userLength >>> 0) + (passwordLength >>> 0);
      if (length > MOST_WORDS) return Status.badArgument;
      vm.spend(1000 + length * 4);
      const timeoutMs = Math.min(timeout >>> 0 || LIMITS.pluginCalloutMs, LIMITS.pluginCalloutMs);
      const known = vm.host.redis.init(
        memory.readLatin1(name >>> 0, nameLength >>> 0),
        memory.readUtf8(user >>> 0, userLength >>> 0),
        memory.readUtf8(password >>> 0, passwordLength >>> 0),
        timeoutMs,
      );
      return known ? Status.ok : Status.badArgument;
    },

    proxy_redis_call(name: number, nameLength: number, query: number, queryLength: number, slot: number): number {
      const held = memory.holds(name >>> 0, nameLength >>> 0) && memory.holds(query >>> 0, queryLength >>> 0);
      if (!held || !memory.holds(slot >>> 0, 4)) return Status.invalidMemoryAccess;
      const context = vm.target;
      if (context === null) return Status.internalFailure;
      if (nameLength >>> 0 > MOST_WORDS) return Status.badArgument;
      vm.spend(CALLOUT_PRICE + (nameLength >>> 0) + (queryLength >>> 0));
      const bytes = memory.bytes.subarray(query >>> 0, (query >>> 0) + (queryLength >>> 0));
      const refusal = checkRedisQuery(bytes);
      if (refusal !== '') {
        vm.hint(`proxy_redis_call refused: the query ${refusal}`);
        return Status.badArgument;
      }
      const id = vm.host.redis.send(context.id, memory.readLatin1(name >>> 0, nameLength >>> 0), Buffer.from(bytes));
      if (id < 0) return id === -1 ? Status.badArgument : Status.internalFailure;
      memory.writeU32(slot >>> 0, id);
      return Status.ok;
    },
  };
}
