import { type Static, Type } from 'typebox';
import { BASELINE } from '../core/metrics.ts';
import { askAdminFor } from './admin-client.ts';
import { refusalOf } from './explain-exchange.ts';
import type { Explanation, LaneChoice, LiveEndpoint, LiveService } from './explanation.ts';

/** What of `/api/services` is read. */
const Answer = Type.Object({
  services: Type.Array(
    Type.Object({
      tenant: Type.String(),
      service: Type.String(),
      state: Type.Union([Type.Literal('pending'), Type.Literal('fresh'), Type.Literal('stale'), Type.Literal('held')]),
      endpoints: Type.Array(
        Type.Object({
          address: Type.String(),
          lane: Type.String(),
          weight: Type.Number(),
          healthy: Type.Boolean(),
        }),
      ),
    }),
  ),
});
type Services = Static<typeof Answer>['services'];

/**
 * The services of a running gateway.
 * @throws AdminError
 */
export async function fetchServices(origin: string): Promise<Services> {
  return (await askAdminFor(origin, '/api/services', Answer)).services;
}

/** The explanation with the live endpoints of its services. Nobody left for any of them is a refusal. */
export function withLive(explanation: Explanation, services: Services): Explanation {
  const { action, tenant, lane } = explanation;
  if (action?.kind !== 'upstream' || tenant === null || lane === null) return explanation;
  const shares = action.services.map((share) => {
    const known = services.find((entry) => entry.tenant === tenant.name && entry.service === share.service);
    return { ...share, live: liveOf(known, lane) };
  });
  const used = shares.filter(({ weight }) => weight > 0).map(({ live }) => live);
  const refusal = used.every((live) => live.refusal !== null) ? used[0]!.refusal : explanation.refusal;
  return { ...explanation, action: { ...action, services: shares }, refusal };
}

function liveOf(service: Services[number] | undefined, { name, fallback }: LaneChoice): LiveService {
  if (service === undefined) {
    const outcome = 'the running gateway does not know this service; does it run this configuration?';
    return { state: 'unknown', endpoints: [], outcome, refusal: refusalOf('SLUICE_UPSTREAM_NO_ENDPOINT') };
  }
  const usable = service.endpoints.filter(({ healthy, weight }) => healthy && weight > 0);
  const inLane = usable.some(({ lane }) => lane === name);
  const baselineLeft = fallback === 'baseline' && usable.some(({ lane }) => lane === BASELINE);
  const serving = inLane ? name : baselineLeft ? BASELINE : null;
  const endpoints = service.endpoints.map(({ address, lane, weight, healthy }): LiveEndpoint => {
    return { address, lane, weight, healthy, pickable: healthy && weight > 0 && lane === serving };
  });
  const outcome = outcomeOf(name, serving, fallback);
  if (serving !== null) return { state: service.state, endpoints, outcome, refusal: null };
  const code = fallback === 'reject' ? 'SLUICE_LANE_NO_ENDPOINT' : 'SLUICE_UPSTREAM_NO_ENDPOINT';
  return { state: service.state, endpoints, outcome, refusal: refusalOf(code) };
}

function outcomeOf(lane: string, serving: string | null, fallback: LaneChoice['fallback']): string {
  if (serving === null) {
    if (fallback === 'baseline') return `neither ${lane} nor ${BASELINE} has a usable endpoint`;
    return `${lane} has no usable endpoint${fallback === 'reject' ? ', and its fallback is reject' : ''}`;
  }
  if (serving !== lane) return `${lane} has no usable endpoint: ${BASELINE} serves`;
  if (fallback === null) return `${BASELINE} serves`;
  return `${lane} serves; ${fallback === 'baseline' ? `${BASELINE} would` : 'nobody would'} if it were empty`;
}
