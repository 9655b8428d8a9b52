import { isPort, portOf } from '../config/hosts.ts';
import { GatewayError } from '../core/errors.ts';

/** Splits `host:port` or `[ip6]:port`. @throws GatewayError when it is neither, or the port is not within 1 and 65535. */
export function parseAddress(text: string): { address: string; port: number } {
  const host = text.slice(0, Math.max(text.lastIndexOf(':'), 0));
  const port = portOf(text);
  const address = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (address === '' || !isPort(port)) {
    throw new GatewayError('SLUICE_CONFIG_INVALID', `address ${text}: not host:port with a port from 1 to 65535`);
  }
  return { address, port };
}
