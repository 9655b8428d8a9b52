import { describe, expect, it } from 'vitest';
import { request, routesOf } from './fixture.suite.ts';
import { holds, standings } from './standing.ts';

const routes = routesOf([
  { match: { path: { prefix: '/' } }, to: 'all' },
  { match: { path: { prefix: '/a' }, methods: ['POST'] }, to: 'post' },
  { match: { path: { exact: '/a/b' }, headers: [{ name: 'x-v', exact: '2' }] }, to: 'v2' },
  { match: { path: { template: '/a/{id}' }, query: [{ name: 'q', present: true }] }, to: 'template' },
  { match: { path: { regex: '/a/[0-9]+' } }, priority: 5, to: 'regex' },
  { match: [{ path: { prefix: '/x' } }, { path: { prefix: '/y' }, clientIp: ['10.0.0.0/8'] }], to: 'either' },
  { hosts: ['app.example.com', '*.iot.example.com'], match: { path: { prefix: '/a' } }, to: 'hosted' },
]);

describe('standings', () => {
  const requests = ['GET', 'POST'].flatMap((method) =>
    ['app.example.com', 'd1.iot.example.com', 'other.example.com', '.example.com'].flatMap((host) =>
      ['/', '*', '/a', '/a;v=1/b', '/a/b', '/a/b?q', '/a/12', '/ab', '/x/1', '/y'].flatMap((target) =>
        [{}, { 'x-v': '2' }].map((headers) => request(target, { method, host, headers })),
      ),
    ),
  );

  it('has the match of every request as the first that holds', () => {
    const found = new Set<string>();
    for (const x of requests) {
      const match = routes.match(x);
      expect(standings(routes, x).find(holds)?.match ?? null).toBe(match);
      found.add(match?.route.id ?? 'none');
    }
    expect([...found].sort()).toEqual(['none', 'r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
  });

  it('tells which part does not hold', () => {
    const all = standings(routes, request('/a/b', { method: 'GET', host: 'other.example.com' }));
    const of = (id: string) => {
      const { host, path, method, conditions } = all.find(({ match }) => match.route.id === id)!;
      return { host, path, method, conditions };
    };
    expect(of('r1')).toEqual({ host: true, path: true, method: false, conditions: true });
    expect(of('r2')).toEqual({ host: true, path: true, method: true, conditions: false });
    expect(of('r4')).toEqual({ host: true, path: false, method: true, conditions: true });
    expect(of('r6')).toEqual({ host: false, path: true, method: true, conditions: true });
  });
});
