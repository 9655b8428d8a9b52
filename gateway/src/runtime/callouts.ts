import type { BodyBudgets } from '../core/body-budget.ts';
import { traceparentOf } from '../core/trace.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { Lane } from '../routing/lanes.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type {
  CalloutCaller,
  CalloutHandle,
  CalloutHandler,
  CalloutOrigin,
  CalloutRequest,
  Callouts,
} from '../wasm/host.ts';
import { Callout } from './callout.ts';
import type { Snapshot, TenantRuntime } from './snapshot.ts';

export interface ServiceCalloutsParts {
  readonly client: UpstreamClient;
  readonly wheel: TimerWheel;
  /** What plugins may hold of bodies. */
  readonly bodies: BodyBudgets;
  /** What is in force at the moment of a callout. */
  readonly snapshot: () => Snapshot;
}

/** Where a callout goes. */
interface Target {
  readonly tenant: TenantRuntime;
  readonly cluster: Cluster;
}

/** Tenant and service that a caller means; null when it may not call that service. */
export function calledService(
  name: string,
  { tenant, services }: CalloutCaller,
): { readonly tenant: string; readonly service: string } | null {
  const slash = name.indexOf('/');
  if (slash === -1) return tenant === '' ? null : { tenant, service: name };
  const owner = name.slice(0, slash);
  if (owner !== tenant && !services.includes(name)) return null;
  return { tenant: owner, service: name.slice(slash + 1) };
}

/**
 * Callouts of the plugins of one worker, over the clusters of their tenants: same endpoints, connections and lanes as
 * forwarded requests.
 */
export class ServiceCallouts implements Callouts {
  readonly #parts: ServiceCalloutsParts;

  constructor(parts: ServiceCalloutsParts) {
    this.#parts = parts;
  }

  send(request: CalloutRequest, handler: CalloutHandler): CalloutHandle | null {
    const target = this.#find(request);
    if (target === null) return null;
    const lane = laneOf(request.origin, target.tenant);
    const headers = headersOf(request, lane, target.tenant.lanes.tagHeader);
    const { client, wheel, bodies } = this.#parts;
    const budget = bodies.of(request.caller.tenant);
    const callout = new Callout({ request, headers, cluster: target.cluster, lane, client, wheel, handler, budget });
    callout.start();
    return callout;
  }

  #find(request: CalloutRequest): Target | null {
    const called = calledService(request.service, request.caller);
    const tenant = called === null ? undefined : this.#parts.snapshot().tenants.get(called.tenant);
    if (called === null || tenant?.available !== true) return null;
    const cluster = tenant.clusters.get(called.service);
    return cluster === undefined ? null : { tenant, cluster };
  }
}

/** Lanes are a tenant's own: a callout from the exchange of another tenant goes to baseline. */
function laneOf(origin: CalloutOrigin | null, tenant: TenantRuntime): Lane | null {
  if (origin === null || origin.lane === '' || origin.tenant !== tenant.name) return null;
  return tenant.lanes.lanes.find(({ name }) => name === origin.lane) ?? null;
}

function headersOf(request: CalloutRequest, lane: Lane | null, tagHeader: string): PairHeaders {
  const headers = new PairHeaders(['host', request.authority, ...request.headers]);
  if (lane === null) headers.remove(tagHeader);
  else headers.set(tagHeader, lane.tag);
  const trace = request.origin?.trace ?? null;
  if (trace !== null && !headers.has('traceparent')) {
    headers.append('traceparent', traceparentOf(trace));
    if (trace.tracestate !== '') headers.set('tracestate', trace.tracestate);
  }
  return headers;
}
