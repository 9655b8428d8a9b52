import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { WORKER_SLOTS } from '../core/metrics.ts';
import { startTrace, sw8Of, sw8Part, traceparentOf } from '../core/trace.ts';
import type { BodySource } from '../exchange/body.ts';
import type { Exchange, UpstreamSocket } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { type ChainHost, FilterChain, type WaitingBody } from '../filters/chain.ts';
import { CONTINUE, type Destination, type FilterFactory } from '../filters/filter.ts';
import type { RouteRuntime } from '../runtime/snapshot.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { finish } from './finish.ts';
import { Forward, type ForwardOwner } from './forward.ts';
import { applyForwarded } from './forwarded.ts';
import type { Gateway } from './gateway.ts';
import { removeHopByHop } from './hop-by-hop.ts';
import { Responder, type ResponderOwner } from './respond.ts';
import { RoutedExchange } from './routed.ts';

/**
 * Handles one exchange from its head to its access-log line. Never throws: what goes wrong inside the gateway becomes
 * a 500 (or a reset, once the response has begun) and a log line with the trace id.
 */
export function handle(gateway: Gateway, x: Exchange, crowded = false): void {
  gateway.activeExchanges++;
  const transaction = new Transaction(gateway, x);
  try {
    if (crowded || gateway.refusing) transaction.turnAway();
    else transaction.begin();
  } catch (error) {
    transaction.crash(error);
  }
}

/** One exchange on its way: tenant → route → lane → request filters → upstream (or local answer) → response filters. */
class Transaction extends RoutedExchange implements ChainHost, ForwardOwner, ResponderOwner {
  readonly #responder: Responder;
  #chain: FilterChain | null = null;
  #cluster: Cluster | null = null;
  #forward: Forward | null = null;

  constructor(gateway: Gateway, x: Exchange) {
    super(gateway, x);
    this.#responder = new Responder(x, this);
  }

  /** Trace context, and who the caller is. */
  #identify(): void {
    const x = this.x;
    const headers = x.requestHeaders;
    x.trace = startTrace(headers.get('traceparent'), joined(headers, 'tracestate'), headers.get('sw8'));
    removeHopByHop(headers);
    // Routes and filters may go by it.
    if (x.upgrade !== '') headers.set('upgrade', x.upgrade);
    applyForwarded(x, this.gateway.trusted);
  }

  /** 503 and Retry-After without a look at tenants and routes: it must cost less than what it saves. */
  turnAway(): void {
    this.gateway.metrics.add(WORKER_SLOTS.exchangesRefused, 1);
    this.#identify();
    this.#responder.prepareError('SLUICE_GATEWAY_OVERLOADED');
    this.x.responseHeaders!.append('retry-after', retryAfter());
    this.#responder.release();
  }

  begin(): void {
    this.#identify();
    const error = this.choose();
    if (error === null) this.#filterRequest(this.route!);
    else this.#fail(error);
  }

  #filterRequest({ chain }: RouteRuntime): void {
    if (chain !== null) {
      this.x.routeInputs = this.tenant!.routeInputs;
      this.#chain = new FilterChain(chain, this.x, this, this.gateway.bodies);
      if (this.#chain.startRequest(this.x.body === null) !== CONTINUE) return;
    }
    this.#act();
  }

  /** The request has passed its filters: redirect, answer, or forward it. */
  #act(): void {
    const { redirect, route } = this.match!;
    if (redirect !== null) {
      const location = redirect.location(this.x);
      return this.#answer(redirect.status, new PairHeaders(['location', location]), null);
    }
    const { respond } = route;
    if (respond !== null) {
      const headers = new PairHeaders(Object.entries(respond.headers).flat());
      const body = respond.body === '' ? null : Buffer.from(respond.body);
      if (body !== null && !headers.has('content-type')) headers.append('content-type', 'text/plain; charset=utf-8');
      return this.#answer(respond.status, headers, body);
    }
    this.#send();
  }

  #send(): void {
    const x = this.x;
    const { cluster } = this;
    if (cluster === null) return this.#fail('SLUICE_UPSTREAM_NO_ENDPOINT');
    x.service = cluster.service;
    if (this.match!.rewrite?.apply(x) === false) return this.#fail('SLUICE_REQUEST_PATH_INVALID');
    this.#traceUpstream(cluster.service);
    this.#cluster = cluster;
    if (this.#chain?.filterRequestBody() !== true) this.onRequestBody(x.body, null);
  }

  #traceUpstream(service: string): void {
    const headers = this.x.requestHeaders;
    const trace = this.x.trace!;
    headers.set('traceparent', traceparentOf(trace));
    if (trace.tracestate === '') headers.remove('tracestate');
    else headers.set('tracestate', trace.tracestate);
    headers.set('sw8', sw8Of(trace, this.route!.sw8Operation, sw8Part(service), this.gateway.sw8Instance));
  }

  // --- local answers

  /** The gateway's own error answer; its head passes the response filters that the request has met. */
  #fail(code: ErrorCode): void {
    this.#prepareError(code);
    this.#filterResponse();
  }

  #prepareError(code: ErrorCode): void {
    this.#responder.prepareError(code);
    if (this.retryAfter > 0) this.x.responseHeaders!.append('retry-after', String(this.retryAfter));
  }

  #answer(status: number, headers: HeaderList, body: Buffer | null): void {
    this.#responder.prepareLocal(status, headers, body);
    this.#filterResponse();
  }

  /** Runs the response that was prepared through the filters; a local one with its body. */
  #filterResponse(): void {
    this.#issueCookies();
    this.#responder.filter(this.#chain);
  }

  #issueCookies(): void {
    if (this.setCookies === null) return;
    for (const cookie of this.setCookies) this.x.responseHeaders!.append('set-cookie', cookie);
  }

  /** An exception of the gateway's own code. */
  crash(error: unknown): void {
    const { trace, tenant, route } = this.x;
    this.gateway.log.error({ err: error, traceId: trace?.traceId ?? '', tenant, route }, 'exchange failed');
    this.#forward?.abort();
    if (this.#responder.started) {
      this.#responder.reset('SLUICE_GATEWAY_INTERNAL');
      return;
    }
    // The filters may be what failed, so this answer does not pass them.
    this.#responder.prepareError('SLUICE_GATEWAY_INTERNAL');
    this.#responder.release();
  }

  // --- what the filter chain asks for (ChainHost)

  get responseStarted(): boolean {
    return this.#responder.started;
  }

  get destination(): Destination {
    return this;
  }

  reroute(mayLeaveTenant: boolean): readonly FilterFactory[] | ErrorCode {
    const error = this.chooseAgain(mayLeaveTenant);
    if (error !== null) return error;
    this.x.routeInputs = this.tenant!.routeInputs;
    return this.route!.chain ?? [];
  }

  get mayGrow(): boolean {
    const { method, status } = this.x;
    return method !== 'HEAD' && status !== 204 && status !== 304 && status !== 101;
  }

  onResponseGrows(): WaitingBody {
    return this.#responder.grow();
  }

  // --- where it goes (RoutedExchange)

  protected get departed(): boolean {
    return this.#forward !== null;
  }

  protected get endpoint(): Endpoint | null {
    return this.#forward?.endpoint ?? null;
  }

  get connection(): UpstreamSocket | null {
    return this.#forward?.connection ?? null;
  }

  onRequestReady(): void {
    this.#act();
  }

  onRequestBody(body: BodySource | null, whole: Buffer | null): void {
    this.#forward = new Forward(this.gateway, this.x, this.route!, this.#cluster!, this.lane, this, body, whole);
    this.#forward.start();
  }

  onRequestBodyFailed(code: ErrorCode): void {
    this.onUpstreamFailed(code);
  }

  onResponseReady(bodyLength: number | null): void {
    this.#responder.releaseFiltered(this.#chain!, bodyLength);
  }

  onResponseData(chunk: Buffer): boolean {
    return this.#responder.data(chunk);
  }

  onResponseEnd(trailers: HeaderList | null): void {
    if (trailers !== null) this.#responder.trailers(trailers);
    this.#responder.end();
  }

  resumeResponse(): void {
    this.#forward?.resume();
  }

  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    this.#forward?.abort();
    this.x.details = details;
    removeHopByHop(headers);
    this.#responder.prepareLocal(status, headers, body);
    this.#filterResponse();
  }

  replaceWithError(code: ErrorCode, details: string): void {
    this.#forward?.abort();
    this.x.details = details;
    this.#prepareError(code);
    this.#filterResponse();
  }

  onReset(code: ErrorCode): void {
    this.#forward?.abort();
    this.#responder.reset(code);
  }

  // --- what the upstream says (ForwardOwner)

  onUpstreamInformational(status: number, headers: HeaderList): void {
    removeHopByHop(headers);
    this.#responder.informational(status, headers);
  }

  onUpstreamHead(status: number, headers: HeaderList, endOfStream: boolean): void {
    removeHopByHop(headers);
    this.#responder.prepare(status, headers, endOfStream);
    try {
      if (endOfStream) this.#forgetLength(status, headers);
      this.#filterResponse();
    } catch (error) {
      this.crash(error);
    }
  }

  onUpstreamUpgrade(headers: HeaderList, duplex: Duplex): void {
    const protocol = headers.get('upgrade')!;
    removeHopByHop(headers);
    headers.set('upgrade', protocol);
    this.#responder.prepareUpgrade(headers, duplex);
    try {
      this.#filterResponse();
    } catch (error) {
      this.crash(error);
    }
  }

  /** A length without a body is that of the body which filters would have changed. */
  #forgetLength(status: number, headers: HeaderList): void {
    if (this.x.method !== 'HEAD' && status !== 304) return;
    if (this.#chain?.editsResponse === true) headers.remove('content-length');
  }

  onUpstreamData(chunk: Buffer): boolean {
    const chain = this.#chain;
    if (chain === null || !chain.filtersResponse) return this.#responder.data(chunk);
    try {
      return chain.pushResponse(chunk);
    } catch (error) {
      this.crash(error);
      return true;
    }
  }

  onUpstreamEnd(trailers: HeaderList | null): void {
    const chain = this.#chain;
    if (chain === null || !chain.filtersResponse) {
      this.onResponseEnd(trailers);
      return;
    }
    try {
      chain.endResponse(trailers);
    } catch (error) {
      this.crash(error);
    }
  }

  onUpstreamFailed(code: ErrorCode): void {
    try {
      // The body of a request may know before the sink does.
      if (code === 'SLUICE_CLIENT_ABORTED') this.#responder.abandon();
      else if (this.#responder.started) this.#responder.reset(code);
      else this.#fail(code);
    } catch (error) {
      this.crash(error);
    }
  }

  // --- how the client fares (ResponderOwner)

  onResponseDrain(): void {
    const chain = this.#chain;
    if (chain === null || !chain.filtersResponse) {
      this.#forward?.resume();
      return;
    }
    try {
      chain.drainResponse();
    } catch (error) {
      this.crash(error);
    }
  }

  onClientGone(): void {
    this.#forward?.abort();
  }

  onResponseDone(): void {
    this.leaveTenant();
    // Filters may have ended a response whose rest is still coming.
    this.#forward?.abort();
    if (this.#chain !== null) {
      this.x.endedAt = performance.now();
      this.#chain.finish();
    }
    finish(this.gateway, this.x, this.tenant, this.route);
  }
}

/** Seconds; not the same for everybody, so that those who were turned away together do not come back together. */
function retryAfter(): string {
  return String(1 + Math.floor((Math.random() * LIMITS.overloadRetryAfterMs) / 1000));
}

function joined(headers: HeaderList, name: string): string | undefined {
  const first = headers.get(name);
  return first === undefined ? undefined : headers.getAll(name).join(',');
}
