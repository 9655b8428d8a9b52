import { LIMITS } from '../core/limits.ts';
import { BufferType, Status } from './abi.ts';
import { CallKind } from './call-ids.ts';
import type { CalloutOwner } from './callout.ts';
import { BytesView } from './callout-view.ts';
import type { Context } from './context.ts';
import type { FuelBudgets } from './fuel.ts';
import type { CalloutHandle, CalloutResult, GuestRedis, RedisCalls, RedisHandler, RedisTarget } from './host.ts';
import { type News, tell } from './tell.ts';
import { CALL_FINE, type Vm } from './vm.ts';

/** What the Redis calls of one VM need of its plugin. */
export interface RedisOwner extends CalloutOwner {
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

/** One command of a guest. */
class Pending implements RedisHandler {
  readonly id: number;
  /** Whose it is: it ends with this context. */
  readonly context: Context;
  handle: CalloutHandle | null = null;
  readonly #table: RedisTable;

  constructor(id: number, context: Context, table: RedisTable) {
    this.id = id;
    this.context = context;
    this.#table = table;
  }

  onRedisDone(reply: Uint8Array | null, result: CalloutResult): void {
    this.#table.onDone(this, reply, result);
  }
}

/** `service?db=1&…` as guests name a service: the service, and the database; null: the database is none. */
function readName(name: string): { readonly service: string; readonly db: number } | null {
  const mark = name.indexOf('?');
  if (mark === -1) return { service: name, db: 0 };
  // The other parameters are about buffers that this gateway does not have.
  const db = new URLSearchParams(name.slice(mark + 1)).get('db') ?? '0';
  return /^\d{1,5}$/.test(db) ? { service: name.slice(0, mark), db: Number(db) } : null;
}

/**
 * The Redis clients and commands of one VM. Each command is answered to the guest exactly once, on its root context and
 * never while the guest runs.
 */
export class RedisTable implements GuestRedis {
  readonly #vm: Vm;
  readonly #root: Context;
  readonly #owner: RedisOwner;
  readonly #fuel: FuelBudgets;
  /** By the name that the guest gave, parameters included. */
  readonly #clients = new Map<string, Client>();
  readonly #pending = new Map<number, Pending>();

  constructor(vm: Vm, root: Context, owner: RedisOwner, fuel: FuelBudgets) {
    this.#vm = vm;
    this.#root = root;
    this.#owner = owner;
    this.#fuel = fuel;
  }

  /** Commands under way. */
  get size(): number {
    return this.#pending.size;
  }

  init(name: string, username: string, password: string, timeoutMs: number): boolean {
    const { redis } = this.#owner;
    const parts = readName(name);
    if (redis === null || parts === null) return false;
    const target: RedisTarget = { ...parts, caller: this.#vm.host.permissions.caller, username, password };
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
    const context = this.#vm.contexts.get(contextId) ?? this.#root;
    // What an exchange asks for at its end goes on without it.
    const owner = context.ended ? this.#root : context;
    const crowded = !owner.isRoot && owner.callouts >= LIMITS.pluginCalloutsPerExchange;
    if (crowded || this.#pending.size >= LIMITS.pluginCallouts) {
      this.#owner.onCalloutEnded('refused');
      return -2;
    }
    const id = this.#vm.callIds.next(CallKind.redis, (taken) => this.#pending.has(taken));
    const pending = new Pending(id, owner, this);
    this.#pending.set(id, pending);
    owner.callouts++;
    const { target, timeoutMs } = client;
    pending.handle = this.#owner.redis!.send({ target, origin: context.host.origin, query, timeoutMs }, pending);
    if (pending.handle !== null) return id;
    this.#forget(pending, 'refused');
    return -1;
  }

  /** The context is gone: gives its commands up, and tells the guest, which keeps a record of each. */
  endOf(context: Context): void {
    if (context.callouts === 0) return;
    for (const pending of this.#pending.values()) {
      if (pending.context !== context) continue;
      pending.handle!.cancel();
      this.onDone(pending, null, 'cancelled');
    }
  }

  /** The VM is no more. */
  close(): void {
    for (const { handle } of this.#pending.values()) {
      handle!.cancel();
      this.#owner.onCalloutEnded('cancelled');
    }
    this.#pending.clear();
    this.#clients.clear();
  }

  /** @internal */
  onDone(pending: Pending, reply: Uint8Array | null, result: CalloutResult): void {
    if (this.#forget(pending, result)) this.#tell(pending, reply, result);
  }

  /** False: it has ended before. */
  #forget(pending: Pending, result: CalloutResult): boolean {
    if (!this.#pending.delete(pending.id)) return false;
    pending.context.callouts--;
    this.#owner.onCalloutEnded(result);
    return true;
  }

  #tell(pending: Pending, reply: Uint8Array | null, result: CalloutResult): void {
    const vm = this.#vm;
    const { id, context: owner } = pending;
    const run = vm.exports.redisCallResponse;
    if (run === null || vm.dead) return;
    if (vm.running) {
      queueMicrotask(() => this.#tell(pending, reply, result));
      return;
    }
    const bytes = reply ?? NOTHING;
    const view = new BytesView(BufferType.redisReply, bytes);
    const status = reply === null ? { code: Status.brokenConnection, message: result } : CALL_FINE;
    const budget = owner.isRoot ? this.#fuel.rootCallout : this.#fuel.callout;
    const news: News = { run, name: 'proxy_on_redis_call_response', view, status, owner, budget };
    tell(vm, this.#root, news, id, reply === null ? FAILED : 0, bytes.length);
  }
}
