import type { EndpointList, EndpointsState } from '../core/endpoint.ts';
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
    const previous = this.#endpoints;
    const next = new Map<string, Endpoint>();
    for (const record of list.endpoints) {
      const scheme = endpointScheme(this.#options.scheme, record);
      const key = `${scheme}|${record.address}|${record.port}`;
      // A registry may list one address twice (in two of its clusters); the first entry stands.
      if (next.has(key)) continue;
      const endpoint = previous.get(key) ?? new Endpoint(record, scheme);
      endpoint.record = record;
      next.set(key, endpoint);
    }
    this.#endpoints = next;
    this.#state = list.state;
    for (const [key, endpoint] of previous) if (!next.has(key)) endpoint.drain();
    this.#rebuild(this.#options.loadBalancer);
  }

  /** Takes over changed options without touching connections, unless the scheme changed. */
  configure(options: ClusterOptions): void {
    const previous = this.#options;
    this.#options = options;
    if (previous.scheme !== options.scheme && this.#state !== null) {
      const endpoints = [...this.#endpoints.values()].map((endpoint) => endpoint.record);
      this.update({ endpoints, state: this.#state });
      return;
    }
    this.#rebuild(previous.loadBalancer);
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

  #rebuild(previousBalancer: ClusterOptions['loadBalancer']): void {
    const { lanes, loadBalancer } = this.#options;
    const groups = new Map<string, Endpoint[]>();
    for (const endpoint of this.#endpoints.values()) {
      const membership = lanesOf(endpoint.record.metadata, lanes);
      endpoint.lanes = membership.tags;
      endpoint.baseline = membership.baseline;
      if (!endpoint.usable) continue;
      if (membership.baseline) addTo(groups, BASELINE, endpoint);
      for (const tag of membership.tags) addTo(groups, tag, endpoint);
    }
    const before = previousBalancer === loadBalancer ? this.#selectors : null;
    this.#selectors = new Map();
    for (const [tag, members] of groups) {
      const selector =
        loadBalancer === 'p2c'
          ? new P2cSelector(members, this.#random)
          : new RoundRobinSelector(members, this.#random, (before?.get(tag) as RoundRobinSelector | undefined) ?? null);
      this.#selectors.set(tag, selector);
    }
  }
}

function addTo(groups: Map<string, Endpoint[]>, tag: string, endpoint: Endpoint): void {
  const group = groups.get(tag);
  if (group === undefined) groups.set(tag, [endpoint]);
  else group.push(endpoint);
}
