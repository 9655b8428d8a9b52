/** Where a request goes, taken from its target and Host field. */
export interface ParsedTarget {
  /** Origin form: begins with '/', or is '*'. */
  readonly target: string;
  /** Host and port; '' when an HTTP/1.0 request names none. */
  readonly authority: string;
}

const ABSOLUTE = /^https?:\/\/([^/?]*)/i;
/** Host and port as RFC 3986 spells them, without userinfo. */
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/** True for host with or without port (RFC 9110 §7.2); '' is one. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

/**
 * Reads origin form, absolute form and '*' (RFC 9112 §3.2). Null for everything else: authority form, other schemes,
 * userinfo, a fragment, an absolute target whose authority is not that of Host.
 *
 * @param host value of Host, an authority; null when there is none
 */
export function parseTarget(url: string, host: string | null): ParsedTarget | null {
  if (url.includes('#')) return null;
  if (url.startsWith('/') || url === '*') return { target: url, authority: host ?? '' };
  const absolute = ABSOLUTE.exec(url);
  if (absolute === null) return null;
  const authority = absolute[1]!;
  if (authority === '' || !AUTHORITY.test(authority)) return null;
  if (host !== null && host.toLowerCase() !== authority.toLowerCase()) return null;
  const rest = url.slice(absolute[0].length);
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}
