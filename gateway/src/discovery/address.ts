import { parseAddress } from '../core/endpoint.ts';
import { GatewayError } from '../core/errors.ts';

/** Splits `host:port` or `[ip6]:port`. @throws GatewayError when it is neither, or the port is not within 1 and 65535. */
export function requireAddress(text: string): { readonly address: string; readonly port: number } {
  const parsed = parseAddress(text);
  if (parsed !== null) return parsed;
  throw new GatewayError('SLUICE_CONFIG_INVALID', `address ${text}: not host:port with a port from 1 to 65535`);
}
