import { describe, expect, it } from 'vitest';
import type { EndpointRecord } from '../core/endpoint.ts';
import { runThrough } from '../core/steps.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import type { ConnectionPool, Endpoint } from './endpoint.ts';
import { record, seededRandom } from './upstream.suite.ts';

const GRAY = { 'opensergo.io/canary-gray': 'gray' };

function cluster(records: Partial<EndpointRecord>[], options: Partial<ClusterOptions> = {}): Cluster {
  const made = new Cluster(optionsWith(options), seededRandom(1));
  made.update({ endpoints: list(records), state: 'fresh' });
  return made;
}

function optionsWith(options: Partial<ClusterOptions>): ClusterOptions {
  const lanes = ['gray', 'beta'].map((tag) => ({ tag, metadata: null }));
  return { key: 'k', service: 's', scheme: 'http', loadBalancer: 'round-robin', lanes, ...options };
}

function list(records: Partial<EndpointRecord>[]): EndpointRecord[] {
  return records.map((fields, i) => record({ address: `10.0.0.${i + 1}`, ...fields }));
}

/** Addresses that `count` picks reach. */
function reached(from: Cluster, lane: string, allowFallback = true, count = 50): Set<string> {
  const addresses = new Set<string>();
  for (let i = 0; i < count; i++) {
    const endpoint = from.pick(lane, allowFallback, null);
    if (endpoint !== null) addresses.add(endpoint.record.address);
  }
  return addresses;
}

class Pool implements ConnectionPool {
  closed = 0;

  close(): void {
    this.closed++;
  }
}

function poolsOf(endpoints: readonly Endpoint[]): Pool[] {
  return endpoints.map((endpoint) => {
    const pool = new Pool();
    endpoint.pool = pool;
    return pool;
  });
}

describe.each(['round-robin', 'p2c'] as const)('cluster with %s', (loadBalancer) => {
  it('has nothing before its first list', () => {
    const empty = new Cluster(optionsWith({ loadBalancer }));
    expect([empty.state, empty.pick('', false, null), empty.endpoints]).toEqual([null, null, []]);
  });

  it('keeps baseline and lanes apart', () => {
    const metadata = [{}, GRAY, { 'opensergo.io/canary': '', ...GRAY }, { 'opensergo.io/canary-blue': 'blue' }];
    const mixed = cluster(
      metadata.map((each) => ({ metadata: each })),
      { loadBalancer },
    );
    expect(reached(mixed, '')).toEqual(new Set(['10.0.0.1', '10.0.0.3']));
    expect(reached(mixed, 'gray')).toEqual(new Set(['10.0.0.2', '10.0.0.3']));
  });

  it('falls back to baseline only where it may, and says so', () => {
    const plain = cluster([{}, {}], { loadBalancer });
    expect(plain.pick('gray', true, null)).not.toBeNull();
    expect(plain.fellBack).toBe(true);
    expect(plain.pick('gray', false, null)).toBeNull();
    expect(plain.fellBack).toBe(false);
    expect(plain.pick('', true, null)).not.toBeNull();
    expect(plain.fellBack).toBe(false);
  });

  it('never falls back to another lane, nor baseline to any', () => {
    const gray = cluster([{ metadata: GRAY }], { loadBalancer });
    expect(gray.pick('', true, null)).toBeNull();
    expect(gray.pick('beta', true, null)).toBeNull();
    expect(gray.fellBack).toBe(false);
    expect(gray.pick('gray', true, null)).not.toBeNull();
  });

  it('lets baseline serve when the lane is there but not usable', () => {
    const down = cluster([{}, { metadata: GRAY, healthy: false }, { metadata: GRAY, weight: 0 }], { loadBalancer });
    expect(reached(down, 'gray')).toEqual(new Set(['10.0.0.1']));
    expect(down.endpoints).toHaveLength(3);
  });

  it('never picks an unhealthy or weightless endpoint', () => {
    const some = cluster([{ healthy: false }, { weight: 0 }, {}], { loadBalancer });
    expect(reached(some, '')).toEqual(new Set(['10.0.0.3']));
    expect(cluster([{ healthy: false }], { loadBalancer }).pick('', true, null)).toBeNull();
  });

  it('prefers what was not tried, baseline included, and repeats rather than gives up', () => {
    const mixed = cluster([{ metadata: GRAY }, { metadata: GRAY }, {}], { loadBalancer });
    const [a, b, base] = mixed.endpoints as [Endpoint, Endpoint, Endpoint];
    for (let i = 0; i < 20; i++) {
      expect(mixed.pick('gray', true, [a])).toBe(b);
      expect(mixed.pick('gray', true, [a, b])).toBe(base);
      expect(mixed.fellBack).toBe(true);
      expect([a, b]).toContain(mixed.pick('gray', false, [a, b]));
      expect([a, b]).toContain(mixed.pick('gray', true, [a, b, base]));
      expect(mixed.fellBack).toBe(false);
      expect(mixed.pick('', true, [base])).toBe(base);
    }
  });

  it('follows a list with the very next pick', () => {
    const changing = cluster([{}, {}], { loadBalancer });
    changing.update({ endpoints: list([{}, {}, { metadata: GRAY }]).slice(1), state: 'stale' });
    expect(reached(changing, '')).toEqual(new Set(['10.0.0.2']));
    expect(reached(changing, 'gray')).toEqual(new Set(['10.0.0.3']));
    expect(changing.state).toBe('stale');
    changing.update({ endpoints: list([{}, { metadata: GRAY }]).slice(1), state: 'fresh' });
    expect(changing.pick('', true, null)).toBeNull();
    expect(reached(changing, 'gray')).toEqual(new Set(['10.0.0.2']));
  });

  it('carries endpoints over by address, and drains those that are gone', () => {
    const changing = cluster([{}, {}, {}], { loadBalancer });
    const [first, second, third] = changing.endpoints as [Endpoint, Endpoint, Endpoint];
    const pools = poolsOf(changing.endpoints);
    first.inFlight = 7;
    const next = list([{ weight: 9, metadata: GRAY }, {}]);
    changing.update({ endpoints: next, state: 'fresh' });
    expect(changing.endpoints).toEqual([first, second]);
    expect([first.inFlight, first.record, first.lanes, first.baseline]).toEqual([7, next[0], ['gray'], false]);
    expect(pools.map((pool) => pool.closed)).toEqual([0, 0, 1]);
    expect([third.draining, third.usable]).toEqual([true, false]);
    changing.update({ endpoints: list([{}, {}, {}]), state: 'fresh' });
    expect(changing.endpoints[2]).not.toBe(third);
  });

  it('takes over changed lanes without touching connections', () => {
    const changing = cluster([{ metadata: { version: 'v2' } }, {}], { loadBalancer });
    const pools = poolsOf(changing.endpoints);
    const before = changing.endpoints;
    changing.configure(optionsWith({ loadBalancer, lanes: [{ tag: 'gray', metadata: { version: 'v2' } }] }));
    expect(reached(changing, '')).toEqual(new Set(['10.0.0.2']));
    expect(reached(changing, 'gray')).toEqual(new Set(['10.0.0.1']));
    expect(changing.endpoints).toEqual(before);
    expect(pools.every((pool) => pool.closed === 0)).toBe(true);
  });

  it('takes over another balancer', () => {
    const changing = cluster([{}, {}], { loadBalancer });
    changing.configure(optionsWith({ loadBalancer: loadBalancer === 'p2c' ? 'round-robin' : 'p2c' }));
    expect(reached(changing, '')).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
  });

  it('speaks https where service or instance say so, and opens new connections when that changes', () => {
    const changing = cluster([{ metadata: { secure: 'true' } }, {}], { loadBalancer });
    expect(changing.endpoints.map((endpoint) => endpoint.scheme)).toEqual(['https', 'http']);
    const pools = poolsOf(changing.endpoints);
    changing.configure(optionsWith({ loadBalancer, scheme: 'https' }));
    expect(changing.endpoints.map((endpoint) => endpoint.scheme)).toEqual(['https', 'https']);
    expect(pools.map((pool) => pool.closed)).toEqual([0, 1]);
  });

  it('serves by the old list until the new one is taken as a whole, in short steps', () => {
    const changing = cluster([{}, {}], { loadBalancer });
    const pools = poolsOf(changing.endpoints);
    const records = Array.from({ length: 50 }, (_, i) => record({ address: `10.1.0.${i}` }));
    const steps = changing.updateSteps({ endpoints: records, state: 'fresh' });
    let rests = 0;
    for (; changing.endpoints.length === 2 && steps.next().done !== true; rests++) {
      if (changing.endpoints.length === 2) expect(reached(changing, '')).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
    }
    expect(rests).toBeGreaterThanOrEqual(50);
    expect(changing.endpoints).toHaveLength(50);
    while (steps.next().done !== true);
    expect(pools.map((pool) => pool.closed)).toEqual([1, 1]);
  });

  it('changes nothing while other options are prepared', () => {
    const changing = cluster([{ metadata: { version: 'v2' } }, {}], { loadBalancer });
    const lanes = [{ tag: 'gray', metadata: { version: 'v2' } }];
    const install = runThrough(changing.configureSteps(optionsWith({ loadBalancer, scheme: 'https', lanes })));
    expect(reached(changing, '')).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
    expect(changing.endpoints.map(({ scheme }) => scheme)).toEqual(['http', 'http']);
    install();
    expect([reached(changing, ''), reached(changing, 'gray')]).toEqual([new Set(['10.0.0.2']), new Set(['10.0.0.1'])]);
    expect(changing.endpoints.map(({ scheme }) => scheme)).toEqual(['https', 'https']);
  });

  it('takes the first of two entries with one address', () => {
    const twice = cluster([{ address: '10.0.0.9' }, { address: '10.0.0.9', weight: 0 }], { loadBalancer });
    expect(twice.endpoints).toHaveLength(1);
    expect(twice.pick('', true, null)?.address).toBe('10.0.0.9:80');
  });

  it('drains everything on close', () => {
    const closing = cluster([{}, { metadata: GRAY }], { loadBalancer });
    const pools = poolsOf(closing.endpoints);
    closing.close();
    expect([closing.pick('', true, null), closing.pick('gray', true, null)]).toEqual([null, null]);
    expect(pools.map((pool) => pool.closed)).toEqual([1, 1]);
  });

  it('gives the endpoint that was asked for to those who may have it', () => {
    const asked = cluster([{}, { metadata: GRAY }, { healthy: false }], { loadBalancer });
    const pick = (address: string, lane: string, fallback = true) =>
      asked.pickAddress(address, lane, fallback)?.address;
    expect([pick('10.0.0.1:80', ''), pick('10.0.0.2:80', ''), pick('10.0.0.3:80', '')]).toEqual([
      '10.0.0.1:80',
      undefined,
      undefined,
    ]);
    expect([pick('10.0.0.2:80', 'gray'), pick('10.0.0.1:80', 'gray')]).toEqual(['10.0.0.2:80', undefined]);
    expect([pick('10.0.0.1:80', 'beta'), asked.fellBack]).toEqual(['10.0.0.1:80', true]);
    expect(pick('10.0.0.1:80', 'beta', false)).toBeUndefined();
  });

  it('never gives baseline a gray-only endpoint, whatever the list', () => {
    const random = seededRandom(7);
    const metadatas = [
      {},
      GRAY,
      { ...GRAY, 'opensergo.io/canary': '' },
      { '__micro.service.env__': '[{"tag":"beta"}]' },
    ];
    const changing = new Cluster(optionsWith({ loadBalancer }), random);
    for (let round = 0; round < 200; round++) {
      const records = Array.from({ length: Math.floor(random() * 6) }, () => ({
        metadata: metadatas[Math.floor(random() * metadatas.length)] as Record<string, string>,
        healthy: random() > 0.2,
        weight: Math.floor(random() * 3),
      }));
      changing.update({ endpoints: list(records), state: 'fresh' });
      for (const lane of ['', 'gray', 'beta']) {
        const endpoint = changing.pick(lane, true, null);
        const { fellBack } = changing;
        const candidates = changing.candidates(lane, true, 100);
        expect(candidates.length > 0).toBe(endpoint !== null);
        if (endpoint === null) continue;
        expect(candidates).toContain(endpoint);
        expect([changing.pickAddress(endpoint.address, lane, true), changing.fellBack]).toEqual([endpoint, fellBack]);
        expect(endpoint.usable).toBe(true);
        const inLane = lane !== '' && !fellBack;
        expect(inLane ? endpoint.lanes.includes(lane) : endpoint.baseline).toBe(true);
      }
    }
  });
});
