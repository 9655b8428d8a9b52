import type { ErrorCode } from '../core/errors.ts';
import { startTrace, sw8Of, sw8Part, traceparentOf } from '../core/trace.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { type ChainHost, FilterChain } from '../filters/chain.ts';
import { CONTINUE } from '../filters/filter.ts';
import type { Lane } from '../routing/lanes.ts';
import { normalizePath } from '../routing/path.ts';
import type { RouteMatch } from '../routing/route.ts';
import type { RouteRuntime, TenantRuntime } from '../runtime/snapshot.ts';
import { finish } from './finish.ts';
import { Forward, type ForwardOwner } from './forward.ts';
import { applyForwarded } from './forwarded.ts';
import type { Gateway } from './gateway.ts';
import { removeHopByHop } from './hop-by-hop.ts';
import { Responder, type ResponderOwner } from './respond.ts';

/**
 * Handles one exchange from its head to its access-log line. Never throws: what goes wrong inside the gateway becomes
 * a 500 (or a reset, once the response has begun) and a log line with the trace id.
 */
export function handle(gateway: Gateway, x: Exchange): void {
  gateway.activeExchanges++;
  const transaction = new Transaction(gateway, x);
  try {
    transaction.begin();
  } catch (error) {
    transaction.crash(error);
  }
}

/** One exchange on its way: tenant → route → lane → request filters → upstream (or local answer) → response filters. */
class Transaction implements ChainHost, ForwardOwner, ResponderOwner {
  readonly #gateway: Gateway;
  readonly #x: Exchange;
  readonly #responder: Responder;
  #tenant: TenantRuntime | null = null;
  #route: RouteRuntime | null = null;
  #match: RouteMatch | null = null;
  #lane: Lane | null = null;
  #setCookies: readonly string[] | null = null;
  #chain: FilterChain | null = null;
  #forward: Forward | null = null;

  constructor(gateway: Gateway, x: Exchange) {
    this.#gateway = gateway;
    this.#x = x;
    this.#responder = new Responder(x, this);
  }

  begin(): void {
    const x = this.#x;
    const headers = x.requestHeaders;
    x.trace = startTrace(headers.get('traceparent'), joined(headers, 'tracestate'), headers.get('sw8'));
    removeHopByHop(headers);
    applyForwarded(x, this.#gateway.trusted);
    const target = normalizePath(x.target);
    if (target === null) return this.#fail('SLUICE_REQUEST_PATH_INVALID');
    x.target = target;

    const snapshot = this.#gateway.dataPlane.snapshot;
    x.snapshotVersion = snapshot.version;
    const tenant = snapshot.domains.find(x.authority);
    if (tenant === undefined) return this.#fail('SLUICE_ROUTE_DOMAIN_UNKNOWN');
    x.tenant = tenant.name;
    if (!tenant.available) return this.#fail('SLUICE_TENANT_UNAVAILABLE');
    this.#tenant = tenant;

    const match = tenant.routes.match(x);
    if (match === null) return this.#fail('SLUICE_ROUTE_NOT_FOUND');
    this.#match = match;
    this.#route = tenant.runtimes[match.route.index]!;
    x.route = match.route.id;
    this.#chooseLane(tenant);
    this.#filterRequest(this.#route);
  }

  #chooseLane({ lanes }: TenantRuntime): void {
    const decision = this.#gateway.laneDecision;
    lanes.decide(this.#x, decision);
    lanes.apply(this.#x, decision);
    this.#lane = decision.lane;
    this.#setCookies = decision.setCookies;
  }

  #filterRequest({ chain }: RouteRuntime): void {
    if (chain !== null) {
      this.#chain = new FilterChain(chain, this.#x, this);
      if (this.#chain.startRequest(this.#x.body === null) !== CONTINUE) return;
    }
    this.#act();
  }

  /** The request has passed its filters: redirect, answer, or forward it. */
  #act(): void {
    const { redirect, route } = this.#match!;
    if (redirect !== null) {
      const location = redirect.location(this.#x);
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
    const x = this.#x;
    const service = this.#match!.route.split!.pick(Math.random());
    const cluster = service === null ? undefined : this.#tenant!.clusters.get(service);
    if (cluster === undefined) return this.#fail('SLUICE_UPSTREAM_NO_ENDPOINT');
    x.service = cluster.service;
    if (this.#match!.rewrite?.apply(x) === false) return this.#fail('SLUICE_REQUEST_PATH_INVALID');
    this.#traceUpstream(cluster.service);
    this.#forward = new Forward(this.#gateway, x, this.#route!, cluster, this.#lane, this);
    this.#forward.start();
  }

  #traceUpstream(service: string): void {
    const headers = this.#x.requestHeaders;
    const trace = this.#x.trace!;
    headers.set('traceparent', traceparentOf(trace));
    if (trace.tracestate === '') headers.remove('tracestate');
    else headers.set('tracestate', trace.tracestate);
    headers.set('sw8', sw8Of(trace, this.#route!.sw8Operation, sw8Part(service), this.#gateway.sw8Instance));
  }

  // --- local answers

  /** The gateway's own error answer; its head passes the response filters that the request has met. */
  #fail(code: ErrorCode): void {
    this.#responder.prepareError(code);
    this.#filterResponse(false);
  }

  #answer(status: number, headers: HeaderList, body: Buffer | null): void {
    this.#responder.prepareLocal(status, headers, body);
    this.#filterResponse(body === null);
  }

  #filterResponse(endOfStream: boolean): void {
    this.#issueCookies();
    if (this.#chain === null || this.#chain.startResponse(endOfStream) === CONTINUE) this.#responder.release();
  }

  #issueCookies(): void {
    if (this.#setCookies === null) return;
    for (const cookie of this.#setCookies) this.#x.responseHeaders!.append('set-cookie', cookie);
  }

  /** An exception of the gateway's own code. */
  crash(error: unknown): void {
    const { trace, tenant, route } = this.#x;
    this.#gateway.log.error({ err: error, traceId: trace?.traceId ?? '', tenant, route }, 'exchange failed');
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

  onRequestReady(): void {
    this.#act();
  }

  onResponseReady(): void {
    this.#responder.release();
  }

  replaceResponse(status: number, headers: HeaderList, body: Buffer | null, details: string): void {
    this.#forward?.abort();
    this.#x.details = details;
    removeHopByHop(headers);
    this.#responder.prepareLocal(status, headers, body);
    this.#issueCookies();
  }

  replaceWithError(code: ErrorCode, details: string): void {
    this.#forward?.abort();
    this.#x.details = details;
    this.#responder.prepareError(code);
    this.#issueCookies();
  }

  onReset(): void {
    this.#forward?.abort();
    this.#responder.reset('SLUICE_PLUGIN_CLOSED');
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
      this.#filterResponse(endOfStream);
    } catch (error) {
      this.crash(error);
    }
  }

  onUpstreamData(chunk: Buffer): boolean {
    return this.#responder.data(chunk);
  }

  onUpstreamTrailers(headers: HeaderList): void {
    this.#responder.trailers(headers);
  }

  onUpstreamEnd(): void {
    this.#responder.end();
  }

  onUpstreamFailed(code: ErrorCode): void {
    try {
      if (this.#responder.started) this.#responder.reset(code);
      else this.#fail(code);
    } catch (error) {
      this.crash(error);
    }
  }

  // --- how the client fares (ResponderOwner)

  onResponseDrain(): void {
    this.#forward?.resume();
  }

  onClientGone(): void {
    this.#forward?.abort();
  }

  onResponseDone(): void {
    this.#chain?.finish();
    finish(this.#gateway, this.#x, this.#tenant, this.#route);
  }
}

function joined(headers: HeaderList, name: string): string | undefined {
  const first = headers.get(name);
  return first === undefined ? undefined : headers.getAll(name).join(',');
}
