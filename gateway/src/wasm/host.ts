import type { TraceContext } from '../core/trace.ts';
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

/**
 * Bytes a guest may look at in a callback, and change where they are a body. Positions and lengths are whole numbers
 * from 0 to 2³²−1 that the guest chose: what lies behind the end is cut off, never an error.
 */
export interface GuestBuffer {
  /** False: reading only (a callout's response, a configuration). */
  readonly writable: boolean;
  readonly length: number;
  /** At most `length` bytes from `start`; valid until the buffer changes or the callback returns. */
  read(start: number, length: number): Uint8Array;
  /**
   * Takes `length` bytes at `start` out and puts a copy of `bytes` there; a start behind the end appends.
   * False: it would outgrow its limit, and nothing is changed.
   */
  splice(start: number, length: number, bytes: Uint8Array): boolean;
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
  /** null: no such buffer now. @param type one of `BufferType`. */
  buffer(type: number): GuestBuffer | null;
  /** @param path segments separated by NUL, as the guest wrote them. */
  getProperty(path: string): PropertyValue | null;
  /** Always succeeds; what does not fit pushes out the oldest. */
  setProperty(path: string, value: Uint8Array): void;
  /**
   * The guest asked for something and no frame of it is on the stack any more.
   * @param actions bits of `Action`; with `Action.reply` there is a response.
   */
  onActions(actions: number, response: LocalResponse | null): void;
  /** The exchange behind it; null for the plugin itself. */
  readonly origin: CalloutOrigin | null;
  /** A callback for this context took so long. */
  addTime(microseconds: number): void;
  /** The VM is dead: the context with it. Not called for the context whose callback failed; its caller sees it. */
  onVmFailed(): void;
}

/** A value of the shared data and the number that the next compare-and-swap must name. */
export interface SharedValue {
  readonly value: Uint8Array;
  /** 1 to 2³²−2. */
  readonly cas: number;
}

/** Shared data of one plugin of one tenant, the same for all workers. Synchronous: host calls are. Keys are latin1. */
export interface SharedData {
  /** null: there is none, or it cannot be read because a worker died with it and is not cleared away yet. */
  get(key: string): SharedValue | null;
  /**
   * Stores a copy. False: `cas` is neither 0 nor the number of the stored value, or there is no room, or no writing for
   * the reason above; nothing has changed then.
   */
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

/** On whose behalf a callout is made; an exchange is one. */
export interface CalloutOrigin {
  readonly tenant: string;
  /** Name of its lane; '' = baseline. */
  readonly lane: string;
  readonly trace: TraceContext | null;
}

/** Who makes callouts: one use of a plugin. */
export interface CalloutCaller {
  /** Its owner, whose services it may call; '' for the gateway's own chain, which has none. */
  readonly tenant: string;
  /** Further services that the operator allows it, as `tenant/service`. */
  readonly services: readonly string[];
}

/** An HTTP request of a plugin to a service. */
export interface CalloutRequest {
  readonly caller: CalloutCaller;
  /** null: it is the plugin's own affair, not an exchange's. */
  readonly origin: CalloutOrigin | null;
  /** As the plugin names it: a service of its tenant, or `tenant/service`. */
  readonly service: string;
  readonly method: string;
  /** Origin form: begins with '/'. */
  readonly path: string;
  readonly authority: string;
  /** Flat `[name, value, …]`, fit for a head, names in lower case, without pseudo headers and `host`. */
  readonly headers: readonly string[];
  readonly body: Buffer | null;
  /** 1 to LIMITS.pluginCalloutMs. */
  readonly timeoutMs: number;
}

/** A callout as the guest asks for it. */
export type GuestRequest = Omit<CalloutRequest, 'caller' | 'origin'>;

export interface CalloutResponse {
  /** Flat `[name, value, …]`, names in lower case, `:status` first. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly trailers: readonly string[];
}

/** How a callout ended. `refused`: it was never made, because of its service or because too many are under way. */
export type CalloutResult =
  | 'success'
  | 'timeout'
  | 'connect-failed'
  | 'reset'
  | 'no-endpoint'
  | 'overloaded'
  | 'too-large'
  | 'cancelled'
  | 'refused';

/** Who hears of a callout's end. */
export interface CalloutHandler {
  /** Once, and never from within `send`. @param response null unless the result is `success` */
  onCalloutDone(response: CalloutResponse | null, result: CalloutResult): void;
}

/** A callout under way. */
export interface CalloutHandle {
  /** Gives it up; its handler is not called any more. */
  cancel(): void;
}

/** Requests of plugins to services. */
export interface Callouts {
  /** null: there is no such service, or the caller may not use it. */
  send(request: CalloutRequest, handler: CalloutHandler): CalloutHandle | null;
}

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
  /**
   * Makes a callout for a live context. Answers its number, which the callback repeats, or a negative number: it was
   * refused because the service is unknown or not allowed (-1), or because too many are under way (-2).
   */
  sendCallout(contextId: number, request: GuestRequest): number;
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
