import type { Resolver } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointList } from '../core/endpoint.ts';
import { LIMITS } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import { type Clock, systemClock } from './clock.ts';
import { machineLookup } from './dns-answers.ts';
import { DnsServer } from './dns.fixture.suite.ts';
import { DnsSource, type DnsSourceOptions, dnsServiceRef } from './dns.ts';
import { ListRecorder, ManualClock, MemoryLog } from './fixtures.suite.ts';
import { endpointSourceSuite } from './source.suite.ts';

/** Time a hundred times as fast, for answers that come when they come. */
const FAST: Clock = { ...systemClock, after: (delay, action) => systemClock.after(delay / 100, action) };
const NOBODY = () => Promise.reject(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }));
const BOTH = () => new Set<4 | 6>([4, 6]);

endpointSourceSuite(
  'dns',
  async () => {
    const server = await DnsServer.start();
    server.addresses('host.test', { address: '127.0.0.1', ttl: 1 });
    const resolver = server.resolver();
    const source = new DnsSource({ log: silentLog, clock: FAST, resolver, lookup: NOBODY, families: BOTH });
    const srv = (name: string) => `_${name}._tcp.test`;
    return {
      source,
      ref: (name) => dnsServiceRef(srv(name), undefined),
      set: (name, endpoints) => {
        server.services(srv(name), ...endpoints.map(({ port, weight }) => ({ port, weight, target: 'host.test' })));
      },
      dispose: async () => {
        await source.close();
        await server.close();
      },
    };
  },
  { metadata: false },
);

describe('names of DNS', () => {
  let server: DnsServer;
  let clock: ManualClock;
  let log: MemoryLog;
  let source: DnsSource;

  function restart(options: Partial<DnsSourceOptions> = {}): void {
    clock = new ManualClock();
    log = new MemoryLog();
    source = new DnsSource({ log, clock, resolver: server.resolver(), lookup: NOBODY, families: BOTH, ...options });
  }

  beforeEach(async () => {
    server = await DnsServer.start();
    restart();
  });

  afterEach(async () => {
    await source.close();
    await server.close();
  });

  function subscribe(name: string, port?: number): ListRecorder & { close(): void } {
    const recorder = new ListRecorder();
    const subscription = source.subscribe(dnsServiceRef(name, port), recorder.listener);
    return Object.assign(recorder, { close: () => subscription.close() });
  }

  const shown = (list: EndpointList | undefined) =>
    list?.endpoints.map(({ address, port, weight }) => `${address} ${port} ${weight}`);
  const state = (wanted: EndpointList['state']) => (list: EndpointList) => list.state === wanted;
  const addressesAre =
    (...addresses: string[]) =>
    (list: EndpointList) =>
      String(list.endpoints.map(({ address }) => address)) === String(addresses);
  /** Until the round of questions under way has ended: it sets the one timer for the next. */
  const settled = () => expect.poll(() => clock.size, { interval: 1 }).toBe(1);
  /** Moves time by `ms`, which must begin exactly one round, and waits for its end. */
  async function round(ms: number): Promise<void> {
    await settled();
    const before = server.questions.length;
    await clock.advance(ms * 1.05 + 1);
    await expect.poll(() => server.questions.length, { interval: 1 }).toBeGreaterThan(before);
    await settled();
  }

  it('give their addresses of both families', async () => {
    server.addresses('api.test', '192.0.2.2', '192.0.2.1', '2001:db8::1');
    const api = subscribe('API.test', 443);
    await api.until(state('fresh'));
    expect(shown(api.last)).toEqual(['192.0.2.1 443 1', '192.0.2.2 443 1', '2001:db8::1 443 1']);
    expect(source.status()).toMatchObject({
      registry: 'dns',
      type: 'dns',
      connected: true,
      server: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      services: [{ ref: { name: 'api.test', group: '443' }, endpoints: 3 }],
    });
  });

  it('give no addresses that the machine has no way to, unless all are of that kind', async () => {
    restart({ families: () => new Set<4 | 6>([4]) });
    server.addresses('both.test', '192.0.2.1', '2001:db8::1', '::1');
    server.addresses('six.test', '2001:db8::1');
    const [both, six] = [subscribe('both.test', 1), subscribe('six.test', 1)];
    await both.until(addressesAre('192.0.2.1', '::1'));
    await six.until(addressesAre('2001:db8::1'));
  });

  it('are asked for again when the shortest TTL ends', async () => {
    server.addresses('api.test', { address: '192.0.2.1', ttl: 100 }, { address: '192.0.2.2', ttl: 7 });
    const api = subscribe('api.test', 80);
    await api.until(state('fresh'));
    server.addresses('api.test', '192.0.2.3');
    await settled();
    await clock.advance(7000);
    expect(server.questions).toHaveLength(2);
    await clock.advance(400);
    await api.until(addressesAre('192.0.2.3'));
    expect(api.lists).toHaveLength(2);
  });

  it.each([
    [0, LIMITS.dnsTtlMinMs],
    [86_400, LIMITS.dnsTtlMaxMs],
    [0xffff_ffff, LIMITS.dnsTtlMaxMs],
  ])('with a TTL of %d s are asked for again after %d ms', async (ttl, delay) => {
    server.addresses('api.test', { address: '192.0.2.1', ttl });
    const api = subscribe('api.test', 80);
    await api.until(state('fresh'));
    await settled();
    await clock.advance(delay - 1);
    expect(server.questions).toHaveLength(2);
    await round(delay * 0.05);
    expect(server.questions).toHaveLength(4);
    expect(api.lists).toHaveLength(1);
  });

  it('are served by the SRV records of the first priority, by weight', async () => {
    server.addresses('one.test', '192.0.2.1', '2001:db8::1');
    server.addresses('two.test', '192.0.2.2');
    server.addresses('spare.test', '192.0.2.9');
    server.services(
      '_http._tcp.test',
      { priority: 10, weight: 6, port: 8081, target: 'one.test' },
      { priority: 10, weight: 0, port: 8082, target: 'TWO.test' },
      { priority: 10, weight: 4, port: 8083, target: 'gone.test' },
      { priority: 10, weight: 4, port: 0, target: 'two.test' },
      { priority: 20, weight: 1, port: 8084, target: 'spare.test' },
    );
    const web = subscribe('_http._tcp.test');
    await web.until(state('fresh'));
    expect(shown(web.last)).toEqual(['192.0.2.1 8081 3', '192.0.2.2 8082 0.01', '2001:db8::1 8081 3']);
    expect(server.questions).not.toContain('A spare.test');
    server.services('_http._tcp.test', { weight: 0, port: 8084, target: 'spare.test' });
    await round(LIMITS.dnsRefreshMs);
    expect(shown(web.last)).toEqual(['192.0.2.9 8084 1']);
    server.services('_http._tcp.test', { port: 1, target: '.' });
    await round(LIMITS.dnsRefreshMs);
    expect(web.last).toMatchObject({ state: 'held' });
  });

  it('that lose all records are held for a while, then empty', async () => {
    server.addresses('api.test', { address: '192.0.2.1', ttl: 10 });
    const api = subscribe('api.test', 80);
    await api.until(state('fresh'));
    server.remove('api.test');
    await round(10_000);
    expect(api.last).toMatchObject({ state: 'held', endpoints: [{ address: '192.0.2.1' }] });
    for (let held = 0; held < LIMITS.emptyListHoldMs - LIMITS.dnsEmptyRefreshMs; held += LIMITS.dnsEmptyRefreshMs) {
      await round(LIMITS.dnsEmptyRefreshMs);
      expect(api.last!.state).toBe('held');
    }
    await round(LIMITS.dnsEmptyRefreshMs);
    expect(api.last).toEqual({ state: 'fresh', endpoints: [] });
    server.addresses('api.test', '192.0.2.2');
    await round(LIMITS.dnsEmptyRefreshMs);
    expect(api.last).toMatchObject({ state: 'fresh', endpoints: [{ address: '192.0.2.2' }] });
  });

  it('that exist without addresses are empty, and held when they had some', async () => {
    server.addresses('api.test');
    const api = subscribe('api.test', 80);
    await api.until((list) => list.state === 'fresh' && list.endpoints.length === 0);
    server.addresses('api.test', { address: '192.0.2.1', ttl: 5 });
    await round(LIMITS.dnsEmptyRefreshMs);
    server.addresses('api.test');
    await round(5000);
    expect(api.last).toMatchObject({ state: 'held', endpoints: [{ address: '192.0.2.1' }] });
    server.addresses('api.test', { address: '192.0.2.1', ttl: 5 });
    await round(LIMITS.dnsEmptyRefreshMs);
    expect(api.last).toMatchObject({ state: 'fresh', endpoints: [{ address: '192.0.2.1' }] });
  });

  it.each(['servfail', 'refused', 'silent', 'garbage', 'stranger'] as const)(
    'keep their list as stale while the server is %s',
    async (fault) => {
      server.addresses('api.test', { address: '192.0.2.1', ttl: 5 }, { address: '2001:db8::1', ttl: 5 });
      const api = subscribe('api.test', 80);
      await api.until(state('fresh'));
      for (const type of ['A', 'AAAA'] as const) server.fault(type, 'api.test', fault);
      await round(5000);
      expect(api.last).toMatchObject({ state: 'stale', endpoints: [{}, {}] });
      expect(source.status()).toMatchObject({
        connected: false,
        lastError: expect.stringMatching(/^A of api\.test: E[A-Z]+, AAAA of api\.test: E[A-Z]+$/),
        since: clock.now(),
      });
      expect(log.matching('cannot be asked for')).toHaveLength(1);
      server.addresses('api.test', '192.0.2.2');
      await round(1000);
      expect(api.last).toMatchObject({ state: 'fresh', endpoints: [{ address: '192.0.2.2' }] });
      expect(source.status()).toMatchObject({ connected: true, lastError: '' });
    },
  );

  it('without any answer are pending and asked for with growing pauses', async () => {
    server.fault('A', 'api.test', 'servfail');
    server.fault('AAAA', 'api.test', 'servfail');
    const api = subscribe('api.test', 80);
    await settled();
    for (const pause of [1, 2, 4, 8, 16, 30, 30]) {
      const asked = server.questions.length;
      await clock.advance(pause * 1000);
      expect(server.questions).toHaveLength(asked);
      await round(pause * 50);
    }
    expect(api.lists).toEqual([]);
    expect(source.status().services).toMatchObject([
      { state: 'pending', lastError: expect.stringContaining('ESERVFAIL') },
    ]);
    server.addresses('api.test', '192.0.2.1');
    await round(30_000);
    expect(api.last).toMatchObject({ state: 'fresh' });
  });

  it('get along with a server that fails for one family', async () => {
    server.addresses('api.test', { address: '192.0.2.1', ttl: 5 });
    server.fault('AAAA', 'api.test', 'servfail');
    const api = subscribe('api.test', 80);
    await api.until(addressesAre('192.0.2.1'));
    expect(api.last!.state).toBe('fresh');
    expect(source.status()).toMatchObject({
      connected: true,
      services: [{ lastError: 'AAAA of api.test: ESERVFAIL' }],
    });
    server.addresses('api.test', { address: '192.0.2.1', ttl: 5 }, { address: '2001:db8::1', ttl: 5 });
    await round(5000);
    server.addresses('api.test', '192.0.2.2');
    server.fault('AAAA', 'api.test', 'servfail');
    await round(5000);
    expect(api.last).toMatchObject({
      state: 'stale',
      endpoints: [{ address: '192.0.2.2' }, { address: '2001:db8::1' }],
    });
  });

  it('keep the list of SRV records, or of one target, that cannot be asked for', async () => {
    server.addresses('one.test', '192.0.2.1');
    server.services('_http._tcp.test', { port: 1, target: 'one.test' });
    const web = subscribe('_http._tcp.test');
    await web.until(state('fresh'));
    server.fault('A', 'one.test', 'servfail');
    await round(LIMITS.dnsRefreshMs);
    expect(shown(web.last)).toEqual(['192.0.2.1 1 1']);
    expect(web.last!.state).toBe('stale');
    server.fault('SRV', '_http._tcp.test', 'servfail');
    await round(1000);
    server.services('_http._tcp.test', { port: 2, target: 'one.test' });
    await round(2000);
    expect(shown(web.last)).toEqual(['192.0.2.1 2 1']);
  });

  it('that only the machine knows are asked of it, again and again', async () => {
    const hosts = new Map([
      ['localhost', ['127.0.0.1', '::1']],
      ['legacy.internal', ['192.0.2.7']],
    ]);
    const asked: string[] = [];
    const lookup = (host: string) => {
      asked.push(host);
      const found = hosts.get(host);
      return found === undefined ? NOBODY() : Promise.resolve(found.map((address) => ({ address })));
    };
    restart({ lookup });
    const [local, legacy, unknown] = [subscribe('localhost', 80), subscribe('legacy.internal', 81), subscribe('x', 82)];
    await local.until(addressesAre('127.0.0.1', '::1'));
    await legacy.until(addressesAre('192.0.2.7'));
    await unknown.until(addressesAre());
    expect(server.questions.toSorted()).toEqual(['A legacy.internal', 'AAAA legacy.internal']);
    await expect.poll(() => clock.size).toBe(3);
    hosts.set('localhost', ['127.0.0.2']);
    await clock.advance(LIMITS.dnsRefreshMs * 1.1);
    await local.until(addressesAre('127.0.0.2'));
    expect(asked).toContain('legacy.internal');
  });

  it('of the machine are looked up one at a time, by whatever it is set up with', async () => {
    const lookup = machineLookup();
    await expect(lookup('x'.repeat(300))).rejects.toThrow();
    const answers = await Promise.all([lookup('localhost'), lookup('127.0.0.1')]);
    const addresses = answers.flat().map(({ address }) => address);
    expect(['127.0.0.1', '::1']).toEqual(expect.arrayContaining(addresses));
  });

  it('of the machine keep what they had when the lookup fails', async () => {
    let failing = false;
    const lookup = () =>
      failing
        ? Promise.reject(Object.assign(new Error(), { code: 'EAI_AGAIN' }))
        : Promise.resolve([{ address: '127.0.0.1' }]);
    restart({ lookup });
    const local = subscribe('backend', 80);
    await local.until(state('fresh'));
    failing = true;
    await settled();
    await clock.advance(LIMITS.dnsRefreshMs * 1.1);
    await local.until(state('stale'));
    expect(source.status().lastError).toBe('addresses of backend: EAI_AGAIN');
  });

  it('with too many addresses are cut', async () => {
    const many = Array.from({ length: LIMITS.dnsEndpointsPerService + 1 }, (_, i) => ({
      address: `10.0.${i >> 8}.${i & 255}`,
      ttl: 60,
    }));
    const resolver = server.resolver();
    const full = { resolve4: () => Promise.resolve(many), resolve6: NOBODY, cancel: () => {}, getServers: () => [] };
    restart({ resolver: Object.assign(resolver, full) as unknown as Resolver });
    const api = subscribe('api.test', 80);
    await api.until(state('fresh'));
    expect(api.last!.endpoints).toHaveLength(LIMITS.dnsEndpointsPerService);
    expect(source.status().services[0]!.lastError).toBe('1001 endpoints, of which 1000 are used');
  });

  it('are asked for a few at a time, so that no packet is lost', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `n${i}.test`);
    for (const name of names) server.addresses(name, '192.0.2.1');
    const recorders = names.map((name) => subscribe(name, 80));
    await Promise.all(recorders.map((recorder) => recorder.until(state('fresh'))));
    expect(server.questions).toHaveLength(2000);
    expect(source.status()).toMatchObject({ connected: true });
  });

  it('that wait for their turn are not asked for after close', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `n${i}.test`);
    for (const name of names) server.fault('A', name, 'silent');
    for (const name of names) subscribe(name, 80);
    await expect.poll(() => server.questions.length, { interval: 1 }).toBeGreaterThan(0);
    await source.close();
    server.addresses('last.test', '192.0.2.1');
    await server.resolver().resolve4('last.test');
    expect(server.questions.length).toBeLessThan(400);
    expect(clock.size).toBe(0);
  });

  it('are forgotten with their last subscriber, also in the middle of a question', async () => {
    server.fault('A', 'api.test', 'silent');
    const api = subscribe('api.test', 80);
    await expect.poll(() => server.questions.length, { interval: 1 }).toBe(2);
    api.close();
    server.addresses('api.test', '192.0.2.1');
    const again = subscribe('api.test', 80);
    await again.until(state('fresh'));
    await settled();
    expect(api.lists).toEqual([]);
    again.close();
    expect(clock.size).toBe(0);
  });
});
