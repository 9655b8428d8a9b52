import { describe, expect, it } from 'vitest';
import { request, routesOf } from '../routing/fixture.suite.ts';
import { explainRoutes } from './explain-routes.ts';

const HEADER = { name: 'h', present: false };
const QUERY = { name: 'q', present: false };

/** Explains a request for /a/b over routes `r0`, `r1`, … */
function choice(...routes: readonly Readonly<Record<string, unknown>>[]) {
  const table = routesOf(routes.map((route) => ({ ...route, respond: {} })));
  const x = request('/a/b');
  return explainRoutes(table, table.match(x), x);
}

describe('what decided', () => {
  it.each([
    ['priority', { priority: 2 }, { match: { path: { exact: '/a/b' } } }, 'the higher priority, 2 before 0'],
    ['host', { hosts: ['app.example.com'] }, {}, 'the more specific host, app.example.com before any'],
    [
      'pathKind',
      { match: { path: { template: '/a/{x}' } } },
      { match: { path: { prefix: '/a/b' } } },
      'a path by template, which goes before prefix',
    ],
    ['path', { match: { path: { prefix: '/a' } } }, {}, 'the longer prefix, /a before /'],
    [
      'path',
      { match: { path: { template: '/a/{x}' } } },
      { match: { path: { template: '/{x}/{y}' } } },
      'more literal segments, /a/{x} before /{x}/{y}',
    ],
    [
      'path',
      { match: { path: { regex: '/a/[b]' } } },
      { match: { path: { regex: '/a/.' } } },
      'the longer pattern, /a/[b] before /a/.',
    ],
    ['method', { match: { methods: ['GET'] } }, { match: { headers: [HEADER] } }, 'a method given'],
    ['headers', { match: { headers: [HEADER] } }, { match: { query: [QUERY] } }, 'more header comparisons, 1 before 0'],
    ['query', { match: { query: [QUERY] } }, {}, 'more query comparisons, 1 before 0'],
  ])('is %s: %j before %j', (by, better, worse, advantage) => {
    const { route, candidates } = choice(worse, better);
    expect(route).toMatchObject({ route: 'r1', won: { over: 'r0', by, words: `r1 has ${advantage}` } });
    expect(candidates).toMatchObject([{ route: 'r0', holds: true, reasons: [`r1 has ${advantage}`] }]);
  });

  it('is the place in the file when nothing else differs', () => {
    expect(choice({}, {}).route).toMatchObject({ route: 'r0', won: { over: 'r1', by: 'order' } });
  });

  it('is nothing when only another alternative of the route holds', () => {
    const { route, candidates } = choice({ match: [{ path: { prefix: '/a' } }, {}] });
    expect(route).toMatchObject({ route: 'r0', alternative: 1, won: null });
    expect(candidates).toMatchObject([{ route: 'r0', alternative: 2, holds: true }]);
  });
});

describe('the others', () => {
  it('are at most five, those first that the path leads to, the nearest paths next', () => {
    const paths = ['/zzz', '/a/c', '/a', '/a/bc', '/', '/a/b/c/d', '/a/bcd'];
    const { candidates } = choice(
      { match: { path: { exact: '/a/b' } } },
      ...paths.map((prefix) => ({ match: { path: { prefix } } })),
    );
    expect(candidates.map(({ match }) => match)).toEqual([
      'prefix /a',
      'prefix /',
      'prefix /a/b/c/d',
      'prefix /a/bcd',
      'prefix /a/bc',
    ]);
  });

  it('name every part that does not hold', () => {
    const { candidates } = choice({
      hosts: ['*.example.com'],
      match: {
        path: { prefix: '/a/x' },
        methods: ['PUT', 'POST'],
        headers: [{ name: 'x-a', regex: '[0-9]+' }, HEADER],
        cookies: [{ name: 'c', prefix: 'x' }],
        query: [{ name: 'v', present: true }],
        clientIp: ['10.0.0.0/8'],
      },
    });
    expect(candidates[0]!.reasons).toEqual([
      'the path /a/b is not prefix /a/x',
      'the method is GET, not PUT or POST',
      'header x-a regex [0-9]+: it is absent',
      'cookie c prefix x: it is absent',
      'query v present true: it is absent',
      'client 10.0.0.0/8: it is "192.0.2.1"',
    ]);
  });

  it('stand there once, however many hosts a route has', () => {
    const { candidates } = choice({}, { hosts: ['*.example.com', 'app.example.com'], match: { methods: ['PUT'] } });
    expect(candidates).toMatchObject([{ route: 'r1', host: 'app.example.com' }]);
  });
});
