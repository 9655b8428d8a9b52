import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import { type CalloutOwner, CalloutTable } from './callout.ts';
import { Context } from './context.ts';
import { type FuelBudgets, fuelBudgets, type FuelLimits } from './fuel.ts';
import { GrpcTable } from './grpc-call.ts';
import { GuestAbort } from './guest.ts';
import {
  Action,
  type CalloutOrigin,
  type Clock,
  coarseClock,
  type ContextHost,
  type Crash,
  type GuestRequest,
  type PluginHost,
  type SharedData,
  type SharedQueues,
  type Substitutes,
} from './host.ts';
import { buildImports } from './imports.ts';
import type { MetricSet } from './metrics.ts';
import type { PreparedModule } from './module.ts';
import { type PermissionRules, Permissions } from './permissions.ts';
import { type RedisOwner, RedisTable } from './redis-call.ts';
import { RootHost } from './root.ts';
import { CRASHED, Vm } from './vm.ts';

/** What makes one generation of a plugin differ from the next. */
export interface PluginVersion {
  readonly module: PreparedModule;
  /** Configuration as the plugin reads it: JSON text in UTF-8. */
  readonly configuration: Uint8Array;
  readonly fuel: FuelLimits;
  /** What the operator allows it; default `DEFAULT_PERMISSIONS`. */
  readonly permissions?: Partial<PermissionRules>;
  /** Bytes of one body that it may hold. */
  readonly bodyLimit: number;
  /** How long it may hold an exchange; default LIMITS.pluginPauseMs. */
  readonly pauseMs?: number;
  /** Linear memory from which on a VM is replaced by a new one; default: never. */
  readonly recycleBytes?: number;
}

/** What a generation needs of its plugin. */
export interface GenerationOwner extends CalloutOwner, RedisOwner {
  /** Owner of the plugin; '' for the gateway's own chain. */
  readonly tenant: string;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly logLevel: number;
  readonly metrics: MetricSet;
  readonly sharedData: SharedData;
  readonly queues: SharedQueues;
  readonly identity: ReadonlyMap<string, string>;
  log(level: number, message: string): void;
  mayLog(): boolean;
  readonly substitutes: Substitutes | null;
  onCallEnded(fuel: number, microseconds: number, callback: string, origin: CalloutOrigin | null): void;
  onCrash(generation: Generation, crash: Crash): void;
  /** There is no time for ticks now. */
  readonly exhausted: boolean;
  /** Memory has grown by so much, or is gone (negative). False: it is more than there may be. */
  onMemory(bytes: number): boolean;
  /** It wants to be replaced by a new one. */
  rebuildWhenIdle(): void;
  /** The last exchange is gone, or time is up; the generation holds nothing any more. */
  onEnded(generation: Generation): void;
}

function describeCrash({ callback, cause, message }: Crash): string {
  return cause === 'fuel' ? `${callback} failed: it used up its CPU budget` : `${callback} failed: ${message}`;
}

/** Calls that change the length of a body. */
const EDITING_CALLS = ['proxy_set_buffer_bytes', 'proxy_inject_encoded_data_to_filter_chain'];

/** True also for plugins of Higress that may inject by a foreign function. */
function editsBodies({ imports, abi }: PreparedModule): boolean {
  return imports.some(({ name }) => {
    return EDITING_CALLS.includes(name) || (abi === '0.2.100' && name === 'proxy_call_foreign_function');
  });
}

const TICK = 0;
const RETIRE = 1;
const DONE = 2;

/** Ends a context whose guest promised `proxy_done` and never called it. */
class DoneTimeout implements Expirable {
  readonly #generation: Generation;
  readonly #context: Context;

  constructor(generation: Generation, context: Context) {
    this.#generation = generation;
    this.#context = context;
  }

  onTimeout(): void {
    this.#generation.completeStream(this.#context);
  }
}

/** One started VM of a plugin with its root context, from start to the end of its last exchange. */
export class Generation implements PluginHost, Expirable {
  readonly version: PluginVersion;
  readonly configuration: Uint8Array;
  readonly clock: Clock;
  readonly permissions: Permissions;
  readonly logLevel: number;
  readonly metrics: MetricSet;
  readonly sharedData: SharedData;
  readonly queues: SharedQueues;
  readonly identity: ReadonlyMap<string, string>;
  readonly vm: Vm;
  readonly fuel: FuelBudgets;
  /** How long it may hold an exchange. */
  readonly pauseMs: number;
  /** The module can change bodies. */
  readonly editsBodies: boolean;
  readonly startedAt = performance.now();
  /** Exchanges it was opened for. */
  served = 0;
  readonly #owner: GenerationOwner;
  readonly #root: Context;
  readonly #callouts: CalloutTable;
  readonly grpc: GrpcTable;
  readonly redis: RedisTable;
  /** Contexts of exchanges that are not deleted yet. */
  #live = 0;
  /** Linear memory that its owner knows of, and the size from which on it is replaced. */
  #bytes = 0;
  #recycleAt = Number.POSITIVE_INFINITY;
  #retired = false;
  #ended = false;
  #crash: Crash | null = null;
  #tickPeriod = 0;
  #tickTimer: WheelTimer | null = null;
  #retireTimer: WheelTimer | null = null;
  readonly #doneTimers = new Map<Context, WheelTimer>();

  /** @throws GuestAbort when the engine cannot place another instance. */
  constructor(version: PluginVersion, owner: GenerationOwner) {
    this.version = version;
    this.fuel = fuelBudgets(version.fuel);
    this.pauseMs = version.pauseMs ?? LIMITS.pluginPauseMs;
    this.configuration = version.configuration;
    this.permissions = new Permissions(owner.tenant, version.permissions);
    this.clock = this.permissions.coarseClock ? coarseClock(owner.clock, LIMITS.pluginCoarseClockMs) : owner.clock;
    this.logLevel = owner.logLevel;
    this.metrics = owner.metrics;
    this.sharedData = owner.sharedData;
    this.queues = owner.queues;
    this.identity = owner.identity;
    this.#owner = owner;
    this.editsBodies = editsBodies(version.module);
    this.vm = new Vm(version.module, this, buildImports);
    this.onMemoryGrown(this.memoryBytes);
    const host = new RootHost(owner.identity, (actions) => this.#onRootActions(actions));
    this.#root = new Context(this.vm.contexts.nextId(), host, true);
    this.vm.contexts.add(this.#root);
    this.#callouts = new CalloutTable(this.vm, this.#root, owner, this.fuel);
    this.grpc = new GrpcTable(this.vm, this.#root, owner, this.fuel);
    this.redis = new RedisTable(this.vm, this.#root, owner, this.fuel);
  }

  /** No exchange, no callout and no tick depends on it. */
  get idle(): boolean {
    return this.#live === 0 && this.#tickPeriod === 0 && this.#calls === 0;
  }

  /** Calls to others under way. */
  get #calls(): number {
    return this.#callouts.size + this.grpc.size + this.redis.size;
  }

  get ticks(): boolean {
    return this.#tickPeriod > 0;
  }

  get memoryBytes(): number {
    return this.vm.memory.byteLength;
  }

  /** Starts the module and hands it its configuration. @throws GuestAbort: it failed or refused. */
  start(): void {
    const { exports } = this.vm;
    const budget = this.fuel.configure;
    const size = this.configuration.length;
    const started = this.vm.boot();
    if (started && exports.contextCreate !== null) this.#callRoot(exports.contextCreate, 'proxy_on_context_create', 0);
    const accepts =
      !this.vm.dead &&
      (exports.vmStart === null || this.vm.call(exports.vmStart, 'proxy_on_vm_start', this.#root, budget, 0, 0) > 0) &&
      (exports.configure === null ||
        this.vm.call(exports.configure, 'proxy_on_configure', this.#root, budget, size, 0) > 0);
    if (accepts && !this.vm.dead) {
      // What it takes from the start it takes anew each time.
      this.#recycleAt = Math.max(this.version.recycleBytes ?? Number.POSITIVE_INFINITY, this.memoryBytes);
      return;
    }
    this.#end();
    if (this.#crash !== null) throw new GuestAbort(this.#crash.cause, describeCrash(this.#crash));
    throw new GuestAbort('abort', 'it refused its configuration (answered false); see the lines it logged');
  }

  #callRoot(run: NonNullable<Vm['exports']['tick']>, name: string, argument: number): number {
    return this.vm.call(run, name, this.#root, this.fuel.configure, argument, 0);
  }

  /** A context for one exchange; null when the guest failed over it. */
  openStream(host: ContextHost): Context | null {
    const { vm } = this;
    const context = new Context(vm.contexts.nextId(), host, false);
    vm.contexts.add(context);
    this.#live++;
    this.served++;
    const { contextCreate } = vm.exports;
    if (contextCreate === null) return context;
    const { request } = this.fuel;
    const result = vm.call(contextCreate, 'proxy_on_context_create', context, request, this.#root.id, 0);
    return result === CRASHED ? null : context;
  }

  /** The exchange is over: tells the guest, and lets it log and forget. */
  closeStream(context: Context): void {
    if (this.vm.dead) return;
    context.ended = true;
    const { done } = this.vm.exports;
    if (done !== null) {
      const result = this.vm.call(done, 'proxy_on_done', context, this.fuel.request, 0, 0);
      if (result === CRASHED) return;
      if (result === 0 && this.#doneTimers.size < LIMITS.pluginDoneWaiting) {
        context.awaitsDone = true;
        const timeout = new DoneTimeout(this, context);
        this.#doneTimers.set(context, this.#owner.wheel.schedule(timeout, LIMITS.pluginDoneMs));
        return;
      }
    }
    this.completeStream(context);
  }

  /** The guest is done with the exchange, or has had its time. */
  completeStream(context: Context): void {
    const { vm } = this;
    const { log, delete: remove } = vm.exports;
    const timer = this.#doneTimers.get(context);
    if (timer !== undefined) {
      this.#owner.wheel.cancel(timer);
      this.#doneTimers.delete(context);
    }
    context.awaitsDone = false;
    if (log !== null) vm.call(log, 'proxy_on_log', context, this.fuel.log, 0, 0);
    if (remove !== null) vm.call(remove, 'proxy_on_delete', context, this.fuel.request, 0, 0);
    if (vm.dead) return;
    vm.contexts.delete(context.id);
    this.#live--;
    this.#callouts.endOf(context);
    if (vm.dead) return;
    this.grpc.endOf(context);
    if (vm.dead) return;
    this.redis.endOf(context);
    if (vm.dead) return;
    if (this.#retired && this.#live === 0) this.#endRoot();
    else if (this.memoryBytes > this.#recycleAt) this.rebuildWhenIdle();
  }

  /** Asks for a new VM in its place. */
  rebuildWhenIdle(): void {
    if (!this.#retired && !this.#ended) this.#owner.rebuildWhenIdle();
  }

  /** No new exchange comes; the VM ends with its last one, or when LIMITS.pluginRetireMs have passed. */
  retire(): void {
    if (this.#retired || this.#ended) return;
    this.#retired = true;
    if (this.#live === 0) this.#endRoot();
    else this.#retireTimer = this.#owner.wheel.schedule(this, LIMITS.pluginRetireMs, RETIRE);
  }

  onTimeout(kind: number): void {
    if (this.#ended) return;
    if (kind === TICK) this.#tick();
    else if (kind === RETIRE) this.#abandon();
    else this.#endRootNow();
  }

  /** A message waits in a queue. The guest must not be running. */
  onQueueReady(queueId: number): void {
    const { queueReady } = this.vm.exports;
    if (queueReady === null || this.#ended) return;
    this.vm.call(queueReady, 'proxy_on_queue_ready', this.#root, this.fuel.tick, queueId, 0);
  }

  #tick(): void {
    const { tick } = this.vm.exports;
    this.#tickTimer = null;
    if (tick !== null && !this.#owner.exhausted) {
      this.vm.call(tick, 'proxy_on_tick', this.#root, this.fuel.tick, 0, 0);
      if (this.memoryBytes > this.#recycleAt) this.rebuildWhenIdle();
    }
    if (this.#tickPeriod > 0 && this.#tickTimer === null && !this.#ended) this.#armTick();
  }

  #armTick(): void {
    this.#tickTimer = this.#owner.wheel.schedule(this, this.#tickPeriod, TICK);
  }

  setTickPeriod(period: number): void {
    this.#owner.wheel.cancel(this.#tickTimer);
    this.#tickTimer = null;
    const wanted = period > 0 && this.vm.exports.tick !== null;
    this.#tickPeriod = wanted ? Math.max(period, LIMITS.pluginTickMs) : 0;
    if (wanted && !this.#ended) this.#armTick();
  }

  sendCallout(contextId: number, request: GuestRequest): number {
    return this.#callouts.send(contextId, request);
  }

  log(level: number, message: string): void {
    this.#owner.log(level, message);
  }

  mayLog(): boolean {
    return this.#owner.mayLog();
  }

  get substitutes(): Substitutes | null {
    return this.#owner.substitutes;
  }

  onCallEnded(fuel: number, microseconds: number, callback: string, origin: CalloutOrigin | null): void {
    this.#owner.onCallEnded(fuel, microseconds, callback, origin);
  }

  onMemoryGrown(bytes: number): boolean {
    const grown = bytes - this.#bytes;
    this.#bytes = bytes;
    return this.#owner.onMemory(grown);
  }

  onCrash(crash: Crash): void {
    this.#crash = crash;
    this.#end();
    this.#owner.onCrash(this, crash);
  }

  #onRootActions(actions: number): void {
    if ((actions & Action.done) !== 0) this.#endRootNow();
  }

  /** Tells the root context that it is over; it may ask for a little more time. */
  #endRoot(): void {
    const { done } = this.vm.exports;
    const result = done === null ? 1 : this.#callRoot(done, 'proxy_on_done', 0);
    if (result !== 0) {
      this.#endRootNow();
      return;
    }
    this.#root.awaitsDone = true;
    this.#owner.wheel.cancel(this.#retireTimer);
    this.#retireTimer = this.#owner.wheel.schedule(this, LIMITS.pluginDoneMs, DONE);
  }

  #endRootNow(): void {
    if (this.#ended) return;
    const { delete: remove } = this.vm.exports;
    if (remove !== null) this.#callRoot(remove, 'proxy_on_delete', 0);
    this.#abandon();
  }

  /** Drops the VM as it is; exchanges that are still on it go on without. */
  #abandon(): void {
    if (this.#ended) return;
    this.vm.dead = true;
    const left = this.vm.contexts.values();
    this.vm.contexts.clear();
    this.#end();
    for (const context of left) if (!context.isRoot) context.host.onVmFailed();
    this.#owner.onEnded(this);
  }

  /** Stops everything that would call it again. */
  #end(): void {
    const { wheel } = this.#owner;
    this.#ended = true;
    this.onMemoryGrown(0);
    wheel.cancel(this.#tickTimer);
    wheel.cancel(this.#retireTimer);
    this.#callouts.close();
    this.grpc.close();
    this.redis.close();
    for (const timer of this.#doneTimers.values()) wheel.cancel(timer);
    this.#doneTimers.clear();
  }
}
