import type { BodyBudget } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { Lane } from '../routing/lanes.ts';
import type { GrpcClient } from '../upstream/client-grpc.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { GrpcCall } from '../upstream/grpc-call.ts';
import type { GrpcCallHandler, GrpcFailure, GrpcOutcome } from '../upstream/grpc.ts';
import { GrpcStatus } from '../upstream/grpc-status.ts';
import type { CalloutResult, GrpcEnd, GrpcHandle, GrpcHandler, GrpcRequest } from '../wasm/host.ts';

export interface GrpcCalloutParts {
  readonly request: GrpcRequest;
  /** Flat pairs as they go on the wire. */
  readonly metadata: readonly string[];
  readonly cluster: Cluster;
  /** null = baseline. */
  readonly lane: Lane | null;
  readonly client: GrpcClient;
  readonly wheel: TimerWheel;
  readonly handler: GrpcHandler;
  /** Of the tenant whose plugin makes it. */
  readonly budget: BodyBudget;
}

/** Attempts of one call, each at another endpoint, while no service has seen any of it. */
const ATTEMPTS = 2;

const RESULTS: Readonly<Record<GrpcFailure, CalloutResult>> = {
  'connect-failed': 'connect-failed',
  overloaded: 'overloaded',
  reset: 'reset',
  'too-large': 'too-large',
  protocol: 'reset',
  unsendable: 'refused',
};

function ending(status: number, message: string, result: CalloutResult): GrpcEnd {
  return { status, message, trailers: [], result };
}

const TOO_LATE = ending(GrpcStatus.deadlineExceeded, 'the deadline has passed', 'timeout');
const ABANDONED = ending(GrpcStatus.cancelled, 'the service did not end in time', 'cancelled');
const NO_ENDPOINT = ending(GrpcStatus.unavailable, 'the service has no usable endpoint', 'no-endpoint');
const NO_CONNECTION = ending(GrpcStatus.unavailable, 'the endpoint cannot be connected to', 'connect-failed');
const NO_ROOM = ending(GrpcStatus.unavailable, 'too much waits for the endpoint', 'overloaded');
const NO_MEMORY = ending(GrpcStatus.resourceExhausted, 'the plugins of the tenant hold too much', 'overloaded');
const NO_ANSWER = ending(GrpcStatus.internal, 'the service answered without a message', 'success');
const TWO_ANSWERS = ending(GrpcStatus.internal, 'the service answered with more than one message', 'success');

/** One gRPC call of a plugin: picks an endpoint, passes messages both ways, and ends in time. */
export class GrpcCallout implements GrpcCallHandler, GrpcHandle, Expirable {
  readonly #parts: GrpcCalloutParts;
  readonly #startedAt = performance.now();
  #over = false;
  /** The guest has closed it: what comes is dropped. */
  #deaf = false;
  #timer: WheelTimer | null = null;
  #endpoint: Endpoint | null = null;
  #call: GrpcCall | null = null;
  #attempts = 0;
  #tried: Endpoint[] | null = null;
  /** Bytes of the budget that it holds. */
  #held = 0;
  /** Of a unary call, until it is known that all went well. */
  #answer: Buffer | null = null;

  constructor(parts: GrpcCalloutParts) {
    this.#parts = parts;
  }

  start(): void {
    const { request, wheel } = this.#parts;
    if (request.timeoutMs > 0) this.#timer = wheel.schedule(this, request.timeoutMs);
    this.#try([]);
  }

  // --- the guest (GrpcHandle)

  send(message: Buffer, end: boolean): boolean {
    // Without a call its end is on the way.
    return this.#over || this.#call === null || this.#call.send(message, end);
  }

  close(): void {
    if (this.#over) return;
    this.#deaf = true;
    this.#timer ??= this.#parts.wheel.schedule(this, LIMITS.pluginCalloutMs);
    this.#call?.end();
  }

  cancel(): void {
    if (!this.#over) this.#stop();
  }

  onTimeout(): void {
    this.#timer = null;
    this.#finish(this.#deaf ? ABANDONED : TOO_LATE);
  }

  // --- what the service answers (GrpcCallHandler)

  onMetadata(pairs: readonly string[]): void {
    if (!this.#deaf) this.#parts.handler.onGrpcMetadata(pairs);
  }

  onMessage(message: Buffer): void {
    if (this.#deaf) return;
    if (this.#parts.request.message === null) this.#parts.handler.onGrpcMessage(message);
    else if (this.#answer !== null) this.#finish(TWO_ANSWERS);
    else if (this.hold(message.length)) this.#answer = message;
    else this.#finish(NO_MEMORY);
  }

  hold(bytes: number): boolean {
    if (!this.#parts.budget.take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#parts.budget.give(bytes);
    this.#held -= bytes;
  }

  onEnd(outcome: GrpcOutcome): void {
    if (this.#over) return;
    if (this.#mayTryAgain(outcome)) {
      const queue = this.#call!.takeQueue();
      this.#leaveEndpoint();
      this.#try(queue);
      return;
    }
    const { status, message, trailers, failure } = outcome;
    const answer = this.#answer;
    if (this.#parts.request.message !== null && status === GrpcStatus.ok) {
      if (answer !== null) this.#parts.handler.onGrpcMessage(answer);
      else return this.#finish({ ...NO_ANSWER, trailers });
    }
    this.#finish({ status, message, trailers, result: failure === null ? 'success' : RESULTS[failure] });
  }

  /** Only when the service has seen nothing of it, and all that was sent is still here. */
  #mayTryAgain({ failure }: GrpcOutcome): boolean {
    if (failure === null || failure === 'unsendable' || this.#attempts >= ATTEMPTS || !this.#call!.untouched)
      return false;
    return failure !== 'reset' || this.#parts.request.message !== null;
  }

  /** @param queue messages of a stream that the last attempt has not sent */
  #try(queue: ReturnType<GrpcCall['takeQueue']>): void {
    const { cluster, lane, client, request, metadata } = this.#parts;
    const endpoint = cluster.pick(lane?.tag ?? '', lane !== null && lane.fallback === 'baseline', this.#tried);
    if (endpoint === null) return this.#failSoon(NO_ENDPOINT);
    this.#attempts++;
    const { path, authority } = request;
    const call = client.open(endpoint, { path, authority, metadata, timeoutMs: this.#timeLeft() }, this);
    if (typeof call === 'string') return this.#failSoon(call === 'overloaded' ? NO_ROOM : NO_CONNECTION);
    this.#endpoint = endpoint;
    endpoint.inFlight++;
    this.#call = call;
    const messages = request.message === null ? queue : [{ message: request.message, end: true }];
    for (const { message, end } of messages) if (!call.send(message, end)) return this.#failSoon(NO_MEMORY);
    if (this.#deaf) call.end();
  }

  /** Milliseconds; 0 = no deadline. */
  #timeLeft(): number {
    const { timeoutMs } = this.#parts.request;
    return timeoutMs === 0 ? 0 : Math.max(1, timeoutMs - (performance.now() - this.#startedAt));
  }

  #leaveEndpoint(): void {
    this.#parts.budget.give(this.#held);
    this.#held = 0;
    this.#call = null;
    if (this.#endpoint === null) return;
    this.#endpoint.inFlight--;
    (this.#tried ??= []).push(this.#endpoint);
    this.#endpoint = null;
  }

  /** The guest that asks is still running. */
  #failSoon(end: GrpcEnd): void {
    queueMicrotask(() => this.#finish(end));
  }

  #finish(end: GrpcEnd): void {
    if (this.#over) return;
    this.#stop();
    this.#parts.handler.onGrpcEnd(end);
  }

  /** Gives everything back. */
  #stop(): void {
    this.#over = true;
    this.#parts.wheel.cancel(this.#timer);
    this.#timer = null;
    this.#answer = null;
    const call = this.#call;
    this.#leaveEndpoint();
    call?.cancel();
  }
}
