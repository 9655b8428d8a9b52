import { BlockList, isIP } from 'node:net';

/** Where the module of a plugin comes from, as its `source` says. */
export type PluginSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }
  | OciSource;

/** A module in a registry of the OCI distribution specification. */
export interface OciSource {
  readonly kind: 'oci';
  /** `host` or `host:port`. */
  readonly registry: string;
  readonly repository: string;
  /** null: only the digest names the manifest. */
  readonly tag: string | null;
  /** Hexadecimal SHA-256 of the manifest; null: the tag alone names it. */
  readonly digest: string | null;
}

/** What is wrong with a source. */
export interface SourceFault {
  readonly message: string;
  readonly remedy: string;
  /** The source is not to be told. */
  readonly secret?: true;
}

const OCI = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252})(:\d{1,5})?\/([^:@]+)(?::([^:@]*))?(?:@(.*))?$/;
const REPOSITORY_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** Longest repository, as registries take it. */
const REPOSITORY_LENGTH = 255;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Reads a `source` that the schema takes: one that begins with file:, https:, http: or oci:. */
export function parsePluginSource(source: string): PluginSource | SourceFault {
  if (source.startsWith('file:')) return { kind: 'file', path: source.slice('file:'.length) };
  return source.startsWith('oci:') ? parseOci(source) : parseUrl(source);
}

/** Whether a request to this `host` or `host:port` stays on this machine. */
export function staysHere(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || (isIP(name) !== 0 && LOOPBACK.check(name, isIP(name) === 6 ? 'ipv6' : 'ipv4'));
}

function parseUrl(source: string): PluginSource | SourceFault {
  // A URL without slashes would be taken for one with them.
  const url = /^https?:\/\/[^/]/.test(source) ? URL.parse(source) : null;
  if (url === null) return { message: 'this is not a URL', remedy: 'give https://host/path of the module' };
  if (url.username !== '' || url.password !== '') {
    const remedy = 'give them as pull.username and pull.password';
    return { message: 'the URL has a user or a password in it', remedy, secret: true };
  }
  if (url.hash !== '') return { message: 'the URL has a fragment', remedy: 'remove it from "#" on' };
  return { kind: 'url', url: url.href };
}

function parseOci(source: string): OciSource | SourceFault {
  const [, host, port = '', repository = '', tag, digest] = OCI.exec(source.replace(/^oci:(\/\/)?/, '')) ?? [];
  if (!source.startsWith('oci://') || host === undefined || Number(port.slice(1)) > 65_535) {
    return { message: 'this is not a reference to a registry', remedy: 'give oci://host[:port]/repository:tag' };
  }
  if (repository.length > REPOSITORY_LENGTH || !repository.split('/').every((part) => REPOSITORY_PART.test(part))) {
    const remedy = 'use lower-case letters and digits, with single . _ or dashes between, in parts divided by /';
    return { message: 'no repository has such a name', remedy };
  }
  if (tag === undefined && digest === undefined) {
    return { message: 'neither a tag nor a digest follows the repository', remedy: 'add :tag or @sha256:digest' };
  }
  if (tag !== undefined && !TAG.test(tag)) {
    return { message: 'no image has such a tag', remedy: 'use letters, digits and . _ -, up to 128 characters' };
  }
  const hex = digest === undefined ? null : DIGEST.exec(digest)?.[1];
  if (hex === undefined) {
    return { message: 'the digest is not one of SHA-256', remedy: 'give @sha256: and 64 hexadecimal digits' };
  }
  return { kind: 'oci', registry: host.toLowerCase() + port, repository, tag: tag ?? null, digest: hex };
}
