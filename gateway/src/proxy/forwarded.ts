import { BlockList, isIP } from 'node:net';
import type { Exchange } from '../exchange/exchange.ts';

/** Peers seen lately are remembered, so that a CIDR list is not searched for every request of a connection. */
const CACHE_SIZE = 10_000;
const MAX_HOPS = 64;

function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** The operator's `trustedProxies`: peers whose X-Forwarded-* fields are believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #known = new Map<string, boolean>();
  readonly #empty: boolean;

  /** @param cidrs checked by the configuration: addresses or CIDRs of either family. */
  constructor(cidrs: readonly string[]) {
    this.#empty = cidrs.length === 0;
    for (const cidr of cidrs) {
      const [address, bits] = cidr.split('/');
      const family = isIP(address!) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address!, family);
      else this.#list.addSubnet(address!, Number(bits), family);
    }
  }

  has(address: string): boolean {
    if (this.#empty) return false;
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const trusted = family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
    if (this.#known.size >= CACHE_SIZE) this.#known.clear();
    this.#known.set(address, trusted);
    return trusted;
  }
}

/**
 * Finds the caller's address and writes `X-Forwarded-For`, `-Proto`, `-Host` and `-Port` for the next hop. What an
 * untrusted peer says is overwritten; a trusted one is believed and appended to. The caller is the last address of
 * X-Forwarded-For that is no trusted proxy itself.
 */
export function applyForwarded(x: Exchange, trusted: TrustedProxies): void {
  const peer = unmapped(x.connection.remoteAddress);
  const headers = x.requestHeaders;
  if (trusted.has(peer)) {
    const hops = headers.getAll('x-forwarded-for').join(',');
    x.clientAddress = hops === '' ? peer : lastUntrusted(hops, peer, trusted);
    headers.set('x-forwarded-for', hops === '' ? peer : `${hops}, ${peer}`);
    const proto = headers.get('x-forwarded-proto');
    if (proto === 'https' || proto === 'http') x.scheme = proto;
    else headers.set('x-forwarded-proto', x.scheme);
    if (!headers.has('x-forwarded-host')) headers.set('x-forwarded-host', x.authority);
    if (!headers.has('x-forwarded-port')) headers.set('x-forwarded-port', String(x.connection.localPort));
    return;
  }
  x.clientAddress = peer;
  headers.remove('forwarded');
  headers.set('x-forwarded-for', peer);
  headers.set('x-forwarded-proto', x.scheme);
  headers.set('x-forwarded-host', x.authority);
  headers.set('x-forwarded-port', String(x.connection.localPort));
}

function lastUntrusted(hops: string, peer: string, trusted: TrustedProxies): string {
  const addresses = hops.split(',', MAX_HOPS + 1);
  if (addresses.length > MAX_HOPS) return peer;
  let caller = peer;
  for (let i = addresses.length - 1; i >= 0; i--) {
    const address = unmapped(addresses[i]!.trim());
    // Whatever stands left of a word that is no address could have been written by anyone.
    if (isIP(address) === 0) return caller;
    caller = address;
    if (!trusted.has(address)) return caller;
  }
  return caller;
}
