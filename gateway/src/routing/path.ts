/** Nothing to normalise and nothing to refuse. Each character has one way through it, so it runs in linear time. */
const PLAIN = /^(?=\/)(?:\/[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*\/?(?:\?|$)/;
/** Space, controls, '#', backslash and what is no byte. */
const FORBIDDEN = /[^!"$-[\]-~\x80-\xff]|%00/;
/** A dot segment, as servers see it that decode separators or cut path parameters first. */
const DOT_SEGMENT = /(?:\/|%2F|%5C)\.{1,2}(?:\/|%2F|%5C|;|%3B|$)/;
/** A segment that is nothing but parameters: servers that cut those and merge slashes lose the segment. */
const BARE_PARAMETERS = /\/;[^/]*\//;
const UNRESERVED = /[A-Za-z0-9._~-]/;
const SLASH = 47;
const SEMICOLON = 59;

function normalizeOctet(escape: string): string {
  const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return UNRESERVED.test(char) ? char : escape.toUpperCase();
}

function encodeOctet(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

/**
 * The form of a request target in which it is matched **and** forwarded, so that gateway and upstream never read one
 * path in two ways; or null when it must be refused (`SLUICE_REQUEST_PATH_INVALID`). The query is left as it is.
 *
 * - Percent-encoded unreserved characters are decoded, other escapes get upper-case digits (RFC 3986 §6.2.2), bytes
 *   above 0x7f are encoded. Encoded reserved characters stay: `%2F` is no separator, `%3A` is not ':' (§2.2). Case
 *   counts. A '%' that starts no escape stays.
 * - Runs of '/' become one, as in nginx and Tomcat: `//admin` must not walk around a route for `/admin`.
 * - Dot segments are refused rather than resolved: `.` and `..`, plain, percent-encoded, behind an encoded slash or
 *   backslash, or with parameters (`..;x`), because servers disagree about where they lead. So are a backslash, '#',
 *   spaces and controls, `%00`, and a segment of parameters alone that is not the last.
 * - Path parameters (`;name=value`) are forwarded, and left out when the path is matched: see `stripParameters`.
 *
 * `*` (OPTIONS) passes and matches no route. Double encoding (`%252e`) is not undone, as no correct server does it.
 */
export function normalizePath(target: string): string | null {
  if (PLAIN.test(target) || target === '*') return target;
  const queryAt = target.indexOf('?');
  const raw = queryAt === -1 ? target : target.slice(0, queryAt);
  if (raw.charCodeAt(0) !== SLASH || FORBIDDEN.test(raw)) return null;
  const path = raw
    .replace(/%[0-9a-f]{2}/gi, normalizeOctet)
    .replace(/[\x80-\xff]/g, encodeOctet)
    .replace(/\/{2,}/g, '/');
  if (DOT_SEGMENT.test(path) || BARE_PARAMETERS.test(path)) return null;
  return queryAt === -1 ? path : path + target.slice(queryAt);
}

/** A path of the configuration (Unicode allowed) in the form of `normalizePath`, or null when no request can have it. */
export function normalizeConfigPath(path: string): string | null {
  const normal = normalizePath(Buffer.from(path, 'utf8').toString('latin1'));
  return normal === null || normal.includes(';') ? null : normal;
}

/** `/a/` → `/a`; `/` → ''. A prefix in this form is compared segment by segment. */
export function withoutTrailingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/**
 * The path that routes are compared with: without the parameters of its segments (`/a;v=1/b` → `/a/b`), as Spring and
 * Tomcat compare. Otherwise `/admin;x` would walk around a route for `/admin`.
 */
export function stripParameters(path: string): string {
  return path.includes(';') ? path.replace(/;[^/]*/g, '') : path;
}

/**
 * Where `prefix` (normal form, without trailing slash) ends in `path`, or -1 when the path is not below it. Segments are
 * whole, and parameters of the path do not count.
 */
export function prefixEnd(path: string, prefix: string): number {
  if (path.startsWith(prefix)) {
    const next = path.charCodeAt(prefix.length);
    if (path.length === prefix.length || next === SLASH) return prefix.length;
  }
  return path.includes(';') ? prefixEndAmongParameters(path, prefix) : -1;
}

function prefixEndAmongParameters(path: string, prefix: string): number {
  let at = 0;
  for (let i = 0; i < prefix.length; i++) {
    if (prefix.charCodeAt(i) === SLASH) at = skipParameters(path, at);
    if (path.charCodeAt(at) !== prefix.charCodeAt(i)) return -1;
    at++;
  }
  at = skipParameters(path, at);
  return at === path.length || path.charCodeAt(at) === SLASH ? at : -1;
}

function skipParameters(path: string, at: number): number {
  if (path.charCodeAt(at) !== SEMICOLON) return at;
  const slash = path.indexOf('/', at);
  return slash === -1 ? path.length : slash;
}
