import { runThrough, type Steps } from '../core/steps.ts';
import { PersistentMap } from './persistent-map.ts';

/** No name of DNS is longer; a longer host is covered by none, and is not worth looking at label by label. */
const LONGEST_HOST = 253;

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

/**
 * Domain names → values. Immutable: `with` makes a changed copy that shares what did not change. An exact name wins
 * over a wildcard, a longer wildcard over a shorter one; `*.example.com` covers every depth below `example.com`, not
 * the name itself. A look-up costs one map access for each label.
 */
export class DomainIndex<T> {
  readonly #names: PersistentMap<T>;

  private constructor(names: PersistentMap<T>) {
    this.#names = names;
  }

  static empty<T>(): DomainIndex<T> {
    return new DomainIndex<T>(PersistentMap.empty());
  }

  /** Number of names. */
  get size(): number {
    return this.#names.size;
  }

  /** This index with names set, or removed where the value is undefined. Later entries of one name win. */
  with(changes: Iterable<readonly [domain: string, value: T | undefined]>): DomainIndex<T> {
    return runThrough(this.withSteps(changes));
  }

  /** `with`, in steps of one name. */
  *withSteps(changes: Iterable<readonly [domain: string, value: T | undefined]>): Steps<DomainIndex<T>> {
    let names = this.#names;
    for (const [domain, value] of changes) {
      names = names.with(keyOf(domain), value);
      yield;
    }
    return names === this.#names ? this : new DomainIndex(names);
  }

  /** The value set for just this name, wildcards taken literally. */
  get(domain: string): T | undefined {
    return this.#names.get(keyOf(domain));
  }

  /** The value of the most specific name that covers the host of `authority`; undefined when none does. */
  find(authority: string): T | undefined {
    const host = hostOf(authority);
    if (host.startsWith('.') || host.length > LONGEST_HOST) return undefined;
    const exact = this.#names.get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = this.#names.get(host.slice(dot));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Appends the values of all names that cover the host to `out`, the most specific first. */
  findAll(authority: string, out: T[]): void {
    const host = hostOf(authority);
    if (host.startsWith('.') || host.length > LONGEST_HOST) return;
    const exact = this.#names.get(host);
    if (exact !== undefined) out.push(exact);
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const value = this.#names.get(host.slice(dot));
      if (value !== undefined) out.push(value);
    }
  }
}
