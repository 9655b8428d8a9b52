import { isDeepStrictEqual } from 'node:util';
import { type EndpointList, type EndpointRecord, type EndpointsState, parseAddress } from '../core/endpoint.ts';
import { runThrough, type Steps } from '../core/steps.ts';
import { Endpoint, endpointScheme } from './endpoint.ts';
import { type LaneMembers, lanesOf } from './lanes.ts';
import { P2cSelector } from './p2c.ts';
import { RoundRobinSelector } from './round-robin.ts';
import type { Random, Selector } from './selector.ts';

/** How one service of one tenant is reached. */
export interface ClusterOptions {
  /** Unique within the worker. */
  readonly key: string;
  /** Name for logs and metrics. */
  readonly service: string;
  readonly scheme: 'http' | 'https';
  readonly loadBalancer: 'round-robin' | 'p2c';
  /** Every lane of the tenant, silenced ones too: their endpoints stay out of baseline. */
  readonly lanes: readonly LaneMembers[];
}

const BASELINE = '';

/** The endpoints of one service as one tenant uses it, and whose turn it is. */
export class Cluster {
  #options: ClusterOptions;
  readonly #random: Random;
  /** By scheme and address. */
  #endpoints = new Map<string, Endpoint>();
  /** By lane tag, '' for baseline; a lane without a usable endpoint has none. */
  #selectors = new Map<string, Selector>();
  #state: EndpointsState | null = null;
  /** The last pick left its lane for baseline. Read at once: the next pick writes it anew. */
  fellBack = false;

  constructor(options: ClusterOptions, random: Random = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  get key(): string {
    return this.#options.key;
  }

  get service(): string {
    return this.#options.service;
  }

  /** How much the current list can be trusted; null before the first. */
  get state(): EndpointsState | null {
    return this.#state;
  }

  /** All endpoints of the current list, unusable ones too. */
  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  /** Takes over a new list; the next pick follows it. Endpoints that are gone drain. */
  update(list: EndpointList): void {
    runThrough(this.updateSteps(list));
  }

  /** `update` in steps of one endpoint; until the list is in force as a whole, the old one is. */
  *updateSteps({ endpoints, state }: EndpointList): Steps<void> {
    yield* this.#install(yield* this.#arrange(endpoints, this.#options), state);
  }

  /** Takes over changed options without touching connections, unless the scheme changed. */
  configure(options: ClusterOptions): void {
    runThrough(this.configureSteps(options))();
  }

  /** Prepares `configure` in steps of one endpoint. What it returns puts it into force; no list may come in between. */
  *configureSteps(options: ClusterOptions): Steps<() => void> {
    if (isDeepStrictEqual(options, this.#options)) return () => {};
    const records = Array.from(this.#endpoints.values(), ({ record }) => record);
    const arrangement = yield* this.#arrange(records, options);
    return () => {
      this.#options = options;
      runThrough(this.#install(arrangement, this.#state));
    };
  }

  /**
   * Whose turn it is, or null when nobody is usable. Endpoints in `tried` are avoided while another one is usable.
   *
   * @param lane tag; '' is baseline, which never reaches an endpoint that belongs to lanes alone
   * @param allowFallback baseline may serve when the lane has no endpoint
   */
  pick(lane: string, allowFallback: boolean, tried: readonly Endpoint[] | null): Endpoint | null {
    const own = this.#selectors.get(lane);
    const baseline = allowFallback && lane !== BASELINE ? this.#selectors.get(BASELINE) : undefined;
    const fresh = this.#select(own, baseline, tried);
    return fresh !== null || tried === null ? fresh : this.#select(own, baseline, null);
  }

  /** Endpoints that a request of the lane may go to, `most` at most; see `pick`. */
  candidates(lane: string, allowFallback: boolean, most: number): readonly Endpoint[] {
    const found: Endpoint[] = [];
    for (const endpoint of this.#endpoints.values()) {
      if (found.length >= most) break;
      if (this.#mayServe(endpoint, lane, allowFallback)) found.push(endpoint);
    }
    return found;
  }

  /** The endpoint with this `ip:port`, if a request of the lane may go to it. */
  pickAddress(address: string, lane: string, allowFallback: boolean): Endpoint | null {
    const at = parseAddress(address);
    if (at === null) return null;
    const endpoint =
      this.#endpoints.get(keyOf('http', at.address, at.port)) ??
      this.#endpoints.get(keyOf('https', at.address, at.port)) ??
      null;
    if (endpoint === null || !this.#mayServe(endpoint, lane, allowFallback)) return null;
    this.fellBack = lane !== BASELINE && !endpoint.lanes.includes(lane);
    return endpoint;
  }

  #mayServe(endpoint: Endpoint, lane: string, allowFallback: boolean): boolean {
    if (!endpoint.usable) return false;
    if (lane === BASELINE) return endpoint.baseline;
    // A lane without a usable endpoint has no selector.
    return this.#selectors.has(lane) ? endpoint.lanes.includes(lane) : allowFallback && endpoint.baseline;
  }

  /** Takes every endpoint out of service; later picks find none. */
  close(): void {
    this.update({ endpoints: [], state: 'fresh' });
  }

  #select(
    own: Selector | undefined,
    baseline: Selector | undefined,
    tried: readonly Endpoint[] | null,
  ): Endpoint | null {
    this.fellBack = false;
    const endpoint = own === undefined ? null : own.select(tried);
    if (endpoint !== null || baseline === undefined) return endpoint;
    const substitute = baseline.select(tried);
    this.fellBack = substitute !== null;
    return substitute;
  }

  /** What is to be in force for these records; endpoints that stay are the ones that there are. */
  *#arrange(
    records: readonly EndpointRecord[],
    { scheme: wanted, lanes, loadBalancer }: ClusterOptions,
  ): Steps<Arrangement> {
    const endpoints = new Map<string, Endpoint>();
    const groups = new Map<string, Endpoint[]>();
    for (const record of records) {
      yield;
      const scheme = endpointScheme(wanted, record);
      const key = keyOf(scheme, record.address, record.port);
      // A registry may list one address twice (in two of its clusters); the first entry stands.
      if (endpoints.has(key)) continue;
      const endpoint = this.#endpoints.get(key) ?? new Endpoint(record, scheme);
      endpoint.record = record;
      endpoints.set(key, endpoint);
      addToLanes(groups, endpoint, lanes);
    }
    const selectors = new Map<string, Selector>();
    for (const [tag, members] of groups) {
      selectors.set(tag, this.#selectorOf(tag, members, loadBalancer));
      yield;
    }
    return { endpoints, selectors };
  }

  #selectorOf(tag: string, members: readonly Endpoint[], loadBalancer: ClusterOptions['loadBalancer']): Selector {
    if (loadBalancer === 'p2c') return new P2cSelector(members, this.#random);
    const before = this.#selectors.get(tag);
    return new RoundRobinSelector(members, this.#random, before instanceof RoundRobinSelector ? before : null);
  }

  *#install({ endpoints, selectors }: Arrangement, state: EndpointsState | null): Steps<void> {
    const previous = this.#endpoints;
    this.#endpoints = endpoints;
    this.#selectors = selectors;
    this.#state = state;
    for (const [key, endpoint] of previous) {
      if (endpoints.has(key)) continue;
      endpoint.drain();
      yield;
    }
  }
}

function keyOf(scheme: 'http' | 'https', address: string, port: number): string {
  return `${scheme}|${address}|${port}`;
}

/** Endpoints and whose turn it is, ready to be put into force. */
interface Arrangement {
  readonly endpoints: Map<string, Endpoint>;
  readonly selectors: Map<string, Selector>;
}

function addToLanes(groups: Map<string, Endpoint[]>, endpoint: Endpoint, lanes: readonly LaneMembers[]): void {
  const { tags, baseline } = lanesOf(endpoint.record.metadata, lanes);
  endpoint.lanes = tags;
  endpoint.baseline = baseline;
  if (!endpoint.usable) return;
  if (baseline) addTo(groups, BASELINE, endpoint);
  for (const tag of tags) addTo(groups, tag, endpoint);
}

function addTo(groups: Map<string, Endpoint[]>, tag: string, endpoint: Endpoint): void {
  const group = groups.get(tag);
  if (group === undefined) groups.set(tag, [endpoint]);
  else group.push(endpoint);
}
