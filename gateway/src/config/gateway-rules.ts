import { isIP } from 'node:net';
import { isPort, portOf } from './hosts.ts';
import { formatPath, type Path } from './problem.ts';
import { type Report, show } from './report.ts';
import { checkCidrs, checkPluginUses, noRepeats } from './rules.ts';
import type { GatewayConfig, NacosRegistryConfig } from './schema-gateway.ts';

/** Checks of `gateway.yaml` that a schema cannot make. */
export function checkGateway(gateway: GatewayConfig, report: Report): void {
  checkListeners(gateway, report);
  for (const [name, registry] of Object.entries(gateway.registries)) {
    checkRegistryName(name, report);
    if (registry.type === 'nacos') checkNacos(registry, ['registries', name], report);
  }
  const names = gateway.plugins.map((plugin) => plugin.name);
  noRepeats(names, (index) => ['plugins', index, 'name'], 'plugin name', report);
  checkPluginUses(gateway.chain, catalogueUnread(gateway, report) ? null : names, ['chain'], report);
  checkCidrs(gateway.trustedProxies, ['trustedProxies'], report);
}

/** Whether plugins may be missing from the catalogue only because their names cannot be read. */
export function catalogueUnread({ plugins }: GatewayConfig, report: Report): boolean {
  return report.unread(['plugins']) || plugins.some((_, index) => report.unread(['plugins', index, 'name']));
}

function checkListeners({ listeners, admin }: GatewayConfig, report: Report): void {
  noRepeats(
    listeners.map((listener) => listener.name),
    (index) => ['listeners', index, 'name'],
    'listener name',
    report,
  );
  const all = listeners.map((listener, index) => ({ ...listener, path: ['listeners', index] as Path }));
  const sockets = [...all, { ...admin, name: 'admin', path: ['admin'] as Path }];
  for (const [index, socket] of sockets.entries()) {
    if (isIP(socket.address) === 0) {
      const message = `${show(socket.address)} is not an IP address`;
      const remedy = 'give an address of this machine: :: for all, 127.0.0.1 for local use';
      report.add([...socket.path, 'address'], 'SLUICE_CONFIG_VALUE', message, remedy);
    }
    if (report.unread(socket.path, ['address'])) continue;
    const other = sockets
      .slice(0, index)
      .find((before) => sharesPort(before, socket) && !report.unread(before.path, ['address']));
    if (other === undefined) continue;
    const message = `port ${socket.port} is already taken by listener ${other.name || formatPath(other.path)}`;
    report.add([...socket.path, 'port'], 'SLUICE_CONFIG_CONFLICT', message, 'choose another port');
  }
}

interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Port 0 is a different one each time. */
function sharesPort(a: SocketAddress, b: SocketAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const everywhere = (address: string): boolean => address === '::' || address === '0.0.0.0';
  return a.address === b.address || everywhere(a.address) || everywhere(b.address);
}

function checkRegistryName(name: string, report: Report): void {
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
