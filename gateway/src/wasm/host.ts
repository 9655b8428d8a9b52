import type { MetricSet } from './metrics.ts';

/** Header names and values as a plugin sees them: lower-case names, latin1 values, pseudo headers first. */
export interface HeaderMap {
  /** False: the head has gone on; reading still works. */
  readonly writable: boolean;
  /** Pairs, pseudo headers included. */
  readonly size: number;
  /** Flat `[name, value, …]`; the caller may keep it. */
  toPairs(): string[];
  /** First value of a lower-case name. */
  get(name: string): string | undefined;
  /** The writers answer false when name or value cannot stand in a head; nothing is changed then. */
  add(name: string, value: string): boolean;
  replace(name: string, value: string): boolean;
  remove(name: string): boolean;
  /** Puts other pairs in place of all; pseudo headers that are missing stay as they are. */
  assign(pairs: readonly string[]): boolean;
}

/** What a guest may ask of the stream behind a context; bits. */
export const Action = { continueRequest: 1, continueResponse: 2, reply: 4, close: 8, done: 16 } as const;

/** A plugin's own answer, as `proxy_send_local_response` gave it; names and values are checked. */
export interface LocalResponse {
  readonly status: number;
  readonly details: string;
  readonly body: Buffer | null;
  /** Flat `[name, value, …]`. */
  readonly headers: string[];
}

/** Value of a property: text (latin1), or bytes encoded as the ABI asks. */
export type PropertyValue = string | Uint8Array;

/** Who stands behind a context: one exchange, or the plugin itself for its root context. */
export interface ContextHost {
  /** null: no such map now. @param type one of `MapType`. */
  headerMap(type: number): HeaderMap | null;
  /** @param path segments separated by NUL, as the guest wrote them. */
  getProperty(path: string): PropertyValue | null;
  /** Always succeeds; what does not fit pushes out the oldest. */
  setProperty(path: string, value: Uint8Array): void;
  /**
   * The guest asked for something and no frame of it is on the stack any more.
   * @param actions bits of `Action`; with `Action.reply` there is a response.
   */
  onActions(actions: number, response: LocalResponse | null): void;
  /** A callback for this context took so long. */
  addTime(microseconds: number): void;
  /** The VM is dead: the context with it. Not called for the context whose callback failed; its caller sees it. */
  onVmFailed(): void;
}

/** A value of the shared data and the number that the next compare-and-swap must name. */
export interface SharedValue {
  readonly value: Uint8Array;
  /** 1 to 2³²−1. */
  readonly cas: number;
}

/** Shared data of one plugin. Synchronous: host calls are. */
export interface SharedData {
  get(key: string): SharedValue | null;
  /** False: `cas` is neither 0 nor the number of the stored value. The value is copied. */
  set(key: string, value: Uint8Array, cas: number): boolean;
}

/** All shared data; plugins of different tenants, and different plugins, never see each other's. */
export interface SharedDataStore {
  open(tenant: string, plugin: string): SharedData;
}

/** Time as plugins see it. */
export interface Clock {
  /** Nanoseconds since the epoch. */
  now(): bigint;
  /** Nanoseconds of a clock that never goes back. */
  monotonic(): bigint;
}

export const systemClock: Clock = {
  now: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
  monotonic: () => process.hrtime.bigint(),
};

/** What a VM needs of the plugin it belongs to. */
export interface PluginHost {
  /** The plugin's configuration as its author reads it: JSON text in UTF-8. */
  readonly configuration: Uint8Array;
  /** Lines below this level are dropped unread; one of `LogLevel`. */
  readonly logLevel: number;
  readonly clock: Clock;
  readonly metrics: MetricSet;
  readonly sharedData: SharedData;
  /** A line of the guest. Never called while a guest frame is on the stack. */
  log(level: number, message: string): void;
  /** False: the plugin logs too much and the line is to be dropped; counted by the callee. */
  mayLog(): boolean;
  /** @param period milliseconds; 0 stops the ticks. */
  setTickPeriod(period: number): void;
  /** Fuel and time of an outermost call, whatever its outcome. */
  onCallEnded(fuel: number, microseconds: number): void;
  /** The VM has died; it is never entered again. */
  onCrash(crash: Crash): void;
}

/** Why a VM died, or (`memory`) could not be made. */
export type CrashCause = 'fuel' | 'stack' | 'memory' | 'trap' | 'exit' | 'abort';

export const CRASH_CAUSES: readonly CrashCause[] = ['fuel', 'stack', 'memory', 'trap', 'exit', 'abort'];

export interface Crash {
  readonly cause: CrashCause;
  /** Export that was running, such as `proxy_on_request_headers`. */
  readonly callback: string;
  readonly contextId: number;
  readonly message: string;
  /** With the names of the guest's functions if the module has them. */
  readonly stack: string;
  /** Instructions that were left, of `budget`; negative when used up. */
  readonly fuelLeft: number;
  readonly budget: number;
}
