import { LIMITS } from '../core/limits.ts';
import { BufferType, Status } from './abi.ts';
import { CallKind } from './call-ids.ts';
import { BytesView } from './callout-view.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { CalloutResult, GuestRedis, RedisCalls, RedisTarget } from './host.ts';
import { type CallCallback, type CallEnd, type CallOwner, PendingCalls } from './pending-calls.ts';
import { CALL_FINE, type Vm } from './vm.ts';

/** What the Redis calls of one VM need of its plugin. */
export interface RedisOwner extends CallOwner {
  readonly redis: RedisCalls | null;
}

/** What the callback says of a call that failed; 0 is success. */
const FAILED = 1;

const NOTHING = new Uint8Array(0);

/** A service as the guest has set it up. */
interface Client {
  readonly target: RedisTarget;
  readonly timeoutMs: number;
}

/** `service?db=1&…` as guests name a service: the service, and the database; null: the database is none. */
function readName(name: string): { readonly service: string; readonly db: number } | null {
  const mark = name.indexOf('?');
  if (mark === -1) return { service: name, db: 0 };
  // The other parameters are about buffers that this gateway does not have.
  const db = new URLSearchParams(name.slice(mark + 1)).get('db') ?? '0';
  return /^\d{1,5}$/.test(db) ? { service: name.slice(0, mark), db: Number(db) } : null;
}

/** The Redis clients and commands of one VM. */
export class RedisTable extends PendingCalls<Uint8Array> implements GuestRedis {
  readonly #owner: RedisOwner;
  /** By the name that the guest gave, parameters included. */
  readonly #clients = new Map<string, Client>();

  constructor(vm: Vm, root: Context, owner: RedisOwner, fuel: FuelBudgets) {
    super(vm, root, owner, fuel, CallKind.redis);
    this.#owner = owner;
  }

  init(name: string, username: string, password: string, timeoutMs: number): boolean {
    const { redis } = this.#owner;
    const parts = readName(name);
    if (redis === null || parts === null) return false;
    const target: RedisTarget = { ...parts, caller: this.vm.host.permissions.caller, username, password };
    if (!redis.prepare(target)) return false;
    // Whoever sets one up again means it.
    this.#clients.delete(name);
    this.#clients.set(name, { target, timeoutMs });
    if (this.#clients.size > LIMITS.pluginRedisClients) this.#clients.delete(this.#clients.keys().next().value!);
    return true;
  }

  send(contextId: number, name: string, query: Buffer): number {
    const client = this.#clients.get(name);
    if (client === undefined) return -1;
    const { target, timeoutMs } = client;
    return this.begin(contextId, (pending, context) =>
      this.#owner.redis!.send(
        { target, origin: context.host.origin, query, timeoutMs },
        { onRedisDone: (reply, result) => pending.onCalloutDone(reply, result) },
      ),
    );
  }

  override close(): void {
    super.close();
    this.#clients.clear();
  }

  protected get callback(): CallCallback {
    return { name: 'proxy_on_redis_call_response', run: this.vm.exports.redisCallResponse };
  }

  protected endOfCall(reply: Uint8Array | null, result: CalloutResult): CallEnd {
    const bytes = reply ?? NOTHING;
    const view = new BytesView(BufferType.redisReply, bytes);
    const status = reply === null ? { code: Status.brokenConnection, message: result } : CALL_FINE;
    return { view, status, values: [reply === null ? FAILED : 0, bytes.length] };
  }
}
