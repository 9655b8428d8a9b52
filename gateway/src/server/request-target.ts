/** Where a request goes, taken from its target and Host field. */
export interface ParsedTarget {
  /** Origin form: begins with '/', or is '*'. */
  readonly target: string;
  readonly authority: string;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
/** Host and port as RFC 3986 spells them, without userinfo. */
const AUTHORITY = /^[A-Za-z0-9._~!$&'()*+,;=:[\]%-]*$/;

/**
 * Reads origin form, absolute form and '*' (RFC 9112 §3.2); the authority of an absolute target outranks Host. Null
 * for everything else: authority form, other schemes, userinfo, a fragment, a Host that is no host.
 *
 * @param host value of Host; '' when there is none
 */
export function parseTarget(url: string, host: string): ParsedTarget | null {
  if (!AUTHORITY.test(host) || url.includes('#')) return null;
  if (url.startsWith('/') || url === '*') return { target: url, authority: host };
  const absolute = ABSOLUTE.exec(url);
  if (absolute === null) return null;
  const authority = absolute[1]!;
  if (authority === '' || !AUTHORITY.test(authority)) return null;
  const rest = url.slice(absolute[0].length);
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}
