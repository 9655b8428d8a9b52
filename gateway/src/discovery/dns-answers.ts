import { lookup, type Resolver } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { EndpointRecord } from '../core/endpoint.ts';
import { LIMITS } from '../core/limits.ts';
import { canonical } from './records.ts';

/** What is asked of DNS: the addresses of `name` when there is a port, else its SRV records. Lower case. */
export interface DnsTarget {
  readonly name: string;
  readonly port: number | null;
}

/** Asks the machine for all addresses of a host: hosts file, search domains, and whatever else it is set up with. */
export type HostLookup = (host: string) => Promise<readonly { readonly address: string }[]>;

/** Families of addresses that this machine has, so that it can reach others of them. */
export type Families = () => ReadonlySet<4 | 6>;

export interface DnsAsking {
  readonly resolver: Resolver;
  readonly gate: QuestionGate;
  readonly lookup: HostLookup;
  readonly families: Families;
}

/** What one round of questions says about a target. */
export interface DnsAnswer {
  /** Canonical; empty when DNS says that there is nothing. */
  readonly endpoints: readonly EndpointRecord[];
  /** Milliseconds until the first part of it is out of date; Infinity when no part says so. */
  readonly ttlMs: number;
  /** What is not as it should be, in words; '' when all was answered. */
  readonly complaint: string;
  /** Some endpoints are from an earlier round, because they could not be asked for in this one. */
  readonly stale: boolean;
}

/** Addresses of one host. */
interface Found {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
  readonly complaint: string;
  readonly stale: boolean;
}

type Addresses = Pick<Found, 'addresses' | 'ttlMs'>;

/** Share of a target that asks for "a very small chance" by weight 0 (RFC 2782) beside targets with weights. */
const LEAST_WEIGHT = 0.01;

const NOTHING: Found = { addresses: [], ttlMs: Number.POSITIVE_INFINITY, complaint: '', stale: false };

/** Lets a bounded number of questions be under way; the others wait their turn. */
export class QuestionGate {
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #closed = false;

  constructor(limit: number) {
    this.#free = limit;
  }

  /** @throws what `ask` throws; Error once the gate is closed */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      if (this.#closed) throw new Error('closed');
      return await ask();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** Lets no further question through. */
  close(): void {
    this.#closed = true;
  }
}

/** Asks about one target, round after round, and remembers what each question was answered last. */
export class DnsQuestions {
  readonly #target: DnsTarget;
  readonly #asking: DnsAsking;
  #known: ReadonlyMap<string, Addresses> = new Map();
  #next = new Map<string, Addresses>();
  /** As of the round under way. */
  #families: ReadonlySet<4 | 6> = new Set();

  constructor(target: DnsTarget, asking: DnsAsking) {
    this.#target = target;
    this.#asking = asking;
  }

  /**
   * One round; rounds must not overlap.
   * @throws Error that says why, when nothing is known about the target
   */
  async ask(): Promise<DnsAnswer> {
    const { name, port } = this.#target;
    this.#next = new Map();
    this.#families = this.#asking.families();
    const answer = port === null ? await this.#services(name) : await this.#host(name, port);
    this.#known = this.#next;
    if (answer.endpoints.length === 0 && answer.complaint !== '') throw new Error(answer.complaint);
    return bounded(answer);
  }

  async #host(name: string, port: number): Promise<DnsAnswer> {
    let found = isOfDns(name) ? await this.#addresses(name) : NOTHING;
    if (found.addresses.length === 0 && found.complaint === '') found = await this.#fromMachine(name);
    const endpoints = found.addresses.map((address) => endpointOf(address, port, 1));
    return { ...found, endpoints: canonical(endpoints) };
  }

  async #services(name: string): Promise<DnsAnswer> {
    const { resolver, gate } = this.#asking;
    const records = await gate
      .run(() => resolver.resolveSrv(name))
      .catch((error: unknown) => {
        if (saysNo(error)) return [];
        throw new Error(`SRV of ${name}: ${codeOf(error)}`);
      });
    const usable = records.filter((record) => record.port > 0 && record.name !== '' && record.name !== '.');
    const best = Math.min(...usable.map(({ priority }) => priority));
    const chosen = usable.filter(({ priority }) => priority === best).slice(0, LIMITS.dnsEndpointsPerService);
    const hosts = new Map<string, Found>();
    const targets = new Set(chosen.map((record) => record.name.toLowerCase()));
    await Promise.all(Array.from(targets, async (host) => hosts.set(host, await this.#addresses(host))));
    const weighted = chosen.some(({ weight }) => weight > 0);
    const endpoints = chosen.flatMap((record) => {
      const { addresses } = hosts.get(record.name.toLowerCase())!;
      const weight = weighted ? record.weight || LEAST_WEIGHT : 1;
      return addresses.map((address) => endpointOf(address, record.port, weight / addresses.length));
    });
    const all = joined([...hosts.values()]);
    // Node hands out no TTL of SRV records.
    return { ...all, ttlMs: Math.min(all.ttlMs, LIMITS.dnsRefreshMs), endpoints: canonical(endpoints) };
  }

  /** Both families. One that cannot be asked for keeps what it had and does not stand in the way of the other. */
  async #addresses(host: string): Promise<Found> {
    const { resolver, gate } = this.#asking;
    const found = await Promise.all([
      this.#question(`A of ${host}`, async () => withTtl(await gate.run(() => resolver.resolve4(host, { ttl: true })))),
      this.#question(`AAAA of ${host}`, async () =>
        withTtl(await gate.run(() => resolver.resolve6(host, { ttl: true }))),
      ),
    ]);
    const both = joined(found);
    return { ...both, addresses: reachable(both.addresses, this.#families) };
  }

  async #fromMachine(host: string): Promise<Found> {
    const found = await this.#question(`addresses of ${host}`, async () => {
      const addresses = await this.#asking.lookup(host);
      return { addresses: addresses.map(({ address }) => address), ttlMs: LIMITS.dnsRefreshMs };
    });
    return { ...found, addresses: reachable(found.addresses, this.#families) };
  }

  async #question(what: string, ask: () => Promise<Addresses>): Promise<Found> {
    try {
      const answer = await ask();
      this.#next.set(what, answer);
      return { ...answer, complaint: '', stale: false };
    } catch (error) {
      if (saysNo(error)) return NOTHING;
      const complaint = `${what}: ${codeOf(error)}`;
      const last = this.#known.get(what);
      if (last === undefined) return { ...NOTHING, complaint };
      this.#next.set(what, last);
      return { ...NOTHING, addresses: last.addresses, complaint, stale: true };
    }
  }
}

/** The lookup of the operating system, one host at a time: each holds one of the few threads that also read files. */
export function machineLookup(): HostLookup {
  let last: Promise<unknown> = Promise.resolve();
  return (host) => {
    const next = last.then(() => lookup(host, { all: true }));
    last = next.catch(() => {});
    return next;
  };
}

/** Families of the addresses of this machine that lead beyond itself and its link. */
export function machineFamilies(): ReadonlySet<4 | 6> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outward = addresses.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  return new Set(outward.map(({ family }) => (family === 'IPv6' ? 6 : 4)));
}

/** Names without a dot and those below `localhost` are for the machine to know, not for DNS. */
function isOfDns(name: string): boolean {
  return name.includes('.') && !name.endsWith('.localhost');
}

/** Without addresses that no interface leads to, unless all are of that kind: then the failing connections tell. */
function reachable(addresses: readonly string[], families: ReadonlySet<4 | 6>): readonly string[] {
  const usable = addresses.filter((address) => {
    const loopback = address === '::1' || address.startsWith('127.');
    return loopback || families.has(address.includes(':') ? 6 : 4);
  });
  return usable.length === 0 ? addresses : usable;
}

function withTtl(records: readonly { readonly address: string; readonly ttl: number }[]): Addresses {
  const ttlMs = Math.min(...records.map(({ ttl }) => ttl * 1000));
  return { addresses: records.map(({ address }) => address), ttlMs };
}

function joined(parts: readonly Found[]): Found {
  return {
    addresses: parts.flatMap(({ addresses }) => addresses),
    ttlMs: Math.min(...parts.map(({ ttlMs }) => ttlMs)),
    complaint: parts
      .map(({ complaint }) => complaint)
      .filter((complaint) => complaint !== '')
      .slice(0, 3)
      .join(', '),
    stale: parts.some(({ stale }) => stale),
  };
}

function bounded(answer: DnsAnswer): DnsAnswer {
  const most = LIMITS.dnsEndpointsPerService;
  const count = answer.endpoints.length;
  if (count <= most) return answer;
  return {
    ...answer,
    endpoints: answer.endpoints.slice(0, most),
    complaint: `${count} endpoints, of which ${most} are used`,
  };
}

function endpointOf(address: string, port: number, weight: number): EndpointRecord {
  return { address, port, weight, healthy: true, cluster: '', metadata: {} };
}

/** NXDOMAIN, or no record of this type: an answer, where everything else is none. */
function saysNo(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOTFOUND' || code === 'ENODATA';
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
