import { basename } from 'node:path';
import type { ValueMatch } from '../config/schema-common.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { LaneConfig, MatchConfig, RouteConfig, TenantConfig } from '../config/schema-tenant.ts';
import { formatAddress } from '../core/endpoint.ts';
import { BASELINE } from '../core/metrics.ts';
import type { Registries } from '../discovery/registries.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import type { PluginReport } from '../runtime/feed.ts';
import type { LoadedModule } from '../runtime/modules.ts';
import { inRunningOrder } from '../runtime/plugin-pool.ts';
import type { SubscribedService } from '../runtime/subscriptions.ts';
import type { Tenants } from '../runtime/tenants.ts';
import { formatProblem } from '../config/problem.ts';
import type {
  EndpointStatus,
  ListenerStatus,
  PluginMetric,
  PluginStatus,
  RegistryStatus,
  ServiceStatus,
  TenantStatus,
  WorkerStatus,
} from '../telemetry/gateway-stats.ts';
import { lanesOf } from '../upstream/lanes.ts';
import type { AdminState, ReadinessReason, RouteStatus, SnapshotStatus } from './admin-state.ts';
import type { WorkerHandle } from './workers.ts';

export interface StatusParts {
  readonly version: string;
  readonly config: GatewayConfig;
  readonly controlPlane: ControlPlane;
  readonly tenants: Tenants;
  readonly registries: Registries;
  readonly modules: readonly LoadedModule[];
  readonly workers: readonly WorkerHandle[];
  readonly accessLogDropped: () => number;
  readonly renderMetrics: () => Promise<string>;
}

/** The running gateway as admin API and metrics see it: plain data, secrets left out. */
export class GatewayStatus implements AdminState {
  readonly version: string;
  readonly #parts: StatusParts;
  /** All tenant files have been looked at once. */
  loaded = false;
  draining = false;
  /** Latched: a service that a later configuration adds must not take a serving gateway out of rotation. */
  #discovered = false;

  constructor(parts: StatusParts) {
    this.version = parts.version;
    this.#parts = parts;
  }

  readiness(): readonly ReadinessReason[] {
    const reasons: ReadinessReason[] = [];
    if (this.draining) reasons.push({ part: 'draining', reason: 'the gateway is shutting down' });
    if (!this.loaded) reasons.push({ part: 'config', reason: 'tenant files are being read' });
    for (const { name, error } of this.#parts.modules) {
      if (error !== '') reasons.push({ part: 'plugins', reason: `plugin ${name} is not loaded: ${error}` });
    }
    for (const worker of this.#parts.workers) {
      if (!worker.listening) reasons.push({ part: 'workers', reason: `worker ${worker.index} does not listen` });
    }
    return [...reasons, ...this.#missingAnswers()];
  }

  #missingAnswers(): ReadinessReason[] {
    if (this.#discovered) return [];
    const pending = this.#parts.controlPlane.services().filter(({ list }) => list === null);
    this.#discovered = this.loaded && pending.length === 0;
    return pending.map(({ tenant, service, ref }) => ({
      part: 'discovery',
      reason: `no answer yet for ${tenant}/${service} from registry ${ref.registry}`,
    }));
  }

  snapshotVersion(): number {
    return this.#parts.controlPlane.version;
  }

  snapshot(): SnapshotStatus {
    const { version, changedAt, lastError } = this.#parts.controlPlane;
    const broken = this.#parts.tenants.state().some(({ status }) => status !== 'ok');
    return {
      version,
      builtAt: changedAt,
      lastError: broken ? lastError.text : '',
      lastErrorAt: lastError.at,
    };
  }

  configReloads(): { readonly success: number; readonly failure: number } {
    return this.#parts.controlPlane.loads;
  }

  tenants(): readonly TenantStatus[] {
    const { tenants, unavailable } = this.#parts.controlPlane;
    return this.#parts.tenants.state().map(({ file, tenant, status, problems }) => {
      const active = tenant === null || status === 'broken' ? undefined : tenants.get(tenant);
      return {
        tenant: tenant ?? '',
        state: status === 'ok' ? 'active' : status === 'broken' ? 'failed' : 'stale',
        // A file that does not own its tenant's name stands under its own.
        domains:
          active?.config.domains ?? unavailable.get(`file:${basename(file)}`) ?? unavailable.get(tenant ?? '') ?? [],
        routes: active?.config.routes.length ?? 0,
        lanes: active?.config.lanes.map(({ name }) => name) ?? [],
        file,
        loadedAt: active?.loadedAt ?? 0,
        errors: problems.map(formatProblem),
      };
    });
  }

  routes(): readonly RouteStatus[] {
    const { chain } = this.#parts.config;
    return [...this.#parts.controlPlane.tenants.values()].flatMap(({ config }) =>
      config.routes.map((route) => routeStatus(config, route, chain)),
    );
  }

  registries(): readonly RegistryStatus[] {
    return this.#parts.registries
      .status()
      .map(({ registry, type, connected, lastError }) => ({ registry, type, connected, lastError }));
  }

  services(): readonly ServiceStatus[] {
    const { controlPlane } = this.#parts;
    return controlPlane
      .services()
      .map((service) => serviceStatus(service, controlPlane.tenants.get(service.tenant)?.config.lanes ?? []));
  }

  plugins(): readonly PluginStatus[] {
    const byUse = Map.groupBy(this.#reports(), ({ plugin, tenant }) => `${plugin}\n${tenant}`);
    const failed = this.#parts.modules.filter(({ error }) => error !== '').map(failedPlugin);
    return [...[...byUse.values()].map(pluginStatus), ...failed];
  }

  pluginMetrics(): readonly PluginMetric[] {
    return this.#reports().flatMap(({ plugin, tenant, metrics }) =>
      metrics.map(({ name, type, value, count }) => ({ plugin, tenant, name, kind: type, value, count })),
    );
  }

  listeners(): readonly ListenerStatus[] {
    return this.#parts.config.listeners.map(({ name }) => ({
      listener: name,
      connections: this.#parts.workers.reduce((sum, { report }) => sum + (report.connections.get(name) ?? 0), 0),
    }));
  }

  workers(): readonly WorkerStatus[] {
    return this.#parts.workers.map(({ index, listening, draining, report }) => ({
      worker: index,
      state: draining ? 'draining' : listening ? 'serving' : 'starting',
      snapshotVersion: report.snapshotVersion,
      activeExchanges: report.activeExchanges,
      eventLoopDelaySeconds: report.loopDelayP99Ms / 1000,
    }));
  }

  accessLogDropped(): number {
    return this.#parts.accessLogDropped();
  }

  async metrics(): Promise<string> {
    await Promise.all(this.#parts.workers.map((worker) => worker.collect()));
    return this.#parts.renderMetrics();
  }

  #reports(): PluginReport[] {
    return this.#parts.workers.flatMap(({ report }) => report.plugins);
  }
}

function routeStatus(tenant: TenantConfig, route: RouteConfig, chain: GatewayConfig['chain']): RouteStatus {
  const order = [chain, tenant.plugins, route.plugins];
  return {
    tenant: tenant.tenant,
    route: route.id,
    hosts: route.hosts ?? tenant.domains,
    matches: route.match.map(describeMatch),
    target: describeTarget(route),
    plugins: order.flatMap((uses) => inRunningOrder(uses).map(({ use }) => use)),
  };
}

/** One alternative of a route in words: 'GET,POST prefix /device header x-api exact v2'. */
export function describeMatch({
  path,
  methods,
  headers = [],
  query = [],
  cookies = [],
  clientIp,
}: MatchConfig): string {
  const [kind, value] = Object.entries(path ?? { prefix: '/' })[0] ?? ['prefix', '/'];
  const parts = [`${kind} ${value}`];
  if (methods !== undefined) parts.unshift(methods.join(','));
  for (const [label, conditions] of [
    ['header', headers],
    ['query', query],
    ['cookie', cookies],
  ] as const) {
    for (const condition of conditions) parts.push(describeComparison(label, condition));
  }
  if (clientIp !== undefined) parts.push(`client ${clientIp.join(',')}`);
  return parts.join(' ');
}

/** One comparison of a header, query parameter or cookie in words: 'header x-api exact v2'. */
export function describeComparison(label: string, { name, ...comparison }: ValueMatch): string {
  const [how, wanted] = Object.entries(comparison)[0] ?? ['present', true];
  return `${label} ${name} ${how} ${String(wanted)}`;
}

function describeTarget({ upstream, redirect, respond }: RouteConfig): string {
  if (redirect !== undefined) return `redirect ${redirect.status}`;
  if (respond !== undefined) return `respond ${respond.status}`;
  if (upstream?.services === undefined) return `service ${upstream?.service ?? ''}`;
  return `services ${upstream.services.map(({ service, weight }) => `${service}:${weight}`).join(' ')}`;
}

function serviceStatus({ tenant, service, ref, list }: SubscribedService, lanes: readonly LaneConfig[]): ServiceStatus {
  return {
    tenant,
    service,
    ...ref,
    state: list?.state ?? 'pending',
    endpoints: (list?.endpoints ?? []).flatMap(({ address, port, weight, healthy, cluster, metadata }) => {
      const members = lanes.map(({ tag, endpoints }) => ({ tag, metadata: endpoints?.metadata ?? null }));
      const { tags, baseline } = lanesOf(metadata, members);
      const names = lanes.filter(({ tag }) => tags.includes(tag)).map(({ name }) => name);
      const memberOf = [...(baseline ? [BASELINE] : []), ...names];
      // Tagged for a lane that this tenant does not have: listed, and never picked.
      if (memberOf.length === 0) memberOf.push('none');
      return memberOf.map((lane): EndpointStatus => {
        return { address: formatAddress(address, port), lane, weight, healthy, cluster };
      });
    }),
  };
}

function failedPlugin({ name, error }: LoadedModule): PluginStatus {
  return {
    plugin: name,
    tenant: '',
    state: 'failed',
    digest: '',
    abi: '',
    calls: 0,
    seconds: 0,
    fuel: 0,
    traps: {},
    instances: 0,
    memoryBytes: 0,
    lastError: error,
  };
}

function pluginStatus(reports: readonly PluginReport[]): PluginStatus {
  const { plugin, tenant, digest, abi } = reports[0]!;
  const traps: Record<string, number> = {};
  for (const { stats } of reports) {
    for (const [cause, count] of Object.entries(stats.traps)) traps[cause] = (traps[cause] ?? 0) + count;
  }
  const sum = (field: 'calls' | 'timeUs' | 'fuel' | 'instances' | 'memoryBytes'): number =>
    reports.reduce((total, { stats }) => total + stats[field], 0);
  const states = reports.map(({ stats }) => stats.state);
  return {
    plugin,
    tenant,
    state: states.includes('broken') ? 'open' : states.includes('running') ? 'running' : 'loading',
    digest,
    abi,
    calls: sum('calls'),
    seconds: sum('timeUs') / 1e6,
    fuel: sum('fuel'),
    traps,
    instances: sum('instances'),
    memoryBytes: sum('memoryBytes'),
    lastError: reports.find(({ stats }) => stats.lastFailure !== '')?.stats.lastFailure ?? '',
  };
}
