import { type ErrorCode, GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { LIMITS } from '../core/limits.ts';
import { LogLevel } from './abi.ts';
import { RebuildBackoff } from './backoff.ts';
import { Generation, type GenerationOwner, type PluginVersion } from './generation.ts';
import {
  type CalloutResult,
  type Callouts,
  type Clock,
  type Crash,
  CRASH_CAUSES,
  type CrashCause,
  type SharedData,
  type SharedDataStore,
} from './host.ts';
import { LogLimit } from './log-limit.ts';
import { type MetricSample, MetricSet } from './metrics.ts';

/** Who decides how many VMs there may be. Without one there is room for all. */
export interface VmRoom {
  /** May the plugin start a VM? It may make room by ending those that are idle. */
  admit(plugin: Plugin): boolean;
  /** The plugin has a VM now that takes exchanges, or has none any more. */
  onVm(plugin: Plugin, has: boolean): void;
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
  readonly room?: VmRoom;
  /** Lines of plugins below it are dropped unread; one of `LogLevel`. */
  readonly logLevel: number;
  /** What plugins read as `node.id` and `node.cluster`. */
  readonly node: { readonly id: string; readonly cluster: string };
}

/**
 * `idle`: no VM, until the next exchange. `running`. `waiting`: the VM failed and is built anew soon. `broken`: it failed again and again
 * (the breaker is open; a rebuild is tried after each wait). `closed`: no longer in use.
 */
export type PluginState = 'idle' | 'running' | 'waiting' | 'broken' | 'closed';

export interface PluginStats {
  readonly state: PluginState;
  /** Failures in a row. */
  readonly failures: number;
  /** Words of the last failure, '' when there was none. */
  readonly lastFailure: string;
  readonly exchanges: number;
  /** Callbacks. */
  readonly calls: number;
  /** Instructions of all callbacks, host calls by their price included. */
  readonly fuel: number;
  readonly timeUs: number;
  readonly traps: Readonly<Record<CrashCause, number>>;
  /** Callouts by how they ended. */
  readonly callouts: Readonly<Partial<Record<CalloutResult, number>>>;
  /** VMs started, and those that were ended because nobody used them. */
  readonly starts: number;
  readonly evictions: number;
  /** VMs alive: the current one and those that finish their exchanges. */
  readonly instances: number;
  readonly memoryBytes: number;
  readonly logLinesDropped: number;
}

const LOG_METHODS = ['debug', 'debug', 'info', 'warn', 'error', 'error'] as const;

/** It served long enough that its next failure is an accident, not a habit. */
function isProven({ served, startedAt }: Generation): boolean {
  return served >= LIMITS.pluginHealthyExchanges || performance.now() - startedAt >= LIMITS.pluginHealthyMs;
}

/** Uses of all plugins of this thread so far: a clock that tells which was used before which. */
let uses = 0;

/**
 * A plugin with one configuration on one worker: one VM, made at `start` or on first use, replaced when it dies or when
 * module or configuration change, ended when it is idle and others need its room. Metrics and shared data outlive its VMs.
 */
export class Plugin implements GenerationOwner {
  readonly name: string;
  readonly tenant: string;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly logLevel: number;
  readonly metrics = new MetricSet();
  readonly sharedData: SharedData;
  readonly callouts: Callouts;
  readonly identity: ReadonlyMap<string, string>;
  /** When it was last used, by the thread's count of uses; 0 = never. */
  lastUse = 0;
  /** Why `acquire` had no VM. */
  refusal: ErrorCode = 'SLUICE_PLUGIN_UNAVAILABLE';
  /** True when the module has the callback: a phase without one is never called. */
  wantsRequestHeaders = false;
  wantsResponseHeaders = false;
  readonly #log: Log;
  readonly #room: VmRoom | null;
  #version: PluginVersion | null;
  #current: Generation | null = null;
  readonly #retiring = new Set<Generation>();
  readonly #backoff = new RebuildBackoff();
  readonly #logLimit = new LogLimit();
  #stubsLogged = '';
  #closed = false;
  #lastFailure = '';
  #exchanges = 0;
  #starts = 0;
  #evictions = 0;
  #calls = 0;
  #fuel = 0;
  #timeUs = 0;
  readonly #callouts: Partial<Record<CalloutResult, number>> = {};
  readonly #traps = Object.fromEntries(CRASH_CAUSES.map((cause) => [cause, 0])) as Record<CrashCause, number>;

  constructor(options: PluginOptions, services: PluginServices) {
    this.name = options.name;
    this.tenant = options.tenant;
    this.#version = options.version;
    this.#room = services.room ?? null;
    this.#noteCallbacks();
    this.wheel = services.wheel;
    this.clock = services.clock;
    this.logLevel = services.logLevel;
    this.sharedData = services.sharedData.open(options.tenant, options.name);
    this.callouts = services.callouts;
    this.#log = services.log;
    this.identity = new Map([
      ['plugin_name', options.name],
      ['plugin_root_id', ''],
      ['plugin_vm_id', options.tenant],
      ['node\0id', services.node.id],
      ['node\0cluster', services.node.cluster],
    ]);
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
    this.#dropCurrent();
  }

  /** Ends its VM if that is idle; the next exchange gets a new one. */
  evict(): void {
    if (!this.idle) return;
    this.#evictions++;
    this.#dropCurrent();
  }

  /** The VM for a new exchange, made if need be; null: see `refusal`. */
  acquire(): Generation | null {
    this.lastUse = ++uses;
    return this.#current ?? this.#rebuild();
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
      exchanges: this.#exchanges + alive.reduce((sum, generation) => sum + generation.served, 0),
      calls: this.#calls,
      fuel: this.#fuel,
      timeUs: this.#timeUs,
      traps: { ...this.#traps },
      callouts: { ...this.#callouts },
      starts: this.#starts,
      evictions: this.#evictions,
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
    this.refusal = 'SLUICE_PLUGIN_UNAVAILABLE';
    if (this.#closed || version === null || !this.#backoff.mayBuild(performance.now())) return null;
    if (this.#room?.admit(this) === false) {
      this.refusal = 'SLUICE_PLUGIN_NO_ROOM';
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
      this.#lastFailure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  #setCurrent(next: Generation | null): void {
    const had = this.#current !== null;
    this.#current = next;
    if (had !== (next !== null)) this.#room?.onVm(this, next !== null);
  }

  #dropCurrent(): void {
    const old = this.#current;
    this.#setCurrent(null);
    this.#retire(old);
  }

  #startGeneration(version: PluginVersion): Generation {
    this.#starts++;
    try {
      const generation = new Generation(version, this);
      this.#reportStubs(generation);
      generation.start();
      return generation;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new GatewayError('SLUICE_PLUGIN_START_FAILED', `plugin ${this.name} of ${this.#owner()}: ${reason}`, {
        cause: error,
      });
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
    this.#lastFailure = error instanceof Error ? error.message : String(error);
    this.#backoff.onFailure(performance.now(), false);
    this.#log.error({ plugin: this.name, tenant: this.tenant, failures: this.#backoff.failures }, this.#lastFailure);
  }

  #forget(generation: Generation): void {
    this.#exchanges += generation.served;
    this.#retiring.delete(generation);
    if (this.#current === generation) this.#setCurrent(null);
  }

  onEnded(generation: Generation): void {
    this.#forget(generation);
  }

  onCrash(generation: Generation, crash: Crash): void {
    this.#traps[crash.cause]++;
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
        stack: crash.stack,
      },
      `plugin failed: ${crash.message}`,
    );
    const wasCurrent = this.#current === generation;
    this.#forget(generation);
    if (!wasCurrent) return;
    this.#backoff.onFailure(performance.now(), isProven(generation));
  }

  onCallEnded(fuel: number, microseconds: number): void {
    this.#calls++;
    this.#fuel += fuel;
    this.#timeUs += microseconds;
  }

  onCalloutEnded(result: CalloutResult): void {
    this.#callouts[result] = (this.#callouts[result] ?? 0) + 1;
  }

  mayLog(): boolean {
    return this.#logLimit.take();
  }

  log(level: number, message: string): void {
    const method = LOG_METHODS[level] ?? LOG_METHODS[LogLevel.info];
    this.#log[method]({ plugin: this.name, tenant: this.tenant }, message);
  }
}
