import { isIP } from 'node:net';

/** As word processors make them, which YAML takes for letters. */
export const TYPOGRAPHIC_QUOTE = /^[“”„‘’«»]/;

/** What is wrong with a domain or host of a route (lower case), and what would be right; null = nothing. */
export function domainProblem(domain: string): { message: string; remedy: string } | null {
  const name = domain.startsWith('*.') ? domain.slice(2) : domain;
  if (name.includes('*')) {
    return {
      message: 'a wildcard stands only for whole first labels',
      remedy: 'write *.example.com, or the full name',
    };
  }
  if (TYPOGRAPHIC_QUOTE.test(name)) {
    return { message: 'a host name has no quotes in it', remedy: 'use plain quotes around it: " or \'' };
  }
  if (/\P{ASCII}/u.test(name)) {
    return { message: 'a host name in ASCII is wanted', remedy: 'write international names in their xn-- form' };
  }
  if (/^[^[\]]*:\d+$/.test(name)) return { message: 'a domain has no port', remedy: 'remove the port' };
  if (name.includes('/'))
    return { message: 'a domain has neither scheme nor path', remedy: 'write the host name alone' };
  if (name.endsWith('.')) return { message: 'a domain does not end with a dot', remedy: 'remove the last dot' };
  if (isHostName(name)) return null;
  return {
    message: 'this is not a host name',
    remedy: 'write labels of letters, digits and inner dashes, 1 to 63 characters each, with dots between',
  };
}

/** Host names as they stand in a Host header; IPv4 addresses count. Lower case, without port. */
export function isHostName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name);
}

/** `host`, `host:port`, `[ip6]` or `[ip6]:port`, in any case. */
export function isAuthority(text: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return false;
  const host = match[1] === undefined ? isHostName(match[2]!.toLowerCase()) : isIP(match[1]) === 6;
  return host && (match[3] === undefined || isPort(Number(match[3])));
}

/** A port that can be connected to. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** Whether every name that `host` stands for belongs to `domain`; both lower case, either may begin with `*.`. */
export function domainCovers(domain: string, host: string): boolean {
  if (domain === host) return true;
  if (!domain.startsWith('*.')) return false;
  const name = host.startsWith('*.') ? host.slice(2) : host;
  return name.endsWith(domain.slice(1));
}

/** An IP address, or an address with a prefix length. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0) return false;
  if (slash === -1) return true;
  const length = text.slice(slash + 1);
  return /^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
}

/** Port of a `host:port` that the schema has accepted. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
