/** Enough that one tenant's change copies little, few enough that an index of a few names stays small. */
const SHARDS = 64;

const PLAIN_HOST = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/**
 * The host of an authority in the form in which names are compared: lower case, without port and without the trailing
 * dot. IPv6 addresses keep their brackets. '' when there is none.
 */
export function hostOf(authority: string): string {
  if (PLAIN_HOST.test(authority)) return authority;
  let end = authority.length;
  if (authority.startsWith('[')) end = authority.indexOf(']') + 1;
  else if (authority.includes(':')) end = authority.indexOf(':');
  if (authority.charCodeAt(end - 1) === 46) end--;
  return authority.slice(0, end).toLowerCase();
}

/** `*.Example.com` → `.example.com`, `App.example.com.` → `app.example.com`: the leading dot marks wildcards. */
function keyOf(domain: string): string {
  return hostOf(domain.startsWith('*.') ? domain.slice(1) : domain);
}

function shardOf(key: string): number {
  let hash = key.length;
  for (let i = Math.min(key.length, 10) - 1; i >= 0; i--) hash = (hash * 31 + key.charCodeAt(i)) | 0;
  return hash & (SHARDS - 1);
}

/**
 * Domain names → values. Immutable: `with` makes a changed copy that shares what did not change. An exact name wins
 * over a wildcard, a longer wildcard over a shorter one; `*.example.com` covers every depth below `example.com`, not
 * the name itself. A look-up costs one map access for each label.
 */
export class DomainIndex<T> {
  readonly #shards: readonly (ReadonlyMap<string, T> | null)[];
  /** Number of names. */
  readonly size: number;

  private constructor(shards: readonly (ReadonlyMap<string, T> | null)[], size: number) {
    this.#shards = shards;
    this.size = size;
  }

  static empty<T>(): DomainIndex<T> {
    return new DomainIndex<T>(Array.from<null>({ length: SHARDS }).fill(null), 0);
  }

  /** This index with names set, or removed where the value is undefined. Later entries of one name win. */
  with(changes: Iterable<readonly [domain: string, value: T | undefined]>): DomainIndex<T> {
    const shards = [...this.#shards];
    const copied = new Map<number, Map<string, T>>();
    let size = this.size;
    for (const [domain, value] of changes) {
      const key = keyOf(domain);
      const number = shardOf(key);
      let shard = copied.get(number);
      if (shard === undefined) {
        shard = new Map(shards[number]);
        copied.set(number, shard);
        shards[number] = shard;
      }
      size -= shard.size;
      if (value === undefined) shard.delete(key);
      else shard.set(key, value);
      size += shard.size;
    }
    return new DomainIndex<T>(shards, size);
  }

  /** The value set for just this name, wildcards taken literally. */
  get(domain: string): T | undefined {
    return this.#get(keyOf(domain));
  }

  /** The value of the most specific name that covers the host of `authority`; undefined when none does. */
  find(authority: string): T | undefined {
    const host = hostOf(authority);
    if (host.startsWith('.')) return undefined;
    const exact = this.#get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = this.#get(host.slice(dot));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Appends the values of all names that cover the host to `out`, the most specific first. */
  findAll(authority: string, out: T[]): void {
    const host = hostOf(authority);
    if (host.startsWith('.')) return;
    const exact = this.#get(host);
    if (exact !== undefined) out.push(exact);
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = this.#get(host.slice(dot));
      if (value !== undefined) out.push(value);
    }
  }

  #get(key: string): T | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }
}
