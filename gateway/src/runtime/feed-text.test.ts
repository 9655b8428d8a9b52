import { describe, expect, it } from 'vitest';
import type { EndpointList } from '../core/endpoint.ts';
import { tenant } from '../routing/fixture.suite.ts';
import { Assembly } from './assembly.ts';
import type { RouteEntry, TenantHead } from './feed.ts';
import { FeedText, type TenantState } from './feed-text.ts';

const stateOf = (routes: readonly Record<string, unknown>[]): TenantState => {
  const config = tenant({ routes });
  return {
    config,
    series: new Map(config.routes.map(({ id }, index) => [id, [index, index + 1]])),
    unmatched: 7,
    ticking: ['key'],
  };
};

const listOf = (count: number): EndpointList => ({
  state: 'stale',
  endpoints: Array.from({ length: count }, (_, i) => {
    return { address: `10.0.${i >> 8}.${i & 255}`, port: 80, weight: 1, healthy: true, cluster: '', metadata: {} };
  }),
});

describe('the text of the feed', () => {
  it('is one part for a small tenant, which reads back as it was', () => {
    const state = stateOf([{ id: 'a', respond: {} }]);
    const [part, ...more] = new FeedText().tenant(5, state);
    expect(more).toEqual([]);
    expect(part).toMatchObject({ kind: 'tenant', version: 5, tenant: 'home', part: 0, last: true });
    expect(JSON.parse(part!.head)).toEqual({ config: { ...state.config, routes: [] }, unmatched: 7, ticking: ['key'] });
    expect(JSON.parse(part!.routes)).toEqual([[state.config.routes[0], [0, 1]]]);
  });

  it('leaves out what travels by itself', () => {
    const main = {
      static: [{ address: '10.0.0.1:80', weight: 1, metadata: {} }],
      scheme: 'https',
      loadBalancer: 'p2c',
    };
    const config = tenant({ services: { main } });
    const [part] = new FeedText().tenant(1, { config, series: new Map(), unmatched: 1, ticking: [] });
    expect((JSON.parse(part!.head) as TenantHead).config.services).toEqual({
      main: { scheme: 'https', loadBalancer: 'p2c' },
    });
  });

  it('has a part also for a tenant without routes and for an empty list', () => {
    expect([...new FeedText().tenant(1, stateOf([]))]).toMatchObject([{ part: 0, last: true, routes: '[]' }]);
    const parts = [...new FeedText().endpoints(1, 'home', 'main', { endpoints: [], state: 'held' })];
    expect(parts).toMatchObject([{ part: 0, last: true, state: 'held', endpoints: '[]' }]);
  });

  it('is cut between routes, so that no part is long, and put together again', () => {
    const body = 'x'.repeat(2500);
    const state = stateOf(Array.from({ length: 400 }, (_, i) => ({ id: `r${i}`, respond: { body } })));
    const parts = [...new FeedText().tenant(1, state)];
    expect(parts.length).toBeGreaterThan(10);
    expect(Math.max(...parts.map(({ routes }) => routes.length))).toBeLessThan(100 * 1024);
    expect(parts.map(({ head }) => head === '')).toEqual(parts.map((_, index) => index > 0));
    const assembly = new Assembly<RouteEntry>();
    const results = parts.map((part) => assembly.add('home', part, part.routes));
    expect(results.slice(0, -1).every((result) => result === null)).toBe(true);
    expect(results.at(-1)!.map(([route]) => route)).toEqual(state.config.routes);
  });

  it('gives a route that is longer than a part one of its own', () => {
    const headers = Array.from({ length: 30 }, (_, i) => [`x-${i}`, 'y'.repeat(4000)]);
    const long = { headers: Object.fromEntries(headers) as Record<string, string> };
    const state = stateOf([
      { id: 'a', respond: {} },
      { id: 'b', respond: long },
      { id: 'c', respond: {} },
    ]);
    const ids = [...new FeedText().tenant(1, state)].map(({ routes }) =>
      (JSON.parse(routes) as RouteEntry[]).map(([{ id }]) => id),
    );
    expect(ids).toEqual([['a'], ['b'], ['c']]);
  });

  it('is made once for workers that ask in turn, each with the version of its own', () => {
    const text = new FeedText();
    const list = listOf(5000);
    const endpoints = list.endpoints as unknown as { toJSON?: () => unknown }[];
    let made = 0;
    for (const record of endpoints) {
      Object.defineProperty(record, 'toJSON', { enumerable: false, value: () => (made++, { port: 1 }) });
    }
    const [first, second] = [text.endpoints(1, 'a', 's', list), text.endpoints(2, 'b', 't', list)];
    const [one, two] = [[...first], [...second]];
    expect(made).toBe(5000);
    expect(two.map(({ endpoints }) => endpoints)).toEqual(one.map(({ endpoints }) => endpoints));
    expect([one[0], two[0]]).toMatchObject([
      { version: 1, tenant: 'a', service: 's' },
      { version: 2, tenant: 'b', service: 't' },
    ]);
  });

  it('notices a part that is missing', () => {
    const assembly = new Assembly<number>();
    expect(assembly.add('a', { part: 0, last: false }, '[1]')).toBeNull();
    expect(() => assembly.add('a', { part: 2, last: true }, '[3]')).toThrow('part 2 came in place of part 1');
    expect(() => assembly.add('b', { part: 1, last: true }, '[2]')).toThrow();
    expect(assembly.add('b', { part: 0, last: true }, '[4]')).toEqual([4]);
  });
});
