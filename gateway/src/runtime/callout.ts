import type { BodyBudget } from '../core/body-budget.ts';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../core/wheel.ts';
import type { HeaderList } from '../exchange/headers.ts';
import { MemoryBody } from '../exchange/memory.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';
import type { Lane } from '../routing/lanes.ts';
import type { UpstreamCall, UpstreamClient } from '../upstream/client.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { mayRetry, type RetryPolicy } from '../upstream/retry.ts';
import type { CalloutHandle, CalloutHandler, CalloutRequest, CalloutResult } from '../wasm/host.ts';

export interface CalloutParts {
  readonly request: CalloutRequest;
  /** As they go on the wire. */
  readonly headers: HeaderList;
  readonly cluster: Cluster;
  /** null = baseline. */
  readonly lane: Lane | null;
  readonly client: UpstreamClient;
  readonly wheel: TimerWheel;
  readonly handler: CalloutHandler;
  /** Of the tenant whose plugin makes it. */
  readonly budget: BodyBudget;
}

/** An endpoint that is going away costs an exchange nothing; it must not cost a plugin its callout. */
const RETRY: RetryPolicy = { attempts: 1, on: ['connect-failure', 'reset-before-response'] };

const RESULTS: ReadonlyMap<ErrorCode, CalloutResult> = new Map<ErrorCode, CalloutResult>([
  ['SLUICE_UPSTREAM_CONNECT_FAILED', 'connect-failed'],
  ['SLUICE_UPSTREAM_CONNECT_TIMEOUT', 'connect-failed'],
  ['SLUICE_UPSTREAM_STALLED', 'timeout'],
  ['SLUICE_UPSTREAM_OVERLOADED', 'overloaded'],
]);

const NO_BYTES = Buffer.alloc(0);

/** One callout: sends the request, keeps the response until it is whole, and hands it over. */
export class Callout implements ResponseSink, Expirable, CalloutHandle {
  writer: SinkWriter | null = null;
  readonly #parts: CalloutParts;
  #over = false;
  #timer: WheelTimer | null = null;
  #endpoint: Endpoint | null = null;
  #call: UpstreamCall | null = null;
  #attempts = 0;
  #tried: Endpoint[] | null = null;
  /** Bytes of the budget that it holds. */
  #held = 0;
  #headers: string[] | null = null;
  #trailers: string[] = [];
  readonly #chunks: Buffer[] = [];
  #received = 0;

  constructor(parts: CalloutParts) {
    this.#parts = parts;
  }

  start(): void {
    const { request, wheel } = this.#parts;
    this.#timer = wheel.schedule(this, request.timeoutMs);
    if (this.#hold(request.body?.length ?? 0)) this.#try();
    else this.#failSoon('overloaded');
  }

  cancel(): void {
    if (!this.#over) this.#end();
  }

  onTimeout(): void {
    this.#timer = null;
    this.#finish('timeout');
  }

  // --- what the service answers (ResponseSink)

  informational(): void {}

  head(status: number, headers: HeaderList): void {
    if (this.#over) return;
    const length = Number(headers.get('content-length') ?? 0);
    this.#headers = [':status', String(status), ...plainPairs(headers)];
    if (length > LIMITS.pluginCalloutBodyBytes && this.#parts.request.method !== 'HEAD') this.#finish('too-large');
  }

  data(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#received += chunk.length;
    if (this.#received > LIMITS.pluginCalloutBodyBytes) this.#finish('too-large');
    else if (!this.#hold(chunk.length)) this.#finish('overloaded');
    else this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  trailers(headers: HeaderList): void {
    this.#trailers = plainPairs(headers);
  }

  end(): void {
    this.#finish('success');
  }

  /** No upgrade was asked for. */
  upgrade(): void {
    this.#finish('reset');
  }

  reset(code: ErrorCode): void {
    if (this.#over) return;
    const { method } = this.#parts.request;
    if (this.#headers === null && mayRetry(RETRY, code, this.#attempts, method, false)) {
      this.#leaveEndpoint();
      this.#try();
      return;
    }
    this.#finish(RESULTS.get(code) ?? 'reset');
  }

  #try(): void {
    const { cluster, lane, client, request, headers } = this.#parts;
    const endpoint = cluster.pick(lane?.tag ?? '', lane !== null && lane.fallback === 'baseline', this.#tried);
    if (endpoint === null) {
      this.#failSoon('no-endpoint');
      return;
    }
    this.#attempts++;
    this.#endpoint = endpoint;
    endpoint.inFlight++;
    const { method, path, body } = request;
    const source = body === null ? null : MemoryBody.of(body);
    this.#call = client.send(endpoint, { method, target: path, headers, body: source, upgrade: '' }, this);
  }

  #leaveEndpoint(): void {
    if (this.#endpoint === null) return;
    this.#endpoint.inFlight--;
    (this.#tried ??= []).push(this.#endpoint);
    this.#endpoint = null;
    this.#call = null;
  }

  /** Takes bytes of the budget; false when they are not there. */
  #hold(bytes: number): boolean {
    if (!this.#parts.budget.take(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  /** The guest that asks is still running. */
  #failSoon(result: CalloutResult): void {
    queueMicrotask(() => this.#finish(result));
  }

  #finish(result: CalloutResult): void {
    if (this.#over) return;
    const headers = result === 'success' ? this.#headers : null;
    this.#end();
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const response =
      headers === null ? null : { headers, body: body.length === 0 ? NO_BYTES : body, trailers: this.#trailers };
    this.#parts.handler.onCalloutDone(response, response === null && result === 'success' ? 'reset' : result);
  }

  /** Gives everything back. */
  #end(): void {
    this.#over = true;
    this.#parts.wheel.cancel(this.#timer);
    this.#timer = null;
    this.#parts.budget.give(this.#held);
    this.#held = 0;
    const call = this.#call;
    this.#leaveEndpoint();
    call?.abort();
  }
}

/** Names in lower case, as plugins expect them. */
function plainPairs(headers: HeaderList): string[] {
  const pairs: string[] = [];
  for (let i = 0; i < headers.size; i++) pairs.push(headers.nameAt(i).toLowerCase(), headers.valueAt(i));
  return pairs;
}
