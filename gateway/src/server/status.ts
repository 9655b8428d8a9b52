import { basename } from 'node:path';
import type { ValueMatch } from '../config/schema-common.ts';
import type { GatewayConfig } from '../config/schema-gateway.ts';
import type { LaneConfig, MatchConfig, RouteConfig, TenantConfig } from '../config/schema-tenant.ts';
import { formatAddress } from '../core/endpoint.ts';
import { BASELINE } from '../core/metrics.ts';
import type { QuotaUsage } from '../core/quota-table.ts';
import type { Registries } from '../discovery/registries.ts';
import type { Catalogue } from '../runtime/catalogue.ts';
import type { ControlPlane } from '../runtime/control-plane.ts';
import type { PluginReport } from '../runtime/feed.ts';
import { inRunningOrder } from '../runtime/plugin-pool.ts';
import type { SharedState } from '../runtime/shared-state.ts';
import type { SubscribedService } from '../runtime/subscriptions.ts';
import type { Tenants } from '../runtime/tenants.ts';
import { formatProblem } from '../config/problem.ts';
import type {
  EndpointStatus,
  GatewayFileStatus,
  ListenerStatus,
  ModuleStatus,
  PluginMetric,
  PluginStatus,
  RegistryStatus,
  ServiceStatus,
  TenantStatus,
  WorkerStatus,
} from '../telemetry/gateway-stats.ts';
import { lanesOf } from '../upstream/lanes.ts';
import type { AdminState, ReadinessReason, RouteStatus, SnapshotStatus } from './admin-state.ts';
import type { GatewayFile } from './gateway-file.ts';
import { moduleStatuses, pluginMetrics, pluginStatuses } from './plugin-status.ts';
import type { QueueDepth } from '../wasm/shared-queue.ts';
import type { WorkerSupervisor } from './worker-supervisor.ts';
import type { ListenerPlan } from './listener-plan.ts';
import { listenerStatuses } from './listener-status.ts';
import { workerStatus, workersMissing } from './worker-status.ts';

export interface StatusParts {
  readonly version: string;
  readonly config: GatewayConfig;
  readonly controlPlane: ControlPlane;
  readonly tenants: Tenants;
  readonly registries: Registries;
  readonly catalogue: Catalogue;
  readonly supervisor: WorkerSupervisor;
  /** null: the configuration is not followed. */
  readonly gatewayFile: GatewayFile | null;
  readonly accessLogDropped: () => number;
  readonly plan: ListenerPlan;
  /** TLS handshakes of all workers, by result. */
  readonly handshakes: () => Readonly<Record<string, number>>;
  /** What all workers refused for lack of room. */
  readonly refused: () => { readonly exchanges: number; readonly connections: number };
  readonly shared: SharedState;
  readonly renderMetrics: () => Promise<Buffer>;
}

/** How long a scrape waits for the newest reports; a busy worker is shown as it was within the last second. */
const REPORT_PATIENCE_MS = 100;

const UNFOLLOWED: GatewayFileStatus = { file: '', state: 'active', pending: [], errors: [] };

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
    for (const { name, error, remote, awaited, added } of this.#parts.catalogue.modules) {
      // Whoever does not use it must not wait for a server that is away, and a gateway that serves stays in rotation.
      if (error === '' || added || (remote && !awaited)) continue;
      reasons.push({ part: 'plugins', reason: `plugin ${name} is not loaded: ${error}` });
    }
    const { supervisor } = this.#parts;
    if (!supervisor.able) reasons.push(...workersMissing(supervisor.seats));
    return [...reasons, ...this.#missingAnswers()];
  }

  warnings(): readonly ReadinessReason[] {
    const { supervisor } = this.#parts;
    const { state, errors, pending } = this.gatewayFile();
    const warnings = supervisor.able ? workersMissing(supervisor.seats) : [];
    if (state === 'stale') warnings.push({ part: 'config', reason: errors[0] ?? 'gateway.yaml is broken' });
    if (state === 'pending') warnings.push({ part: 'config', reason: `a restart is due for ${pending.join(', ')}` });
    for (const { name, error, refusal, remote, awaited, added } of this.#parts.catalogue.modules) {
      const missing = error !== '' && (added || (remote && !awaited));
      const reason = missing ? `it is not loaded: ${error}` : refusal;
      if (reason !== '') warnings.push({ part: 'plugins', reason: `plugin ${name}: ${reason}` });
    }
    return warnings;
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
    const { controlPlane, gatewayFile } = this.#parts;
    const { success = 0, failure = 0 } = gatewayFile?.loads ?? {};
    return { success: controlPlane.loads.success + success, failure: controlPlane.loads.failure + failure };
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

  unsavedTenants(): number {
    return this.#parts.tenants.unsaved;
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
    return pluginStatuses(this.#reports(), this.#parts.catalogue.modules);
  }

  modules(): readonly ModuleStatus[] {
    return moduleStatuses(this.#parts.catalogue.modules);
  }

  pluginMetrics(): readonly PluginMetric[] {
    return pluginMetrics(this.#reports());
  }

  listeners(): readonly ListenerStatus[] {
    const { places, seats } = this.#parts.supervisor;
    return listenerStatuses(places, seats, this.#parts.plan);
  }

  workers(): readonly WorkerStatus[] {
    const { supervisor, controlPlane } = this.#parts;
    return supervisor.seats.map((seat) => workerStatus(seat, controlPlane.version));
  }

  gatewayFile(): GatewayFileStatus {
    return this.#parts.gatewayFile?.status ?? UNFOLLOWED;
  }

  accessLogDropped(): number {
    return this.#parts.accessLogDropped();
  }

  certificateReloads(): { readonly success: number; readonly failure: number } {
    return this.#parts.plan.reloads;
  }

  tlsHandshakes(): Readonly<Record<string, number>> {
    return this.#parts.handshakes();
  }

  refused(): { readonly exchanges: number; readonly connections: number } {
    return this.#parts.refused();
  }

  quotas(): readonly QuotaUsage[] {
    return this.#parts.shared.quotas.usage();
  }

  sharedData(): { readonly usedBytes: number; readonly refused: number } {
    return this.#parts.shared.dataUsage();
  }

  queueDepths(): readonly QueueDepth[] {
    return this.#parts.shared.queueDepths();
  }

  async metrics(): Promise<Buffer> {
    await this.#parts.supervisor.collect(REPORT_PATIENCE_MS);
    return this.#parts.renderMetrics();
  }

  /** Of the workers there are, and what those before them had counted. */
  #reports(): PluginReport[] {
    const { controlPlane, supervisor } = this.#parts;
    const { seats, totals } = supervisor;
    totals.retain((tenant, plugin) => controlPlane.runsPlugin(tenant, plugin));
    return [...seats.flatMap(({ handle }) => handle?.report.plugins ?? []), ...totals.reports];
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
