import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseGateway } from '../config/parse-gateway.ts';
import { LIMITS } from './limits.ts';

const PAGE = join(import.meta.dirname, '../../../docs/limits.md');

/** Where a limit is the default of a key. */
const KEYS: Readonly<Record<string, string>> = {
  requestHeadBytes: 'listeners[].limits.requestHead',
  requestTargetBytes: 'listeners[].limits.requestTarget',
  requestHeaderCount: 'listeners[].limits.requestHeaders',
  headTimeoutMs: 'listeners[].limits.headTimeout',
  clientIdleMs: 'listeners[].limits.stallTimeout',
  bodyBytesPerSecond: 'listeners[].limits.minBodyRate',
  requestsPerConnection: 'listeners[].limits.requestsPerConnection',
  keepAliveTimeoutMs: 'listeners[].limits.idleTimeout',
  requestBodyBytes: 'listeners[].limits.requestBody',
  exchangesPerListener: 'listeners[].limits.exchanges',
  connectionsPerListener: 'listeners[].limits.connections',
  connectionsPerAddress: 'listeners[].limits.connectionsPerAddress',
  overloadLoopDelayMs: 'overload.loopDelay',
  overloadBufferedBytes: 'overload.bufferedBytes',
  overloadDescriptors: 'overload.descriptors',
  overloadHeap: 'overload.heap',
  overloadIdleTimeoutMs: 'overload.idleTimeout',
  tenantRoutes: 'tenants.limits.routes',
  tenantRegexes: 'tenants.limits.regexes',
  tenantPlugins: 'tenants.limits.plugins',
  tenantBufferedBytes: 'tenants.limits.bufferedBodies',
  tenantPluginMemoryBytes: 'tenants.limits.pluginMemory',
  tenantPluginCpu: 'tenants.limits.pluginCpu',
  pluginPauseMs: 'plugins[].limits.pause',
  pluginBodyBytes: 'plugins[].limits.body',
  pluginPullMs: 'plugins[].pull.timeout',
};

const defaults = parseGateway(
  'gateway.yaml',
  'apiVersion: sluice/v1\nlisteners: [{ name: http, port: 0 }]\ntenants: { directory: tenants }\n' +
    `plugins: [{ name: any, source: "oci://any.example/any@sha256:${'0'.repeat(64)}", pull: {} }]\n`,
).config;

/** Default of a key of gateway.yaml. */
function defaultOf(key: string): unknown {
  const parts = key.replace('[]', '.0').split('.');
  return parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], defaults);
}

/** Names, each with the comment above it; a limit without one shares that of the limit before it. */
function reasons(): Map<string, string> {
  const source = readFileSync(new URL('./limits.ts', import.meta.url), 'utf8');
  const body = source.slice(source.indexOf('LIMITS = {'));
  const found = new Map<string, string>();
  let reason = '';
  for (const [, comment, name] of body.matchAll(/\/\*\*([\s\S]*?)\*\/|^ {2}(\w+):/gm)) {
    if (comment !== undefined) reason = comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim();
    else found.set(name!, reason);
  }
  return found;
}

function show(name: string, value: number): string {
  if (name.endsWith('PerSecond')) return `${value} B/s`;
  if (name.endsWith('Bytes')) return inUnits(value, 1024, ['B', 'KiB', 'MiB']);
  if (name.endsWith('Ms')) return inUnits(value, 1000, ['ms', 's']);
  return value.toLocaleString('en').replaceAll(',', ' ');
}

function inUnits(value: number, step: number, units: readonly string[]): string {
  const [unit = '', ...larger] = units;
  return larger.length === 0 || value % step !== 0 ? `${value} ${unit}` : inUnits(value / step, step, larger);
}

describe('limits', () => {
  it('have a reason each', () => {
    const found = reasons();
    expect([...found.keys()]).toEqual(Object.keys(LIMITS));
    expect([...found].filter(([, reason]) => reason === '')).toEqual([]);
  });

  it('that are configurable are the defaults of their keys', () => {
    for (const [name, key] of Object.entries(KEYS)) {
      expect(defaultOf(key), key).toBe(LIMITS[name as keyof typeof LIMITS]);
    }
  });

  it('are documented (vitest -u writes the table)', async () => {
    const rows = [...reasons()].map(([name, reason]) => {
      const key = KEYS[name] === undefined ? '' : `, default of \`${KEYS[name]}\``;
      return `| \`${name}\`${key} | ${show(name, LIMITS[name as keyof typeof LIMITS])} | ${reason} |`;
    });
    const table = ['| limit | value | reason |', '|---|---|---|', ...rows].join('\n');
    const page = readFileSync(PAGE, 'utf8');
    const written = page.replace(/(?<=<!-- limits -->\n)[\s\S]*(?=<!-- end -->)/, () => `${table}\n`);
    await expect(written).toMatchFileSnapshot(PAGE);
  });
});
