import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ErrorCode } from '../core/errors.ts';

/** Names under which a browser may speak to a loopback address without having been lured there by DNS. */
const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

export function isLoopback(address: string): boolean {
  if (address.toLowerCase() === 'localhost') return true;
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback';
}

/**
 * Why a request to the admin API is refused, or null. On a loopback address the Host header must be local: a page of
 * the internet whose name points at 127.0.0.1 (DNS rebinding) could read the API from an operator's browser otherwise.
 */
export function refusalOf(method: string, host: string | undefined, loopback: boolean): ErrorCode | null {
  if (loopback && !LOCAL_HOST.test(host ?? '')) return 'SLUICE_ADMIN_HOST_REFUSED';
  return method === 'GET' || method === 'HEAD' ? null : 'SLUICE_ADMIN_METHOD_NOT_ALLOWED';
}
