import { onTestFinished } from 'vitest';
import { BodyBudgets } from '../core/body-budget.ts';
import { LIMITS } from '../core/limits.ts';
import { TimerWheel } from '../core/wheel.ts';
import { compileLanes } from '../routing/lanes.ts';
import { PersistentMap } from '../routing/persistent-map.ts';
import { GrpcClient } from '../upstream/client-grpc.ts';
import { Http1Client } from '../upstream/client-http1.ts';
import { Cluster } from '../upstream/cluster.ts';
import type { PoolLimits } from '../upstream/pool.ts';
import { PATIENT } from '../upstream/grpc.suite.ts';
import { record } from '../upstream/upstream.suite.ts';
import { ServiceCallouts } from './callouts.ts';
import { ManualWheel, tenantOf } from './runtime.suite.ts';
import { ServiceNames } from './service-names.ts';
import { emptySnapshot, type Snapshot, type TenantRuntime } from './snapshot.ts';

const LANES = [
  { name: 'gray', tag: 'g' },
  { name: 'strict', tag: 's', fallback: 'reject' },
];

export interface Place {
  readonly port: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

function clusterOf(tenant: string, service: string, places: readonly Place[]): Cluster {
  const lanes = LANES.map(({ tag }) => ({ tag, metadata: { version: tag } }));
  const cluster = new Cluster({
    key: `${tenant}/${service}`,
    service,
    scheme: 'http',
    loadBalancer: 'round-robin',
    lanes,
  });
  cluster.update({ state: 'fresh', endpoints: places.map((place) => record({ address: '127.0.0.1', ...place })) });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** Services by `tenant/service`, in a snapshot with nothing else. @param settings of services, as in every tenant's file */
export function snapshotOf(
  services: Readonly<Record<string, readonly Place[]>>,
  settings: Readonly<Record<string, unknown>> = {},
): Snapshot {
  let tenants = PersistentMap.empty<TenantRuntime>();
  for (const tenant of new Set(Object.keys(services).map((name) => name.split('/')[0]!))) {
    const own = Object.entries(services).filter(([name]) => name.startsWith(`${tenant}/`));
    const clusters = new Map(own.map(([name, places]) => [name.split('/')[1]!, clusterOf(tenant, name, places)]));
    const config = tenantOf({ lanes: LANES, services: settings });
    const lanes = compileLanes(config);
    const serviceNames = new ServiceNames(config, [...clusters.keys()]);
    const parts: Partial<TenantRuntime> = { name: tenant, available: true, lanes, clusters, serviceNames };
    tenants = tenants.with(tenant, parts as TenantRuntime);
  }
  return { ...emptySnapshot(), tenants };
}

/** Services by `tenant/service`. */
export function calloutRig(services: Readonly<Record<string, readonly Place[]>>, limits: Partial<PoolLimits> = {}) {
  const wheel = new ManualWheel();
  const snapshot = snapshotOf(services);
  const bodies = new BodyBudgets(() => 4 * LIMITS.pluginCalloutBodyBytes);
  const client = new Http1Client({ wheel: new TimerWheel(), limits });
  const grpc = new GrpcClient({ wheel: new TimerWheel(), limits: PATIENT });
  const callouts = new ServiceCallouts({ client, grpc, wheel, bodies, snapshot: () => snapshot });
  const inFlight = (): number =>
    [...snapshot.tenants.values()]
      .flatMap((tenant) => (tenant.available ? [...tenant.clusters.values()] : []))
      .flatMap(({ endpoints }) => endpoints)
      .reduce((sum, { inFlight }) => sum + inFlight, 0);
  return { callouts, wheel, bodies, inFlight };
}
