import type { BodyBudgets } from '../core/body-budget.ts';
import { traceparentOf } from '../core/trace.ts';
import type { TimerWheel } from '../core/wheel.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { Lane } from '../routing/lanes.ts';
import type { GrpcClient } from '../upstream/client-grpc.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type {
  CalloutHandle,
  CalloutHandler,
  CalloutOrigin,
  CalloutRequest,
  Callouts,
  GrpcHandle,
  GrpcHandler,
  GrpcRequest,
} from '../wasm/host.ts';
import { Callout } from './callout.ts';
import { calloutTarget, laneOf } from './callout-target.ts';
import { GrpcCallout } from './grpc-callout.ts';
import type { Snapshot } from './snapshot.ts';

export interface ServiceCalloutsParts {
  readonly client: UpstreamClient;
  readonly grpc: GrpcClient;
  readonly wheel: TimerWheel;
  /** What plugins may hold of bodies. */
  readonly bodies: BodyBudgets;
  /** What is in force at the moment of a callout. */
  readonly snapshot: () => Snapshot;
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
    const target = calloutTarget(this.#parts.snapshot(), request.service, request.caller);
    if (target === null) return null;
    const lane = laneOf(request.origin, target.tenant);
    const headers = new PairHeaders(['host', request.authority, ...request.headers]);
    addContext(headers, request.origin, lane, target.tenant.lanes.tagHeader);
    const { client, wheel, bodies } = this.#parts;
    const budget = bodies.of(request.caller.tenant);
    const callout = new Callout({ request, headers, cluster: target.cluster, lane, client, wheel, handler, budget });
    callout.start();
    return callout;
  }

  openGrpc(request: GrpcRequest, handler: GrpcHandler): GrpcHandle | null {
    const target = calloutTarget(this.#parts.snapshot(), request.service, request.caller);
    if (target === null) return null;
    const lane = laneOf(request.origin, target.tenant);
    const headers = new PairHeaders([...request.metadata]);
    addContext(headers, request.origin, lane, target.tenant.lanes.tagHeader);
    const { grpc: client, wheel, bodies } = this.#parts;
    const budget = bodies.of(request.caller.tenant);
    const metadata = headers.toPairs().map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
    const call = new GrpcCallout({ request, metadata, cluster: target.cluster, lane, client, wheel, handler, budget });
    call.start();
    return call;
  }
}

/** What a callout inherits of its exchange. */
function addContext(headers: PairHeaders, origin: CalloutOrigin | null, lane: Lane | null, tagHeader: string): void {
  if (lane === null) headers.remove(tagHeader);
  else headers.set(tagHeader, lane.tag);
  const trace = origin?.trace ?? null;
  if (trace !== null && !headers.has('traceparent')) {
    headers.append('traceparent', traceparentOf(trace));
    if (trace.tracestate !== '') headers.set('tracestate', trace.tracestate);
  }
}
