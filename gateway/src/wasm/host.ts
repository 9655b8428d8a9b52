import type { TraceContext } from '../core/trace.ts';
import type { MetricSet } from './metrics.ts';
import type { CalloutCaller, Permissions } from './permissions.ts';

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
export const Action = { continueRequest: 1, continueResponse: 2, reply: 4, close: 8, done: 16, inject: 32 } as const;

/** A plugin's own answer, as `proxy_send_local_response` gave it; names and values are checked. */
export interface LocalResponse {
  readonly status: number;
  readonly details: string;
  readonly body: Buffer | null;
  /** Flat `[name, value, …]`. */
  readonly headers: string[];
  /** For callers that speak gRPC, 0 to 16; -1: what the status stands for. */
  readonly grpcStatus: number;
}

/** What a guest may do to an exchange beyond reading and writing it; all of it is refused at the wrong moment. */
export interface StreamHost {
  /** The route is chosen anew before the request goes on; too late once it has. */
  clearRouteCache(): void;
  /**
   * Takes a copy of bytes for the filters behind this one on the way of the response, and passes them on when the guest
   * has returned. False: not now, or more than may wait.
   * @param end nothing follows; what the upstream still sends is dropped
   */
  inject(bytes: Uint8Array, end: boolean): boolean;
  /** Endpoints that the exchange may go to: flat `[address, JSON, …]`; null: it goes to no service, or has gone already. */
  upstreamHosts(): string[] | null;
  /** Sends the exchange to this endpoint and no other; false: it may not go there, or has gone already. */
  overrideUpstreamHost(address: string): boolean;
  /** A value that `filter_state` shows to all plugins of the exchange. */
  setFilterState(name: string, value: Uint8Array): void;
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
  /** The same, as far as a guest may act on it; null for the plugin itself. */
  readonly stream: StreamHost | null;
  /** A callback for this context took so long, and so many instructions; what it asked for is carried out next. */
  addTime(microseconds: number, fuel: number): void;
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
  readonly queues: SharedQueueStore;
}

/** Who is told that messages wait. */
export interface QueueReceiver {
  /** A message waits in a queue that it registered for. Never called while a guest frame is on the stack. */
  onQueueReady(id: number): void;
}

/**
 * Queues of the plugins of one tenant, the same for all workers. Synchronous, as host calls are. Numbers of queues are
 * 1 to 2³²−1, and the same in all workers; names are latin1.
 */
export interface SharedQueues {
  /** Messages that it appended, and those that had to go for them or found no room themselves. */
  readonly enqueued: number;
  readonly dropped: number;
  /** Whether a number has been met here before; looking for another one takes longer. */
  knows(id: number): boolean;
  /** Opens a queue of its plugin, made if need be; of all who did so in any worker, the last one is told of messages. */
  register(name: string): number;
  /** Number of a queue that somebody has registered; 0 = there is none. @param plugin its plugin's name; '' = its own */
  resolve(plugin: string, name: string): number;
  /** Appends a copy. The oldest messages make room; what is too large is dropped. False: there is no such queue. */
  enqueue(id: number, message: Uint8Array): boolean;
  /** Takes the first message out. null: there is none; undefined: there is no such queue. */
  dequeue(id: number): Uint8Array | null | undefined;
  /** Has the receiver of a queue of its own told again, of messages that it could not take. */
  wake(id: number): void;
  /** Its plugin is no more. */
  close(): void;
}

/** All queues; a tenant never sees another's. */
export interface SharedQueueStore {
  open(tenant: string, plugin: string, receiver: QueueReceiver): SharedQueues;
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

/** The same in steps, too long to time anything by. */
export function coarseClock(clock: Clock, stepMs: number): Clock {
  const step = BigInt(stepMs) * 1_000_000n;
  const coarse = (time: bigint): bigint => time - (time % step);
  return { now: () => coarse(clock.now()), monotonic: () => coarse(clock.monotonic()) };
}

/** What makes a host other than the gateway's own: hosts for tests. */
export interface Substitutes {
  /** Fills bytes with randomness for guests. */
  random(bytes: Uint8Array): void;
  /**
   * A foreign function in place of the host's own, or besides them. It answers a result, null for none, or the status that
   * it fails with. Its argument is valid until the guest runs again.
   */
  foreign(name: string): ((argument: Uint8Array) => Uint8Array | null | number) | undefined;
  /**
   * A guest has run, whatever came of it; lines that it logged, and what it asked for, follow.
   * @param origin the exchange that it ran for, or turned to last; null: none
   */
  onCall(callback: string, origin: CalloutOrigin | null, fuel: number, microseconds: number): void;
}

/** On whose behalf a callout is made; an exchange is one. */
export interface CalloutOrigin {
  readonly tenant: string;
  /** Name of its lane; '' = baseline. */
  readonly lane: string;
  readonly trace: TraceContext | null;
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

/** A gRPC call of a plugin to a service. */
export interface GrpcRequest {
  readonly caller: CalloutCaller;
  /** null: it is the plugin's own affair, not an exchange's. */
  readonly origin: CalloutOrigin | null;
  /** As the plugin names it: a service of its tenant, or `tenant/service`. */
  readonly service: string;
  /** Of the request, and the name that a certificate is checked against. */
  readonly authority: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Flat `[name, value, …]`, fit for a head, names in lower case, without pseudo headers and what gRPC itself sets. */
  readonly metadata: readonly string[];
  /** The only message of a unary call, of at most LIMITS.pluginGrpcMessageBytes; null: they follow by `send`. */
  readonly message: Buffer | null;
  /** 1 to LIMITS.pluginCalloutMs; 0 = no deadline, for streams alone. */
  readonly timeoutMs: number;
}

/** A gRPC call as the guest asks for it. */
export type GuestGrpcRequest = Omit<GrpcRequest, 'caller' | 'origin'>;

/** How a gRPC call ended. */
export interface GrpcEnd {
  /** gRPC status, 0 to 16. */
  readonly status: number;
  /** Words of the service, or of the gateway; '' = none. */
  readonly message: string;
  /** Flat trailing metadata, `grpc-status` included; empty when none has come. */
  readonly trailers: readonly string[];
  /** For the statistics: `success` when the service has answered, whatever its status. */
  readonly result: CalloutResult;
}

/** Who hears of a gRPC call; never from within `openGrpc`, nor from within a call of the handle. */
export interface GrpcHandler {
  /** At most once, before all messages. @param metadata flat, `:status` first; empty when all came in one head */
  onGrpcMetadata(metadata: readonly string[]): void;
  /** @param message without frame; the callee's to keep. Of a unary call only when it ended well, and then one */
  onGrpcMessage(message: Uint8Array): void;
  /** Once, and last. */
  onGrpcEnd(end: GrpcEnd): void;
}

/** A gRPC call under way. */
export interface GrpcHandle {
  /**
   * Sends a message of a stream. False: too much waits to be sent, or the sending side has ended; nothing happened.
   * @param message without frame, of at most LIMITS.pluginGrpcMessageBytes; the callee's to keep
   * @param end it is the last one
   */
  send(message: Buffer, end: boolean): boolean;
  /** Ends the sending side. What comes from now on is dropped; its handler hears of the end alone. */
  close(): void;
  /** Gives it up; its handler is not called any more. */
  cancel(): void;
}

/** Requests of plugins to services. */
export interface Callouts {
  /** null: there is no such service, or the caller may not use it. */
  send(request: CalloutRequest, handler: CalloutHandler): CalloutHandle | null;
  /** null: there is no such service, or the caller may not use it. */
  openGrpc(request: GrpcRequest, handler: GrpcHandler): GrpcHandle | null;
}

/** gRPC calls of a guest, by numbers that are unique among all its calls. */
export interface GuestGrpc {
  /**
   * Answers the number of a new call, which its callbacks repeat, or a negative number: it was refused because the
   * service is unknown or not allowed (-1), or because too many are under way (-2).
   */
  open(contextId: number, request: GuestGrpcRequest): number;
  /** A message of a stream. `unknown`: no such call; `refused`: it is no stream, has ended its side, or too much waits. */
  send(id: number, message: Buffer, end: boolean): 'sent' | 'unknown' | 'refused';
  /** Gives a call up, or (`gently`) lets what was sent arrive. The guest hears no more of it. False: no such call. */
  end(id: number, gently: boolean): boolean;
}

/** A Redis service as a plugin uses it. */
export interface RedisTarget {
  readonly caller: CalloutCaller;
  /** As the plugin names it: a service of its tenant, or `tenant/service`. */
  readonly service: string;
  readonly db: number;
  /** '' = none, for both. */
  readonly username: string;
  readonly password: string;
}

/** A command of a plugin for a Redis service. */
export interface RedisRequest {
  readonly target: RedisTarget;
  /** null: it is the plugin's own affair, not an exchange's. */
  readonly origin: CalloutOrigin | null;
  /** One command in RESP that may go over a connection which others use too; the callee's to keep. */
  readonly query: Buffer;
  /** 1 to LIMITS.pluginCalloutMs. */
  readonly timeoutMs: number;
}

/** Who hears of a command's end. */
export interface RedisHandler {
  /** Once, and never from within `send`. @param reply as it came, in RESP 2; null unless the result is `success` */
  onRedisDone(reply: Uint8Array | null, result: CalloutResult): void;
}

/** Redis for plugins. */
export interface RedisCalls {
  /** Says that a service is going to be used. False: there is no such service, or the caller may not use it. */
  prepare(target: RedisTarget): boolean;
  /** null: there is no such service, or the caller may not use it. */
  send(request: RedisRequest, handler: RedisHandler): CalloutHandle | null;
}

/** Redis as one VM uses it, by the names that the guest gives to services. */
export interface GuestRedis {
  /** Says how a service is to be used. False: there is no such service, or it may not be used. */
  init(name: string, username: string, password: string, timeoutMs: number): boolean;
  /**
   * Answers the number of a command, which its callback repeats, or a negative number: it was refused because the service
   * was not set up, is unknown or not allowed (-1), or because too many are under way (-2).
   * @param query see `RedisRequest`
   */
  send(contextId: number, name: string, query: Buffer): number;
}

/** What a VM needs of the plugin it belongs to. */
export interface PluginHost {
  /** The plugin's configuration as its author reads it: JSON text in UTF-8. */
  readonly configuration: Uint8Array;
  /** Lines below this level are dropped unread; one of `LogLevel`. */
  readonly logLevel: number;
  readonly clock: Clock;
  readonly permissions: Permissions;
  readonly metrics: MetricSet;
  readonly sharedData: SharedData;
  readonly queues: SharedQueues;
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
  readonly grpc: GuestGrpc;
  readonly redis: GuestRedis;
  /** null or absent: randomness and foreign functions are the host's own. */
  readonly substitutes?: Substitutes | null;
  /** Fuel and time of an outermost call, whatever its outcome. @param origin as in `Substitutes` */
  onCallEnded(fuel: number, microseconds: number, callback: string, origin: CalloutOrigin | null): void;
  /** The guest has so much linear memory now. False: that is more than it may have, and it must end. */
  onMemoryGrown(bytes: number): boolean;
  /** The guest wants a new VM in its place: noted, and done when it suits. */
  rebuildWhenIdle(): void;
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
