import type { RewriteConfig } from '../config/schema-tenant.ts';
import { PathPattern, type PathTemplate } from '../core/path-template.ts';
import { compileRegex, type Regex } from '../core/regex.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { normalizeConfigPath, normalizePath, prefixEnd, stripParameters, withoutTrailingSlash } from './path.ts';
import type { PathMatcher } from './path-matcher.ts';

/** Makes a new path from the current one; undefined leaves the path as it is, null refuses the request. */
export interface PathRewrite {
  of(path: string): string | undefined | null;
}

/** Puts `replacement` where `prefix` was. */
class PrefixRewrite implements PathRewrite {
  readonly #prefix: string;
  readonly #replacement: string;

  constructor(prefix: string, replacement: string) {
    this.#prefix = withoutTrailingSlash(prefix);
    this.#replacement = withoutTrailingSlash(replacement);
  }

  of(path: string): string | undefined {
    const end = prefixEnd(path, this.#prefix);
    return end === -1 ? undefined : this.#replacement + path.slice(end);
  }
}

class FixedPath implements PathRewrite {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  of(): string {
    return this.#path;
  }
}

class PatternRewrite implements PathRewrite {
  readonly #pattern: PathPattern;
  readonly #template: PathTemplate;

  constructor(pattern: PathPattern, template: PathTemplate) {
    this.#pattern = pattern;
    this.#template = template;
  }

  of(path: string): string | undefined {
    const values = this.#template.capture(stripParameters(path));
    return values === null ? undefined : this.#pattern.render(values);
  }
}

class RegexRewrite implements PathRewrite {
  readonly #regex: Regex;
  readonly #replacement: string;

  constructor(regex: Regex, replacement: string) {
    this.#regex = regex;
    this.#replacement = replacement;
  }

  of(path: string): string | null {
    const input = stripParameters(path);
    return input.length > this.#regex.inputLimit ? null : this.#regex.replace(input, this.#replacement);
  }
}

/** The rewrite of one alternative of a route. It holds no state of a request, so it may run long after the match. */
export class Rewrite {
  readonly #path: PathRewrite | null;
  readonly #host: string | null;

  constructor(path: PathRewrite | null, host: string | null) {
    this.#path = path;
    this.#host = host;
  }

  /**
   * Changes `x.target` (the query is kept), `x.authority` and the Host header. The path is taken as it is now: one that
   * a filter changed so that it no longer matches stays. Returns false, with nothing changed, when the new path is one
   * that `normalizePath` refuses, or the path is too long for the pattern that should rewrite it; the answer is then
   * `SLUICE_REQUEST_PATH_INVALID`.
   */
  apply(x: Exchange): boolean {
    const path = this.#path?.of(x.path);
    if (path === null) return false;
    if (path !== undefined) {
      const target = withQuery(path.startsWith('/') ? path : `/${path}`, x.query);
      const normal = normalizePath(target);
      if (normal === null) return false;
      x.target = normal;
    }
    if (this.#host !== null) {
      x.authority = this.#host;
      if (x.requestHeaders.has('host')) x.requestHeaders.set('host', this.#host);
    }
    return true;
  }
}

/** Path and query as a target; a path that brings a query of its own goes first. */
export function withQuery(path: string, query: string): string {
  if (query === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

function compilePathRewrite(config: RewriteConfig, path: PathMatcher): PathRewrite | null {
  if (config.stripPrefix !== undefined) return new PrefixRewrite(literal(config.stripPrefix), '/');
  if (config.replacePrefix !== undefined) return compileReplacePrefix(config.replacePrefix, path);
  if (config.path !== undefined) return new FixedPath(literal(config.path));
  if (config.template !== undefined) {
    if (path.template === null) throw new Error(`rewrite.template needs a match by template, not by ${path.kind}`);
    return new PatternRewrite(new PathPattern(config.template, path.template.names), path.template);
  }
  if (config.regex !== undefined) return new RegexRewrite(compileRegex(config.regex), config.replacement ?? '');
  return null;
}

function literal(path: string): string {
  const normal = normalizeConfigPath(path);
  if (normal === null) throw new Error(`no request can have this path: "${path}"`);
  return normal;
}

/** Replaces what the alternative matched: its prefix, or an exact path as a whole. Throws for templates and patterns. */
export function compileReplacePrefix(replacement: string, path: PathMatcher): PathRewrite {
  if (path.kind !== 'prefix' && path.kind !== 'exact') {
    throw new Error(`replacePrefix needs a match by prefix; with ${path.kind} use template or regex`);
  }
  return new PrefixRewrite(path.text, literal(replacement));
}

/** Compiles a route's rewrite for one of its alternatives; null when there is nothing to do. Throws an Error. */
export function compileRewrite(config: RewriteConfig | undefined, path: PathMatcher): Rewrite | null {
  if (config === undefined) return null;
  const rewrite = compilePathRewrite(config, path);
  return rewrite === null && config.host === undefined ? null : new Rewrite(rewrite, config.host ?? null);
}
