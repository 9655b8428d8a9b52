import { type ErrorCode, GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { LIMITS } from '../core/limits.ts';
import { LogLevel } from './abi.ts';
import { RebuildBackoff } from './backoff.ts';
import type { CpuShare } from './cpu-share.ts';
import { Generation, type GenerationOwner, type PluginVersion } from './generation.ts';
import {
  type CalloutOrigin,
  type CalloutResult,
  type Callouts,
  type Clock,
  type Crash,
  type RedisCalls,
  type SharedData,
  type SharedDataStore,
  type SharedQueues,
  type Substitutes,
} from './host.ts';
import { identityOf } from './identity.ts';
import { LogLimit } from './log-limit.ts';
import { type MetricSample, MetricSet } from './metrics.ts';
import { PluginCounts, type PluginState, type PluginStats, type RefusalReason, REFUSALS } from './plugin-stats.ts';
import { QueueWaker } from './queue-waker.ts';
import { RENEW, Renewal, type RenewalKind, type RenewalOwner, REVIVE } from './renewal.ts';

/** Who decides how many VMs there may be. Without one there is room for all. */
export interface VmRoom {
  /** May the plugin start a VM? It may make room by ending those that are idle. */
  admit(plugin: Plugin): boolean;
  /** The plugin has a VM now that takes exchanges, or has none any more. */
  onVm(plugin: Plugin, has: boolean): void;
  /**
   * Linear memory of the plugin's VMs has grown by so much, or is gone. Others of its tenant that are idle may be ended
   * for it. False: it is more than the tenant may have, and the VM that has grown must go.
   */
  onMemory(plugin: Plugin, bytes: number): boolean;
}

/** One use of a plugin on one worker. */
export interface PluginOptions {
  /** null: its module could not be loaded; its uses apply their failure policy until there is one. */
  readonly version: PluginVersion | null;
  /** Name in the catalogue. */
  readonly name: string;
  /** Owner of the use; '' for the gateway's own chain. Shared data is kept per tenant and name. */
  readonly tenant: string;
}

/** What all plugins of a worker share. */
export interface PluginServices {
  readonly log: Log;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly sharedData: SharedDataStore;
  readonly callouts: Callouts;
  /** Absent: plugins find no Redis service. */
  readonly redis?: RedisCalls;
  readonly room?: VmRoom;
  /** What the plugins of a tenant may take of the time of this worker; default: all of it. */
  readonly cpuOf?: (tenant: string) => CpuShare | null;
  /** Lines of plugins below it are dropped unread; one of `LogLevel`. */
  readonly logLevel: number;
  /** For tests. */
  readonly substitutes?: Substitutes;
  /** What plugins read as `node.id` and `node.cluster`. */
  readonly node: { readonly id: string; readonly cluster: string };
}

const LOG_METHODS = ['debug', 'debug', 'info', 'warn', 'error', 'error'] as const;

/** It served long enough that its next failure is an accident, not a habit. */
function isProven({ served, startedAt }: Generation): boolean {
  return served >= LIMITS.pluginHealthyExchanges || performance.now() - startedAt >= LIMITS.pluginHealthyMs;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const STAYS = 'plugin keeps its instance, because a new one does not start';

/** Uses of all plugins of this thread so far: a clock that tells which was used before which. */
let uses = 0;

/**
 * A plugin with one configuration on one worker: one VM, made at `start` or on first use, replaced when it dies or when
 * module or configuration change, ended when it is idle and others need its room. Metrics and shared data outlive its VMs.
 */
export class Plugin implements GenerationOwner, RenewalOwner {
  readonly name: string;
  readonly tenant: string;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly logLevel: number;
  readonly metrics = new MetricSet();
  readonly sharedData: SharedData;
  readonly queues: SharedQueues;
  readonly callouts: Callouts;
  readonly redis: RedisCalls | null;
  readonly identity: ReadonlyMap<string, string>;
  readonly substitutes: Substitutes | null;
  /** When it was last used, by the thread's count of uses; 0 = never. */
  lastUse = 0;
  /** True when the module has the callback: a phase without one is never called. */
  wantsRequestHeaders = false;
  wantsResponseHeaders = false;
  readonly #log: Log;
  readonly #room: VmRoom | null;
  readonly #cpu: CpuShare | null;
  readonly #waker: QueueWaker;
  readonly #renewal: Renewal;
  #version: PluginVersion | null;
  #current: Generation | null = null;
  readonly #retiring = new Set<Generation>();
  readonly #backoff = new RebuildBackoff();
  readonly #logLimit = new LogLimit();
  #stubsLogged = '';
  #closed = false;
  /** The VM that is to be replaced by a new one. */
  #outgrown: Generation | null = null;
  /** Its last VM died, and had work to do that no exchange asks for. */
  #wanted = false;
  #refusal: RefusalReason = 'unavailable';
  #lastFailure = '';
  readonly #counts = new PluginCounts();

  constructor(options: PluginOptions, services: PluginServices) {
    this.name = options.name;
    this.tenant = options.tenant;
    this.#version = options.version;
    this.#room = services.room ?? null;
    this.#cpu = services.cpuOf?.(options.tenant) ?? null;
    this.#renewal = new Renewal(services.wheel, this);
    this.#noteCallbacks();
    this.wheel = services.wheel;
    this.clock = services.clock;
    this.logLevel = services.logLevel;
    this.sharedData = services.sharedData.open(options.tenant, options.name);
    this.#waker = new QueueWaker(this, services.sharedData.queues);
    this.queues = this.#waker.queues;
    this.callouts = services.callouts;
    this.redis = services.redis ?? null;
    this.substitutes = services.substitutes ?? null;
    this.#log = services.log;
    this.identity = identityOf(options, services.node);
  }

  /** What its next VM is made of; null while there is no module. */
  get version(): PluginVersion | null {
    return this.#version;
  }

  /** It has a VM that nobody would miss: no exchange, no callout, no tick depends on it. */
  get idle(): boolean {
    return this.#current?.idle === true;
  }

  /** Its VM wants to be called now and then. */
  get ticks(): boolean {
    return this.#current?.ticks === true;
  }

  /**
   * Makes the VM now, so that the first exchange does not wait for it and a refused configuration is seen at once.
   * Without room for one it does nothing.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED; the plugin then tries again on use, with backoff.
   */
  start(): void {
    if (this.#current !== null || this.#closed || this.#version === null || this.#room?.admit(this) === false) return;
    try {
      this.#setCurrent(this.#startGeneration(this.#version));
    } catch (error) {
      this.#onStartFailed(error);
      throw error;
    }
  }

  /**
   * Puts another module or configuration in place. One that has a VM keeps it unless the next one starts; exchanges in
   * flight finish on the VM they began on. One without a VM starts it on the next use.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED; nothing has changed then.
   */
  replace(version: PluginVersion): void {
    if (this.#closed) return;
    const old = this.#current;
    const next = old === null ? null : this.#startForReplacement(version);
    this.#version = version;
    this.#noteCallbacks();
    this.#setCurrent(next);
    this.#backoff.reset();
    this.#retire(old);
  }

  /** Ends it: no new exchanges, and no VM once the last exchange is over. */
  close(): void {
    this.#closed = true;
    this.#waker.close();
    this.#renewal.cancel();
    this.#dropCurrent();
  }

  /** Ends its VM if that is idle; the next exchange gets a new one. */
  evict(): void {
    if (!this.idle) return;
    this.#counts.evictions++;
    this.#dropCurrent();
  }

  /** The VM for a new exchange, made if need be; null: see `refusal`. */
  acquire(): Generation | null {
    this.lastUse = ++uses;
    const { exhausted } = this;
    const generation = exhausted ? null : (this.#current ?? this.#rebuild());
    if (exhausted) this.#refusal = 'cpu';
    if (generation === null) this.#counts.refusals[this.#refusal]++;
    return generation;
  }

  /** Why `acquire` had no VM. */
  get refusalReason(): RefusalReason {
    return this.#refusal;
  }

  /** The same, for the client. */
  get refusal(): ErrorCode {
    return REFUSALS[this.#refusal];
  }

  /** Its tenant's plugins have used up their share of the worker's time. */
  get exhausted(): boolean {
    return this.#cpu?.exhausted === true;
  }

  /** They have used far more than that: exchanges under way go on without them, too. */
  get overdrawn(): boolean {
    return this.#cpu?.overdrawn === true;
  }

  /** Gives it a new VM soon: at its own wish, or because it has grown. Exchanges in flight finish on the old one. */
  rebuildWhenIdle(): void {
    const current = this.#current;
    if (current === null || this.#closed) return;
    this.#outgrown = current;
    const age = performance.now() - current.startedAt;
    this.#renewal.schedule(RENEW, Math.max(LIMITS.pluginRecycleMs - age, 0));
  }

  /** For the exposition of metrics. */
  samples(): MetricSample[] {
    return this.metrics.samples();
  }

  stats(): PluginStats {
    if (this.#current !== null && isProven(this.#current)) this.#backoff.onHealthy();
    const alive = this.#current === null ? [...this.#retiring] : [this.#current, ...this.#retiring];
    return {
      state: this.#state(),
      failures: this.#backoff.failures,
      lastFailure: this.#lastFailure,
      ...this.#counts.read(),
      exchanges: this.#counts.exchanges + alive.reduce((sum, generation) => sum + generation.served, 0),
      queues: { enqueued: this.queues.enqueued, dropped: this.queues.dropped },
      instances: alive.length,
      memoryBytes: alive.reduce((sum, generation) => sum + generation.memoryBytes, 0),
      logLinesDropped: this.#logLimit.dropped,
    };
  }

  #noteCallbacks(): void {
    const exports = this.#version?.module.exports ?? [];
    this.wantsRequestHeaders = exports.includes('proxy_on_request_headers');
    this.wantsResponseHeaders = exports.includes('proxy_on_response_headers');
  }

  #state(): PluginState {
    if (this.#closed) return 'closed';
    if (this.#current !== null && !this.#backoff.open) return 'running';
    if (this.#backoff.open) return 'broken';
    return this.#backoff.failures > 0 ? 'waiting' : 'idle';
  }

  #rebuild(): Generation | null {
    const version = this.#version;
    this.#refusal = 'unavailable';
    if (this.#closed || version === null || !this.#backoff.mayBuild(performance.now())) return null;
    if (this.#room?.admit(this) === false) {
      this.#refusal = 'no-room';
      return null;
    }
    try {
      this.#setCurrent(this.#startGeneration(version));
    } catch (error) {
      this.#onStartFailed(error);
    }
    return this.#current;
  }

  #startForReplacement(version: PluginVersion): Generation {
    try {
      return this.#startGeneration(version);
    } catch (error) {
      this.#lastFailure = messageOf(error);
      throw error;
    }
  }

  #setCurrent(next: Generation | null): void {
    const had = this.#current !== null;
    this.#current = next;
    if (next !== null) this.#wanted = false;
    if (had !== (next !== null)) this.#room?.onVm(this, next !== null);
  }

  #dropCurrent(): void {
    const old = this.#current;
    this.#setCurrent(null);
    this.#retire(old);
  }

  #startGeneration(version: PluginVersion): Generation {
    this.#counts.starts++;
    try {
      const generation = new Generation(version, this);
      this.#reportStubs(generation);
      generation.start();
      return generation;
    } catch (error) {
      const detail = `plugin ${this.name} of ${this.#owner()}: ${messageOf(error)}`;
      throw new GatewayError('SLUICE_PLUGIN_START_FAILED', detail, { cause: error });
    }
  }

  #owner(): string {
    return this.tenant === '' ? 'the gateway' : `tenant ${this.tenant}`;
  }

  #reportStubs({ vm, version }: Generation): void {
    if (vm.stubs.length === 0 || this.#stubsLogged === version.module.digest) return;
    this.#stubsLogged = version.module.digest;
    const fields = { plugin: this.name, tenant: this.tenant, imports: vm.stubs.slice(0, 50) };
    this.#log.warn(fields, 'plugin imports functions that this gateway does not have; they answer "unimplemented"');
  }

  #retire(generation: Generation | null): void {
    if (generation === null) return;
    this.#retiring.add(generation);
    generation.retire();
  }

  #onStartFailed(error: unknown): void {
    this.#lastFailure = messageOf(error);
    this.#backoff.onFailure(performance.now(), false);
    this.#log.error({ plugin: this.name, tenant: this.tenant, failures: this.#backoff.failures }, this.#lastFailure);
  }

  #forget(generation: Generation): void {
    this.#counts.exchanges += generation.served;
    this.#retiring.delete(generation);
    if (this.#current === generation) this.#setCurrent(null);
  }

  onEnded(generation: Generation): void {
    this.#forget(generation);
  }

  onCrash(generation: Generation, crash: Crash): void {
    this.#counts.traps[crash.cause]++;
    this.#lastFailure = `${crash.callback}: ${crash.message}`;
    this.#log.error(
      {
        plugin: this.name,
        tenant: this.tenant,
        callback: crash.callback,
        context: crash.contextId,
        cause: crash.cause,
        fuelLeft: crash.fuelLeft,
        fuelBudget: crash.budget,
        // Names of functions are the guest's, and may be long.
        stack: crash.stack.slice(0, LIMITS.pluginLogLineBytes),
      },
      `plugin failed: ${crash.message}`,
    );
    const wasCurrent = this.#current === generation;
    this.#forget(generation);
    if (!wasCurrent) return;
    this.#backoff.onFailure(performance.now(), isProven(generation));
    this.#wanted = generation.ticks;
    this.#reviveLater();
  }

  onMemory(bytes: number): boolean {
    return this.#room?.onMemory(this, bytes) ?? true;
  }

  onRenewal(kind: RenewalKind): void {
    if (this.#closed) return;
    if (kind === RENEW) this.#renew();
    else if (this.#wanted && this.#current === null) {
      if (!this.exhausted) this.#rebuild();
      this.#reviveLater();
    }
  }

  /** A VM that ticked comes back by itself; others when they are used. */
  #reviveLater(): void {
    if (!this.#wanted || this.#current !== null) return;
    this.#renewal.schedule(REVIVE, Math.max(this.#backoff.waitMs(performance.now()), LIMITS.pluginBackoffMs));
  }

  #renew(): void {
    const [old, version] = [this.#current, this.#version];
    if (old === null || version === null || old !== this.#outgrown) return;
    this.#outgrown = null;
    try {
      const next = old.idle ? null : this.#startForReplacement(version);
      this.#counts.recycles++;
      this.#setCurrent(next);
      this.#retire(old);
    } catch (error) {
      this.#log.warn({ plugin: this.name, tenant: this.tenant, reason: messageOf(error) }, STAYS);
    }
  }

  onCallEnded(fuel: number, microseconds: number, callback: string, origin: CalloutOrigin | null): void {
    this.#counts.calls++;
    this.#counts.fuel += fuel;
    this.#cpu?.spend(fuel);
    this.#counts.timeUs += microseconds;
    if (this.substitutes !== null) this.substitutes.onCall(callback, origin, fuel, microseconds);
  }

  onCalloutEnded(result: CalloutResult): void {
    const { callouts } = this.#counts;
    callouts[result] = (callouts[result] ?? 0) + 1;
  }

  mayLog(): boolean {
    return this.#logLimit.take();
  }

  log(level: number, message: string): void {
    const method = LOG_METHODS[level] ?? LOG_METHODS[LogLevel.info];
    this.#log[method]({ plugin: this.name, tenant: this.tenant }, message);
  }
}
