import { isPort, portOf } from './hosts.ts';
import { checkLimits } from './limit-rules.ts';
import { checkListeners } from './listener-rules.ts';
import { checkCatalogue } from './plugin-rules.ts';
import type { Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { checkCidrs, checkPluginUses, noRepeats, withSchemas } from './rules.ts';
import type { GatewayConfig, NacosRegistryConfig } from './schema-gateway.ts';

/**
 * Checks of `gateway.yaml` that a schema cannot make.
 * @param schemas of the configurations of plugins, as far as they are known
 */
export function checkGateway(gateway: GatewayConfig, schemas: ReadonlyMap<string, object>, report: Report): void {
  checkListeners(gateway, report);
  for (const [name, registry] of Object.entries(gateway.registries)) {
    checkRegistryName(name, report);
    if (registry.type === 'nacos') checkNacos(registry, ['registries', name], report);
  }
  checkCatalogue(gateway.plugins, report);
  const catalogue = catalogueUnread(gateway, report) ? null : withSchemas(gateway.plugins, schemas);
  checkPluginUses(gateway.chain, catalogue, ['chain'], report);
  checkCidrs(gateway.trustedProxies, ['trustedProxies'], report);
  checkLimits(gateway, report);
}

/** Whether plugins may be missing from the catalogue only because their names cannot be read. */
export function catalogueUnread({ plugins }: GatewayConfig, report: Report): boolean {
  return report.unread(['plugins']) || plugins.some((_, index) => report.unread(['plugins', index, 'name']));
}

/** Names under which the services of tenants are known that are in no registry. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  ['static', 'the lists of tenant files'],
  ['dns', 'what tenant files look up by DNS'],
]);

function checkRegistryName(name: string, report: Report): void {
  const meaning = RESERVED.get(name);
  if (meaning !== undefined) {
    const message = `the name ${name} stands for ${meaning}`;
    report.add(['registries', name], 'SLUICE_CONFIG_CONFLICT', message, 'choose another name', 'key');
  }
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return;
  const remedy = 'use lower-case letters, digits and inner dashes, 1 to 63 characters';
  report.add(
    ['registries', name],
    'SLUICE_CONFIG_VALUE',
    `${show(name)} cannot be the name of a registry`,
    remedy,
    'key',
  );
}

function checkNacos(registry: NacosRegistryConfig, path: Path, report: Report): void {
  for (const [index, server] of registry.servers.entries()) {
    const at = [...path, 'servers', index];
    if (!isPort(portOf(server))) {
      report.add(at, 'SLUICE_CONFIG_VALUE', `${show(server)} has no port that can be connected to`, 'give 1 to 65535');
    } else if (!isPort(portOf(server) + registry.grpcPortOffset) && !report.unread(path, ['grpcPortOffset'])) {
      const message = `${show(server)} with grpcPortOffset ${registry.grpcPortOffset} is no port for gRPC`;
      report.add(at, 'SLUICE_CONFIG_CONFLICT', message, 'lower the port or the offset: the sum is 1 to 65535');
    }
  }
  noRepeats(registry.servers, (index) => [...path, 'servers', index], 'server', report);
}
