import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import type { GatewayConfig } from './schema-gateway.ts';
import type { TenantsSection } from './schema-tenants-section.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Every connection may hold as much while its head arrives. */
const LARGEST_HEAD = 1024 * 1024;
/** A page of WebAssembly. */
const SMALLEST_SHARE = 64 * 1024;
/** Room for a request line and a Host. */
const SMALLEST_HEAD = 512;

/** Checks of limits and overload that a schema cannot make, since it sees durations and sizes as text. */
export function checkLimits({ listeners, overload, shutdown, tenants }: GatewayConfig, report: Report): void {
  for (const [index, { limits }] of listeners.entries()) {
    const path = ['listeners', index, 'limits'];
    for (const key of ['headTimeout', 'idleTimeout', 'stallTimeout', 'upgradeIdleTimeout'] as const) {
      checkTime(limits[key], [...path, key], report);
    }
    checkSize(limits.requestHead, SMALLEST_HEAD, [...path, 'requestHead'], report);
    checkSize(limits.requestTarget, 1, [...path, 'requestTarget'], report);
  }
  for (const key of ['grace', 'deadline'] as const) {
    if (shutdown[key] > DAY_MS) {
      report.add(['shutdown', key], 'SLUICE_CONFIG_VALUE', 'the duration is out of range', 'give at most 24h');
    }
  }
  checkTime(overload.idleTimeout, ['overload', 'idleTimeout'], report);
  if (overload.loopDelay !== 0) checkTime(overload.loopDelay, ['overload', 'loopDelay'], report);
  checkPluginMemory(tenants, report);
  checkBurst(tenants.quotas, tenants.quotas.requestsPerSecond, ['tenants', 'quotas'], report);
  for (const [name, { quotas }] of Object.entries(tenants.overrides)) {
    checkTenantName(name, report);
    const rate = quotas.requestsPerSecond ?? tenants.quotas.requestsPerSecond;
    checkBurst(quotas, rate, ['tenants', 'overrides', name, 'quotas'], report);
  }
}

function checkBurst({ burst = 0 }: { readonly burst?: number }, rate = 0, path: Path, report: Report): void {
  if (burst === 0 || rate > 0) return;
  const message = 'a burst means nothing without requestsPerSecond';
  report.add([...path, 'burst'], 'SLUICE_CONFIG_CONFLICT', message, 'add requestsPerSecond, or remove burst');
}

/** Whether what tenants are granted cannot be told, so that none can be found to exceed it. */
export function limitsUnread({ limits, overrides }: TenantsSection, report: Report): boolean {
  const keys = Object.keys(limits);
  const path = ['tenants', 'overrides'];
  return (
    report.unread(['tenants'], ['limits', 'overrides']) ||
    report.unread(['tenants', 'limits'], keys) ||
    Object.keys(overrides).some(
      (name) => report.unread([...path, name], ['limits']) || report.unread([...path, name, 'limits'], keys),
    )
  );
}

/** What no instance fits into would turn every plugin off without a word. */
function checkPluginMemory({ limits, overrides }: TenantsSection, report: Report): void {
  checkShare(limits.pluginMemory, ['tenants', 'limits', 'pluginMemory'], report);
  for (const [name, { limits: own }] of Object.entries(overrides)) {
    checkShare(
      own.pluginMemory ?? limits.pluginMemory,
      ['tenants', 'overrides', name, 'limits', 'pluginMemory'],
      report,
    );
  }
}

function checkShare(bytes: number, path: Path, report: Report): void {
  if (bytes >= SMALLEST_SHARE) return;
  report.add(
    path,
    'SLUICE_CONFIG_VALUE',
    'no plugin has room in that',
    'give at least 64KiB; a common plugin has 1MiB',
  );
}

function checkTime(ms: number, path: Path, report: Report): void {
  if (ms > 0 && ms <= DAY_MS) return;
  report.add(path, 'SLUICE_CONFIG_VALUE', 'the duration is out of range', 'give more than 0s, and at most 24h');
}

function checkSize(bytes: number, smallest: number, path: Path, report: Report): void {
  if (bytes >= smallest && bytes <= LARGEST_HEAD) return;
  report.add(path, 'SLUICE_CONFIG_VALUE', 'the size is out of range', `give at least ${smallest}B, and at most 1MiB`);
}

function checkTenantName(name: string, report: Report): void {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return;
  const path = ['tenants', 'overrides', name];
  const message = `${show(name)} cannot be the name of a tenant`;
  report.add(path, 'SLUICE_CONFIG_VALUE', message, 'use lower-case letters, digits and inner dashes', 'key');
}
