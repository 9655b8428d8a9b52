import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { LIMITS } from '../core/limits.ts';
import { LogLevel } from './abi.ts';
import { RebuildBackoff } from './backoff.ts';
import { Generation, type GenerationOwner, type PluginVersion } from './generation.ts';
import {
  type Clock,
  type Crash,
  CRASH_CAUSES,
  type CrashCause,
  type SharedData,
  type SharedDataStore,
} from './host.ts';
import { LogLimit } from './log-limit.ts';
import { type MetricSample, MetricSet } from './metrics.ts';

/** One use of a plugin on one worker. */
export interface PluginOptions extends PluginVersion {
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
  /** Lines of plugins below it are dropped unread; one of `LogLevel`. */
  readonly logLevel: number;
  /** What plugins read as `node.id` and `node.cluster`. */
  readonly node: { readonly id: string; readonly cluster: string };
}

/**
 * `idle`: no VM yet. `running`. `waiting`: the VM failed and is built anew soon. `broken`: it failed again and again
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
  /** VMs started. */
  readonly starts: number;
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

/**
 * A plugin with one configuration on one worker: one VM, made at `start` or on first use, replaced when it dies or when
 * the configuration changes. Metrics and shared data outlive its VMs.
 */
export class Plugin implements GenerationOwner {
  readonly name: string;
  readonly tenant: string;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly logLevel: number;
  readonly metrics = new MetricSet();
  readonly sharedData: SharedData;
  readonly identity: ReadonlyMap<string, string>;
  /** True when the module has the callback: a phase without one is never called. */
  wantsRequestHeaders = false;
  wantsResponseHeaders = false;
  readonly #log: Log;
  #version: PluginVersion;
  #current: Generation | null = null;
  readonly #retiring = new Set<Generation>();
  readonly #backoff = new RebuildBackoff();
  readonly #logLimit = new LogLimit();
  #stubsLogged = '';
  #closed = false;
  #lastFailure = '';
  #exchanges = 0;
  #starts = 0;
  #calls = 0;
  #fuel = 0;
  #timeUs = 0;
  readonly #traps = Object.fromEntries(CRASH_CAUSES.map((cause) => [cause, 0])) as Record<CrashCause, number>;

  constructor(options: PluginOptions, services: PluginServices) {
    this.name = options.name;
    this.tenant = options.tenant;
    this.#version = options;
    this.#noteCallbacks();
    this.wheel = services.wheel;
    this.clock = services.clock;
    this.logLevel = services.logLevel;
    this.sharedData = services.sharedData.open(options.tenant, options.name);
    this.#log = services.log;
    this.identity = new Map([
      ['plugin_name', options.name],
      ['plugin_root_id', ''],
      ['plugin_vm_id', options.tenant],
      ['node\0id', services.node.id],
      ['node\0cluster', services.node.cluster],
    ]);
  }

  /**
   * Makes the VM now, so that the first exchange does not wait for it and a refused configuration is seen at once.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED; the plugin then tries again on use, with backoff.
   */
  start(): void {
    if (this.#current !== null || this.#closed) return;
    try {
      this.#current = this.#startGeneration(this.#version);
    } catch (error) {
      this.#onStartFailed(error);
      throw error;
    }
  }

  /**
   * Puts another module or configuration in place, but only if it starts: until then, and when it does not, the old one
   * serves. Exchanges in flight finish on the VM they began on.
   * @throws GatewayError SLUICE_PLUGIN_START_FAILED; nothing has changed then.
   */
  replace(version: PluginVersion): void {
    const next = this.#startGeneration(version);
    const old = this.#current;
    this.#version = version;
    this.#noteCallbacks();
    this.#current = next;
    this.#backoff.onHealthy();
    this.#retire(old);
  }

  /** Ends it: no new exchanges, and no VM once the last exchange is over. */
  close(): void {
    this.#closed = true;
    const old = this.#current;
    this.#current = null;
    this.#retire(old);
  }

  /** The VM for a new exchange, made if need be; null while it may not be rebuilt or when that failed. */
  acquire(): Generation | null {
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
      starts: this.#starts,
      instances: alive.length,
      memoryBytes: alive.reduce((sum, generation) => sum + generation.memoryBytes, 0),
      logLinesDropped: this.#logLimit.dropped,
    };
  }

  #noteCallbacks(): void {
    const { exports } = this.#version.module;
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
    if (this.#closed || !this.#backoff.mayBuild(performance.now())) return null;
    try {
      this.#current = this.#startGeneration(this.#version);
    } catch (error) {
      this.#onStartFailed(error);
    }
    return this.#current;
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
    if (this.#current === generation) this.#current = null;
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

  mayLog(): boolean {
    return this.#logLimit.take();
  }

  log(level: number, message: string): void {
    const method = LOG_METHODS[level] ?? LOG_METHODS[LogLevel.info];
    this.#log[method]({ plugin: this.name, tenant: this.tenant }, message);
  }
}
