import type { Lane } from '../routing/lanes.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { CalloutOrigin } from '../wasm/host.ts';
import { type CalloutCaller, calledService } from '../wasm/permissions.ts';
import type { Snapshot, TenantRuntime } from './snapshot.ts';

/** Where a call of a plugin goes. */
export interface CalloutTarget {
  readonly tenant: TenantRuntime;
  /** Its name as the tenant's file has it. */
  readonly service: string;
  readonly cluster: Cluster;
}

/** The service that a plugin names; null when there is none, or the caller may not use it. */
export function calloutTarget(snapshot: Snapshot, name: string, caller: CalloutCaller): CalloutTarget | null {
  const called = calledService(name, caller);
  const tenant = called === null ? undefined : snapshot.tenants.get(called.tenant);
  if (called === null || tenant?.available !== true) return null;
  const service = tenant.serviceNames.find(called.service) ?? '';
  const cluster = tenant.clusters.get(service);
  return cluster === undefined ? null : { tenant, service, cluster };
}

/** Lanes are a tenant's own: a call from the exchange of another tenant goes to baseline. */
export function laneOf(origin: CalloutOrigin | null, tenant: TenantRuntime): Lane | null {
  if (origin === null || origin.lane === '' || origin.tenant !== tenant.name) return null;
  return tenant.lanes.lanes.find(({ name }) => name === origin.lane) ?? null;
}
