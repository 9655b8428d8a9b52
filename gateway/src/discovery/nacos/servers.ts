import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isPort } from '../../config/hosts.ts';
import type { NacosRegistryConfig } from '../../config/schema-gateway.ts';
import { formatAddress } from '../../core/endpoint.ts';
import { GatewayError } from '../../core/errors.ts';
import { requireAddress } from '../address.ts';

/** One server of a registry. */
export interface NacosServer {
  /** Without brackets. */
  readonly host: string;
  readonly httpPort: number;
  /** `host:port`, as HTTP and gRPC clients take it. */
  readonly address: string;
  readonly grpcAddress: string;
}

/** @throws GatewayError when a port is not one, alone or with the offset. */
export function parseServers(config: Pick<NacosRegistryConfig, 'servers' | 'grpcPortOffset'>): NacosServer[] {
  return config.servers.map((text) => {
    const { address: host, port: httpPort } = requireAddress(text);
    const grpcPort = httpPort + config.grpcPortOffset;
    if (!isPort(grpcPort)) {
      throw new GatewayError(
        'SLUICE_CONFIG_INVALID',
        `server ${text}: gRPC port ${grpcPort} is not within 1 and 65535`,
      );
    }
    return { host, httpPort, address: formatAddress(host, httpPort), grpcAddress: formatAddress(host, grpcPort) };
  });
}

/**
 * The address under which a server most likely sees this machine; it picks gray configuration by it. The first IPv4
 * address of a real interface, loopback for a loopback server or when there is none.
 */
export function localAddress(serverHost: string): string {
  const loopback = '127.0.0.1';
  if (serverHost === 'localhost' || serverHost === '::1' || serverHost.startsWith('127.')) return loopback;
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ address, internal }) => !internal && isIPv4(address))?.address ?? loopback;
}
