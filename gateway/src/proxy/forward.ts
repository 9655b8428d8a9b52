import type { Duplex } from 'node:stream';
import { describeError, type ErrorCode } from '../core/errors.ts';
import type { Expirable, WheelTimer } from '../core/wheel.ts';
import type { BodySource } from '../exchange/body.ts';
import type { Exchange, UpstreamSocket } from '../exchange/exchange.ts';
import type { HeaderList } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import { WholeBody } from '../exchange/whole-body.ts';
import type { Lane } from '../routing/lanes.ts';
import type { RouteRuntime } from '../runtime/snapshot.ts';
import type { UpstreamCall, UpstreamRequest } from '../upstream/client.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { mayRetry } from '../upstream/retry.ts';
import type { Gateway } from './gateway.ts';

/** Who hears of the upstream's answer. */
export interface ForwardOwner {
  onUpstreamInformational(status: number, headers: HeaderList): void;
  onUpstreamHead(status: number, headers: HeaderList, endOfStream: boolean): void;
  /** 101: the endpoint has switched to one of the protocols that the request offers. See ResponseSink.upgrade. */
  onUpstreamUpgrade(headers: HeaderList, duplex: Duplex): void;
  /** False: slow down until `Forward.resume`. */
  onUpstreamData(chunk: Buffer): boolean;
  onUpstreamEnd(trailers: HeaderList | null): void;
  /** No answer, or no more of it. */
  onUpstreamFailed(code: ErrorCode): void;
}

const REQUEST_TIMEOUT = 0;
const TRY_TIMEOUT = 1;

/** One attempt at one endpoint: takes the client's callbacks and drops those that come after it was given up. */
class Attempt implements ResponseSink {
  writer: SinkWriter | null = null;
  readonly endpoint: Endpoint;
  call: UpstreamCall | null = null;
  readonly #forward: Forward;
  #trailers: HeaderList | null = null;
  #live = true;

  constructor(forward: Forward, endpoint: Endpoint) {
    this.#forward = forward;
    this.endpoint = endpoint;
    endpoint.inFlight++;
  }

  informational(status: number, headers: HeaderList): void {
    if (this.#live) this.#forward.informational(status, headers);
  }

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    if (this.#live) this.#forward.head(status, headers, endOfStream);
  }

  data(chunk: Buffer): boolean {
    return this.#live ? this.#forward.owner.onUpstreamData(chunk) : true;
  }

  trailers(headers: HeaderList): void {
    this.#trailers = headers;
  }

  end(): void {
    if (!this.#live) return;
    this.settle();
    this.#forward.owner.onUpstreamEnd(this.#trailers);
  }

  /** It lasts until the tunnel has ended: the endpoint is busy with it. */
  upgrade(headers: HeaderList, duplex: Duplex): void {
    if (this.#live) this.#forward.upgraded(headers, duplex);
    else duplex.destroy();
  }

  reset(code: ErrorCode): void {
    if (!this.#live) return;
    this.settle();
    this.#forward.failed(code);
  }

  /** Gives the attempt up: nothing of it is heard any more. */
  abort(): void {
    if (!this.#live) return;
    this.settle();
    this.call?.abort();
  }

  settle(): void {
    if (!this.#live) return;
    this.#live = false;
    this.endpoint.inFlight--;
  }
}

/**
 * Sends an exchange's request to the endpoints of one service: picks one for the lane, tries, and tries another where
 * the route's retry policy and the state of the request allow it. Deadlines run until the response head.
 */
export class Forward implements Expirable {
  readonly owner: ForwardOwner;
  readonly #gateway: Gateway;
  readonly #x: Exchange;
  readonly #route: RouteRuntime;
  readonly #cluster: Cluster;
  /** '' = baseline. */
  readonly #laneTag: string;
  readonly #fallback: boolean;
  readonly #body: BodySource | null;
  /** All of the body, which may be sent any number of times; null while it streams. */
  readonly #whole: Buffer | null;
  #tried: Endpoint[] | null = null;
  #attempt: Attempt | null = null;
  /** The same, or the one that was given up last. */
  #latest: Attempt | null = null;
  #requestTimer: WheelTimer | null = null;
  #tryTimer: WheelTimer | null = null;
  #headReceived = false;
  /** Bytes of the request body when the timer of that kind last looked. */
  #receivedAtRequest = 0;
  #receivedAtTry = 0;
  /** What went wrong last, when no further endpoint is left. */
  #lastFailure: ErrorCode | null = null;

  constructor(
    gateway: Gateway,
    x: Exchange,
    route: RouteRuntime,
    cluster: Cluster,
    lane: Lane | null,
    owner: ForwardOwner,
    body: BodySource | null,
    whole: Buffer | null,
  ) {
    this.#gateway = gateway;
    this.#x = x;
    this.#route = route;
    this.#cluster = cluster;
    this.#laneTag = lane === null ? '' : lane.tag;
    this.#fallback = lane !== null && lane.fallback === 'baseline';
    this.owner = owner;
    this.#body = body;
    this.#whole = whole;
  }

  /** The endpoint of the latest attempt. */
  get endpoint(): Endpoint | null {
    return this.#latest?.endpoint ?? null;
  }

  /** The latest connection to one. */
  get connection(): UpstreamSocket | null {
    return this.#latest?.call?.connection ?? null;
  }

  start(): void {
    const { requestTimeout } = this.#route;
    if (requestTimeout > 0) this.#requestTimer = this.#gateway.wheel.schedule(this, requestTimeout, REQUEST_TIMEOUT);
    this.#tryNext();
  }

  /** The client takes bytes again. */
  resume(): void {
    this.#attempt?.writer?.onDrain();
  }

  /** Gives up: the client left, or another answer took the upstream's place. */
  abort(): void {
    this.#stopTimers();
    this.#attempt?.abort();
    this.#attempt = null;
  }

  onTimeout(kind: number): void {
    const limit = kind === TRY_TIMEOUT ? this.#route.tryTimeout : this.#route.requestTimeout;
    const unspent = this.#unspent(limit, kind);
    if (unspent > 0) {
      const timer = this.#gateway.wheel.schedule(this, unspent, kind);
      if (kind === TRY_TIMEOUT) this.#tryTimer = timer;
      else this.#requestTimer = timer;
      return;
    }
    if (kind === TRY_TIMEOUT) {
      this.#tryTimer = null;
      this.#attempt?.abort();
      this.failed('SLUICE_UPSTREAM_TRY_TIMEOUT');
      return;
    }
    this.#requestTimer = null;
    this.abort();
    this.owner.onUpstreamFailed('SLUICE_UPSTREAM_TIMEOUT');
  }

  /**
   * What a slow upload leaves of a limit: it counts from the complete request on, and while the body still comes, from
   * its last progress, so that an endpoint that stops reading is seen.
   */
  #unspent(limit: number, kind: number): number {
    const { body } = this.#x;
    if (body === null || body.received === 0) return 0;
    if (body.completedAt !== 0) return body.completedAt + limit - performance.now();
    const before = kind === TRY_TIMEOUT ? this.#receivedAtTry : this.#receivedAtRequest;
    if (kind === TRY_TIMEOUT) this.#receivedAtTry = body.received;
    else this.#receivedAtRequest = body.received;
    return body.received > before ? limit : 0;
  }

  #tryNext(): void {
    const x = this.#x;
    const cluster = this.#cluster;
    const endpoint =
      x.upstreamOverride === ''
        ? cluster.pick(this.#laneTag, this.#fallback, this.#tried)
        : cluster.pickAddress(x.upstreamOverride, this.#laneTag, this.#fallback);
    if (endpoint === null) {
      this.#stopTimers();
      this.owner.onUpstreamFailed(this.#lastFailure ?? this.#emptyCode());
      return;
    }
    x.attempts++;
    x.laneFallback = cluster.fellBack;
    x.upstreamAddress = endpoint.address;
    x.upstreamStartedAt = performance.now();
    const { tryTimeout } = this.#route;
    if (tryTimeout > 0) this.#tryTimer = this.#gateway.wheel.schedule(this, tryTimeout, TRY_TIMEOUT);
    const attempt = new Attempt(this, endpoint);
    this.#attempt = attempt;
    this.#latest = attempt;
    attempt.call = this.#gateway.client.send(endpoint, this.#nextRequest(), attempt);
  }

  #nextRequest(): UpstreamRequest {
    const { method, target, requestHeaders: headers, upgrade } = this.#x;
    return { method, target, headers, body: this.#whole === null ? this.#body : wholeBody(this.#whole), upgrade };
  }

  #emptyCode(): ErrorCode {
    return this.#laneTag !== '' && !this.#fallback ? 'SLUICE_LANE_NO_ENDPOINT' : 'SLUICE_UPSTREAM_NO_ENDPOINT';
  }

  informational(status: number, headers: HeaderList): void {
    this.owner.onUpstreamInformational(status, headers);
  }

  head(status: number, headers: HeaderList, endOfStream: boolean): void {
    if (status >= 500 && this.#mayTryAgain(status)) {
      this.#attempt!.abort();
      this.#again();
      return;
    }
    this.#onHead();
    this.owner.onUpstreamHead(status, headers, endOfStream);
  }

  upgraded(headers: HeaderList, duplex: Duplex): void {
    this.#onHead();
    this.owner.onUpstreamUpgrade(headers, duplex);
  }

  #onHead(): void {
    this.#headReceived = true;
    this.#stopTimers();
    this.#x.upstreamMs = performance.now() - this.#x.upstreamStartedAt;
  }

  /** An attempt failed; before the response head another may follow. */
  failed(code: ErrorCode): void {
    this.#lastFailure = code;
    if (!this.#headReceived && describeError(code).source === 'upstream' && this.#mayTryAgain(code)) {
      this.#again();
      return;
    }
    this.#stopTimers();
    this.owner.onUpstreamFailed(code);
  }

  #mayTryAgain(reason: ErrorCode | number): boolean {
    const consumed = this.#whole === null && this.#attempt?.call?.bodyStarted === true;
    return mayRetry(this.#route.retry, reason, this.#x.attempts, this.#x.method, consumed);
  }

  #again(): void {
    this.#gateway.wheel.cancel(this.#tryTimer);
    this.#tryTimer = null;
    this.#tried ??= [];
    this.#tried.push(this.#attempt!.endpoint);
    this.#tryNext();
  }

  #stopTimers(): void {
    this.#gateway.wheel.cancel(this.#requestTimer);
    this.#gateway.wheel.cancel(this.#tryTimer);
    this.#requestTimer = null;
    this.#tryTimer = null;
  }
}

function wholeBody(bytes: Buffer): BodySource | null {
  return bytes.length === 0 ? null : new WholeBody(bytes);
}
