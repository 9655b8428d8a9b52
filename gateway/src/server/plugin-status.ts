import type { PluginReport } from '../runtime/feed.ts';
import type { LoadedModule } from '../runtime/modules/entry.ts';
import type { PluginState } from '../wasm/plugin-stats.ts';
import { missingPermissions } from '../wasm/wanted.ts';
import type { ManifestStatus, ModuleStatus, PluginMetric, PluginStatus } from '../telemetry/gateway-stats.ts';
import { DEFAULT_PERMISSIONS } from '../wasm/permissions.ts';
import { sumOfCounts, sumOfMetrics, useOf } from '../runtime/plugin-totals.ts';

/** One entry for each plugin and tenant, summed over the workers, then the modules that could not be loaded. */
export function pluginStatuses(reports: readonly PluginReport[], modules: readonly LoadedModule[]): PluginStatus[] {
  const uses = [...Map.groupBy(reports, useOf).values()].map(statusOf);
  return [...uses, ...modules.filter(({ error }) => error !== '').map(failedStatus)];
}

/** The metrics that plugins define, each once: summed over workers and over the configurations of one tenant. */
export function pluginMetrics(reports: readonly PluginReport[]): PluginMetric[] {
  return [...Map.groupBy(reports, useOf).values()].flatMap((ofUse) => {
    const { plugin, tenant } = ofUse[0]!;
    const samples = sumOfMetrics(ofUse.flatMap(({ metrics }) => metrics));
    return samples.map(({ name, type, value, count }) => ({ plugin, tenant, name, kind: type, value, count }));
  });
}

type SummedField =
  | 'calls'
  | 'timeUs'
  | 'fuel'
  | 'evictions'
  | 'recycles'
  | 'logLinesDropped'
  | 'instances'
  | 'memoryBytes';

function statusOf(reports: readonly PluginReport[]): PluginStatus {
  const { plugin, tenant, digest, abi } = reports[0]!;
  const sum = (field: SummedField): number => reports.reduce((total, { stats }) => total + stats[field], 0);
  return {
    plugin,
    tenant,
    state: stateOf(reports.map(({ stats }) => stats.state)),
    digest,
    abi,
    calls: sum('calls'),
    seconds: sum('timeUs') / 1e6,
    fuel: sum('fuel'),
    traps: sumOfCounts(reports.map(({ stats }) => stats.traps)),
    callouts: sumOfCounts<string, Readonly<Record<string, number>>>(reports.map(({ stats }) => stats.callouts)),
    queues: sumOfCounts(reports.map(({ stats }) => stats.queues)),
    refusals: sumOfCounts(reports.map(({ stats }) => stats.refusals)),
    failures: Math.max(...reports.map(({ stats }) => stats.failures)),
    evictions: sum('evictions'),
    recycles: sum('recycles'),
    logLinesDropped: sum('logLinesDropped'),
    instances: sum('instances'),
    memoryBytes: sum('memoryBytes'),
    lastError: reports.find(({ stats }) => stats.lastFailure !== '')?.stats.lastFailure ?? '',
  };
}

function stateOf(states: readonly PluginState[]): PluginStatus['state'] {
  if (states.includes('broken')) return 'open';
  if (states.includes('running')) return 'running';
  return states.includes('waiting') ? 'waiting' : 'idle';
}

/** The catalogue, in its order. */
export function moduleStatuses(modules: readonly LoadedModule[]): ModuleStatus[] {
  return modules.map((loaded) => {
    const { name, source, module, error, refusal, loadedAt, loads, pulls } = loaded;
    const digest = module?.digest ?? '';
    return {
      plugin: name,
      source,
      state: moduleState(loaded),
      digest,
      loadedAt,
      error: error || refusal,
      loads,
      pulls,
      manifest: manifestStatus(loaded),
      allowed: allowedTo(loaded),
    };
  });
}

function manifestStatus({ module, permissions = {} }: LoadedModule): ManifestStatus | null {
  const { manifest = null, manifestProblem = '' } = module ?? {};
  if (manifest === null) {
    return manifestProblem === '' ? null : { name: '', version: '', error: manifestProblem, wanted: {}, missing: [] };
  }
  const { name, version, permissions: asked } = manifest;
  const wanted = Object.fromEntries(Object.entries(asked).filter(([key, value]) => isAskedFor(key, value)));
  const missing = missingPermissions(asked, permissions).map(({ remedy }) => remedy);
  return { name, version, error: '', wanted, missing };
}

function isAskedFor(key: string, value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : key === 'clock' ? value === 'precise' : value === true;
}

/** Values of the environment may be secrets. */
function allowedTo({ permissions }: LoadedModule): ModuleStatus['allowed'] {
  const { environment, ...rules } = { ...DEFAULT_PERMISSIONS, ...permissions };
  return { ...rules, environment: Object.keys(environment) };
}

function moduleState({ module, refusal, awaited }: LoadedModule): ModuleStatus['state'] {
  if (module === null) return awaited ? 'pending' : 'failed';
  return refusal === '' ? 'active' : 'stale';
}

function failedStatus({ name, error }: LoadedModule): PluginStatus {
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
    callouts: {},
    queues: { enqueued: 0, dropped: 0 },
    refusals: {},
    failures: 0,
    evictions: 0,
    recycles: 0,
    logLinesDropped: 0,
    instances: 0,
    memoryBytes: 0,
    lastError: error,
  };
}
