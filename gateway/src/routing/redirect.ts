import type { RedirectConfig } from '../config/schema-tenant.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { normalizeConfigPath } from './path.ts';
import type { PathMatcher } from './path-matcher.ts';
import { compileReplacePrefix, type PathRewrite, withQuery } from './rewrite.ts';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** `host:port` in parts; the port is null when it is not given or no number. IPv6 keeps its brackets. */
function splitAuthority(authority: string): { host: string; port: number | null } {
  const colon = authority.lastIndexOf(':');
  if (colon === -1 || authority.endsWith(']')) return { host: authority, port: null };
  const digits = authority.slice(colon + 1);
  return { host: authority.slice(0, colon), port: /^\d{1,5}$/.test(digits) ? Number(digits) : null };
}

/** The redirect of one alternative of a route. */
export class RedirectTarget {
  readonly status: number;
  readonly #config: RedirectConfig;
  /** null = as requested. */
  readonly #host: string | null;
  readonly #port: number | null;
  readonly #path: PathRewrite | null;

  constructor(config: RedirectConfig, path: PathRewrite | null) {
    this.status = config.status;
    this.#config = config;
    const named = config.host === undefined ? null : splitAuthority(config.host);
    this.#host = named?.host ?? null;
    this.#port = config.port ?? named?.port ?? null;
    this.#path = path;
  }

  /**
   * Value of the Location header: always absolute, query kept. What the route does not replace comes from the request.
   * The port is the configured one (`port`, or in `host`), else the default of a configured scheme, else the one the
   * client named in its authority (behind a balancer that is the public one, unlike the listener's); default ports are
   * left out.
   */
  location(x: Exchange): string {
    const scheme = this.#config.scheme ?? x.scheme;
    const requested = splitAuthority(x.authority);
    const kept = this.#config.scheme === undefined ? requested.port : null;
    const effective = this.#port ?? kept ?? DEFAULT_PORTS[scheme];
    const suffix = effective === DEFAULT_PORTS[scheme] ? '' : `:${effective}`;
    const path = this.#path?.of(x.path) ?? x.path;
    return `${scheme}://${this.#host ?? requested.host}${suffix}${withQuery(path === '' ? '/' : path, x.query)}`;
  }
}

/** Compiles a route's redirect for one of its alternatives; null when the route has none. Throws an Error. */
export function compileRedirect(config: RedirectConfig | undefined, path: PathMatcher): RedirectTarget | null {
  if (config === undefined) return null;
  if (config.replacePrefix !== undefined) {
    return new RedirectTarget(config, compileReplacePrefix(config.replacePrefix, path));
  }
  if (config.path === undefined) return new RedirectTarget(config, null);
  const fixed = normalizeConfigPath(config.path);
  if (fixed === null) throw new Error(`this path cannot stand in a Location: "${config.path}"`);
  return new RedirectTarget(config, { of: () => fixed });
}
