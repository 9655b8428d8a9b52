import { describe, expect, it } from 'vitest';
import { compileTenant, type TenantRoutes } from './compile.ts';
import { DomainIndex } from './domains.ts';
import { request, type RequestOptions, routesOf, serviceFor, tenant } from './fixture.suite.ts';

// The vectors of the Kubernetes Gateway API conformance tests. null = no match (404).

type Vector = readonly [target: string, expected: string | null, options?: RequestOptions];

function expectVectors(routes: TenantRoutes, vectors: readonly Vector[]): void {
  const seen = vectors.map(([target, , options]) => [target, serviceFor(routes, request(target, options)), options]);
  expect(seen).toEqual(vectors.map(([target, expected, options]) => [target, expected, options]));
}

const version = (value: string) => [{ name: 'version', exact: value }];
const color = (value: string) => ({ name: 'color', exact: value });
const prefix = (path: string) => ({ path: { prefix: path } });
const exact = (path: string) => ({ path: { exact: path } });

describe('Gateway API vectors', () => {
  it('PathMatchOrder', () => {
    const routes = routesOf([
      { match: prefix('/match/prefix/one'), to: 'v2' },
      { match: prefix('/match/prefix/'), to: 'v1' },
      { match: prefix('/match/'), to: 'v3' },
      { match: exact('/match/exact/one'), to: 'v3' },
      { match: exact('/match/exact'), to: 'v2' },
      { match: exact('/match'), to: 'v1' },
    ]);
    expectVectors(routes, [
      ['/match/exact/one', 'v3'],
      ['/match/exact', 'v2'],
      ['/match', 'v1'],
      ['/match/prefix/one/any', 'v2'],
      ['/match/prefix/any', 'v1'],
      ['/match/any', 'v3'],
    ]);
  });

  it('Matching', () => {
    const routes = routesOf([
      { match: [prefix('/'), { headers: version('one') }], to: 'v1' },
      { match: [prefix('/v2'), { headers: version('two') }], to: 'v2' },
    ]);
    expectVectors(routes, [
      ['/', 'v1'],
      ['/example', 'v1'],
      ['/', 'v1', { headers: { Version: 'one' } }],
      ['/v2', 'v2'],
      ['/v2/example', 'v2'],
      ['/', 'v2', { headers: { Version: 'two' } }],
      ['/v2/', 'v2'],
      ['/v2example', 'v1'],
      ['/foo/v2/example', 'v1'],
    ]);
  });

  it('ExactPath', () => {
    const routes = routesOf([
      { match: exact('/one'), to: 'v1' },
      { match: exact('/two'), to: 'v2' },
    ]);
    expectVectors(routes, [
      ['/one', 'v1'],
      ['/two', 'v2'],
      ['/', null],
      ['/one/example', null],
      ['/two/', null],
      ['/Two', null],
    ]);
  });

  it('Header', () => {
    const routes = routesOf([
      { match: { headers: version('one') }, to: 'v1' },
      { match: { headers: version('two') }, to: 'v2' },
      { match: { headers: [...version('two'), color('orange')] }, to: 'v1' },
      { match: [{ headers: [color('blue')] }, { headers: [color('green')] }], to: 'v1' },
      { match: [{ headers: [color('red')] }, { headers: [color('yellow')] }], to: 'v2' },
    ]);
    const headers = (values: Record<string, string>, expected: string | null): Vector => [
      '/',
      expected,
      { headers: values },
    ];
    expectVectors(routes, [
      headers({ Version: 'one' }, 'v1'),
      headers({ VERSION: 'two' }, 'v2'),
      headers({ version: 'two', color: 'orange' }, 'v1'),
      headers({ color: 'blue' }, 'v1'),
      headers({ color: 'green' }, 'v1'),
      headers({ color: 'red' }, 'v2'),
      headers({ color: 'yellow' }, 'v2'),
      headers({ version: 'two', color: 'blue' }, 'v2'),
      headers({ color: 'orange' }, null),
      headers({ color: 'purple' }, null),
    ]);
  });

  it('QueryParam', () => {
    const animal = (value: string, name = 'animal') => ({ name, exact: value });
    const routes = routesOf([
      { match: { query: [animal('whale')] }, to: 'v1' },
      { match: { query: [animal('dolphin')] }, to: 'v2' },
      { match: [{ query: [animal('dolphin'), color('blue')] }, { query: [animal('Whale', 'ANIMAL')] }], to: 'v3' },
      { match: { ...prefix('/path1'), query: [animal('whale')] }, to: 'path' },
      { match: { headers: version('one'), query: [animal('whale')] }, to: 'header' },
      { match: { ...prefix('/path2'), headers: version('two'), query: [animal('whale')] }, to: 'both' },
      { match: { ...prefix('/path5'), query: [animal('hydra')] }, to: 'path5' },
      { match: { headers: version('four'), query: [animal('hydra')] }, to: 'four' },
    ]);
    expectVectors(routes, [
      ['/?animal=whale', 'v1'],
      ['/?animal=dolphin', 'v2'],
      ['/?animal=dolphin&color=blue', 'v3'],
      ['/?color=blue&animal=dolphin', 'v3'],
      ['/?ANIMAL=Whale', 'v3'],
      ['/?animal=whale&animal=dolphin', 'v1'],
      ['/path1?animal=whale', 'path'],
      ['/?animal=whale', 'header', { headers: { version: 'one' } }],
      ['/path2?animal=whale', 'both', { headers: { version: 'two' } }],
      ['/path5?animal=hydra', 'path5', { headers: { version: 'four' } }],
      ['/?color=blue', null],
      ['/?animal=dog', null],
      ['/?animal=whaledolphin', null],
      ['/', null],
    ]);
  });

  it('Method', () => {
    const routes = routesOf([
      { match: { methods: ['POST'] }, to: 'v1' },
      { match: { methods: ['GET'] }, to: 'v2' },
      { match: { ...prefix('/path1'), methods: ['GET'] }, to: 'v1' },
      { match: { headers: version('one'), methods: ['PUT'] }, to: 'v2' },
      { match: { ...prefix('/path2'), headers: version('two'), methods: ['POST'] }, to: 'v3' },
      {
        match: [
          { ...prefix('/path3'), methods: ['PATCH'] },
          { ...prefix('/path4'), headers: version('three'), methods: ['DELETE'] },
        ],
        to: 'v1',
      },
      { match: prefix('/path5'), to: 'v1' },
      { match: { methods: ['PATCH'] }, to: 'v2' },
      { match: { headers: version('four') }, to: 'v3' },
    ]);
    expectVectors(routes, [
      ['/', 'v1', { method: 'POST' }],
      ['/', 'v2', { method: 'GET' }],
      ['/', null, { method: 'HEAD' }],
      ['/path1', 'v1', { method: 'GET' }],
      ['/', 'v2', { method: 'PUT', headers: { version: 'one' } }],
      ['/path2', 'v3', { method: 'POST', headers: { version: 'two' } }],
      ['/path3', 'v1', { method: 'PATCH' }],
      ['/path4', 'v1', { method: 'DELETE', headers: { version: 'three' } }],
      ['/', null, { method: 'PUT' }],
      ['/path4', null, { method: 'DELETE' }],
      ['/path5', 'v1', { method: 'PATCH' }],
      ['/', 'v2', { method: 'PATCH', headers: { version: 'four' } }],
    ]);
  });

  it('MatchingAcrossRoutes', () => {
    const routes = routesOf([
      { hosts: ['example.com', 'example.net'], match: [prefix('/'), { headers: version('one') }], to: 'v1' },
      { hosts: ['example.com'], match: [prefix('/v2'), { headers: version('two') }], to: 'v2' },
    ]);
    expectVectors(routes, [
      ['/v2', 'v2', { host: 'example.com' }],
      ['/v2', 'v1', { host: 'example.net' }],
      ['/', 'v1', { host: 'example.com' }],
      ['/', 'v1', { host: 'example.net', headers: { version: 'one' } }],
      ['/', 'v2', { host: 'example.com', headers: { version: 'two' } }],
    ]);
  });
});

describe('Gateway API vectors of rewrites and redirects', () => {
  it('RewritePath', () => {
    const routes = routesOf([
      { match: prefix('/prefix/one'), rewrite: { replacePrefix: '/one' }, to: 'v1' },
      { match: prefix('/strip-prefix'), rewrite: { replacePrefix: '/' }, to: 'v1' },
      { match: prefix('/full/one'), rewrite: { path: '/one' }, to: 'v1' },
    ]);
    const rewritten = (target: string) => {
      const x = request(target);
      expect(routes.match(x)?.rewrite?.apply(x)).toBe(true);
      return x.target;
    };
    expect(rewritten('/prefix/one/two')).toBe('/one/two');
    expect(rewritten('/strip-prefix/three')).toBe('/three');
    expect(rewritten('/strip-prefix')).toBe('/');
    expect(rewritten('/full/one/two')).toBe('/one');
  });

  it('RedirectPath', () => {
    const routes = routesOf([
      { match: prefix('/original-prefix'), redirect: { replacePrefix: '/replacement-prefix' } },
      { match: prefix('/full'), redirect: { path: '/full-path-replacement' } },
      { match: prefix('/moved'), redirect: { replacePrefix: '/new', status: 301 } },
    ]);
    const redirected = (target: string) => {
      const x = request(target);
      const redirect = routes.match(x)?.redirect;
      return [redirect?.status, redirect?.location(x)];
    };
    expect(redirected('/original-prefix/lemon')).toEqual([302, 'http://app.example.com/replacement-prefix/lemon']);
    expect(redirected('/full/path/original')).toEqual([302, 'http://app.example.com/full-path-replacement']);
    expect(redirected('/moved/a?b=c')).toEqual([301, 'http://app.example.com/new/a?b=c']);
  });
});

/** A listener's host name has no counterpart: it becomes a domain of a tenant, and the tenant is chosen by it. */
function gateway(tenants: readonly { domains: string[]; routes: object[] }[]) {
  const compiled = tenants.map(({ domains, routes }) => {
    const config = tenant({ domains, routes: routes.map((route, index) => ({ id: `r${index}`, ...route })) });
    return { domains, routes: compileTenant(config) };
  });
  const index = DomainIndex.empty<TenantRoutes>().with(
    compiled.flatMap(({ domains, routes }) => domains.map((domain) => [domain, routes] as const)),
  );
  return (host: string): string | null => {
    const routes = index.find(host);
    return routes === undefined ? null : serviceFor(routes, request('/', { host }));
  };
}

const to = (service: string, ...hosts: string[]) => ({
  upstream: { service },
  ...(hosts.length === 0 ? {} : { hosts }),
});

describe('Gateway API vectors of host names', () => {
  it('ListenerHostname, with a tenant for each listener', () => {
    const serve = gateway([
      { domains: ['bar.com'], routes: [to('v1')] },
      { domains: ['foo.bar.com'], routes: [to('v2')] },
      { domains: ['*.bar.com', '*.foo.com'], routes: [to('v3')] },
    ]);
    expectHosts(serve);
  });

  it('ListenerHostname, with hosts of routes of one tenant', () => {
    const serve = gateway([
      {
        domains: ['bar.com', '*.bar.com', '*.foo.com'],
        routes: [to('v3', '*.bar.com', '*.foo.com'), to('v2', 'foo.bar.com'), to('v1', 'bar.com')],
      },
    ]);
    expectHosts(serve);
  });

  function expectHosts(serve: (host: string) => string | null): void {
    expect(serve('bar.com')).toBe('v1');
    expect(serve('foo.bar.com')).toBe('v2');
    for (const host of ['baz.bar.com', 'boo.bar.com', 'multiple.prefixes.bar.com', 'multiple.prefixes.foo.com']) {
      expect(serve(host)).toBe('v3');
    }
    expect(serve('foo.com')).toBeNull();
    expect(serve('no.matching.host')).toBeNull();
  }

  it('HostnameIntersection, with the listeners as domains and the routes in their tenant', () => {
    const serve = gateway([
      {
        domains: ['very.specific.com', '*.wildcard.io', '*.anotherwildcard.io'],
        routes: [
          to('v1', 'non.matching.com', '*.nonmatchingwildcard.io', 'very.specific.com'),
          to('v2', 'non.matching.com', 'wildcard.io', 'foo.wildcard.io', 'bar.wildcard.io', 'foo.bar.wildcard.io'),
          to('v3', '*.anotherwildcard.io'),
          to('v4', 'specific.but.wrong.com', 'wildcard.io'),
        ],
      },
    ]);
    expect(serve('very.specific.com')).toBe('v1');
    for (const host of ['foo.wildcard.io', 'bar.wildcard.io', 'foo.bar.wildcard.io']) expect(serve(host)).toBe('v2');
    for (const host of ['one.anotherwildcard.io', 'one.two.anotherwildcard.io']) expect(serve(host)).toBe('v3');
    const none = [
      'non.matching.com',
      'foo.nonmatchingwildcard.io',
      'wildcard.io',
      'foo.specific.com',
      'other.wildcard.io',
    ];
    for (const host of [...none, 'specific.but.wrong.com', 'anotherwildcard.io']) expect(serve(host)).toBeNull();
  });

  it('HostnameIntersection: a wider host of a route serves only what the domains let in', () => {
    const serve = gateway([{ domains: ['very.specific.com'], routes: [to('v3', '*.specific.com')] }]);
    expect(serve('very.specific.com')).toBe('v3');
    expect(serve('other.specific.com')).toBeNull();
    expect(serve('specific.com')).toBeNull();
  });
});
