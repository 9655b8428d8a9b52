import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { request, routesOf } from './fixture.suite.ts';

/** The target after the rewrite; null when it was refused, undefined when the route has none. */
function rewritten(path: object | undefined, rewrite: object, target: string): string | null | undefined {
  const x = request(target);
  const match = routesOf([{ match: path === undefined ? {} : { path }, rewrite, to: 'a' }]).match(x);
  expect(match).not.toBeNull();
  if (match!.rewrite === null) return undefined;
  return match!.rewrite.apply(x) ? x.target : null;
}

describe('stripPrefix', () => {
  it.each([
    ['/device/status?x=1', '/status?x=1'],
    ['/device', '/'],
    ['/device/', '/'],
    ['/device?x', '/?x'],
    ['/devices/1', '/devices/1'],
    ['/other', '/other'],
    ['/device;v=1/status', '/status'],
    ['/device/a;v=1/b', '/a;v=1/b'],
    ['/device/%2Fa', '/%2Fa'],
  ])('%s → %s', (target, result) => {
    expect(rewritten(undefined, { stripPrefix: '/device' }, target)).toBe(result);
    expect(rewritten(undefined, { stripPrefix: '/device/' }, target)).toBe(result);
  });
});

describe('replacePrefix', () => {
  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo', '/', '/xyz', '/xyz/foo'],
    ['/', '/', '/xyz', '/xyz/'],
    ['/foo?a=/foo', '/foo', '/xyz', '/xyz?a=/foo'],
    ['/foo;v=1/bar', '/foo', '/xyz', '/xyz/bar'],
  ])('of %s, %s by %s: %s', (target, prefix, replacePrefix, result) => {
    expect(rewritten({ prefix }, { replacePrefix }, target)).toBe(result);
  });

  it('replaces an exact path as a whole', () => {
    expect(rewritten({ exact: '/old' }, { replacePrefix: '/new' }, '/old?x')).toBe('/new?x');
  });

  it('replaces the prefix of the alternative that matched', () => {
    const match = [{ path: { prefix: '/a' } }, { path: { prefix: '/b/c' } }];
    const routes = routesOf([{ match, rewrite: { replacePrefix: '/z' }, to: 'a' }]);
    for (const target of ['/a/1', '/b/c/1']) {
      const x = request(target);
      routes.match(x)!.rewrite!.apply(x);
      expect(x.target).toBe('/z/1');
    }
  });
});

describe('path, template and regex', () => {
  it('writes the path as it is', () => {
    expect(rewritten(undefined, { path: '/fixed/{x}' }, '/any/thing?q=1')).toBe('/fixed/{x}?q=1');
  });

  it.each([
    ['/users/{id}/files/{rest=**}', '/v2/{rest}/of/{id}', '/users/7/files/a/b?x=1', '/v2/a/b/of/7?x=1'],
    ['/users/{id}/files/{rest=**}', '/v2/{id}/{rest}', '/users/7/files', '/v2/7/'],
    ['/users/{id}', '/u-{id}.json', '/users/a%2Fb', '/u-a%2Fb.json'],
    ['/users/{id=*}', '/{id}/{id}', '/users/$1', '/$1/$1'],
    ['/users/{id}', '/x/{id}', '/users;v=1/7;w=2', '/x/7'],
  ])('template %s to %s: %s → %s', (template, to, target, result) => {
    expect(rewritten({ template }, { template: to }, target)).toBe(result);
  });

  it.each([
    ['/v[0-9]+/(.*)', '/$1', '/v1/users/7?x=1', '/users/7?x=1'],
    ['/([^/]+)/(.*)', '/$2/$1', '/one/two', '/two/one'],
    ['/a', '/b', '/a/a/c', '/b/b/c'],
    ['/x(.*)', '/y/$1', '/x/7', '/y/7'],
    ['/x/(.*)', '$1', '/x/y', '/y'],
    ['/x(.*)', '$1', '/x', '/'],
    ['/never', '/z', '/x', '/x'],
    ['/x/(.*)', '/y?id=$1', '/x/7?a=1', '/y?id=7&a=1'],
    ['/x/(.*)', '/y/$1', '/x;v=1/7', '/y/7'],
  ])('regex %s by %s: %s → %s', (regex, replacement, target, result) => {
    expect(rewritten(undefined, { regex, replacement }, target)).toBe(result);
  });

  it('refuses a result that normalizePath would refuse, and changes nothing then', () => {
    expect(rewritten(undefined, { regex: '/x(.*)', replacement: '/$1' }, '/x../y')).toBeNull();
    expect(rewritten(undefined, { regex: '/x(.*)', replacement: '/$1#f' }, '/x')).toBeNull();
  });

  it('refuses a path that is too long for the pattern, rather than send it on as it is', () => {
    const rewrite = { regex: '/x/(.*)', replacement: '/$1' };
    expect(rewritten(undefined, rewrite, `/x/${'a'.repeat(LIMITS.regexInputLength)}`)).toBeNull();
    expect(rewritten(undefined, rewrite, `/x/a?${'a'.repeat(LIMITS.regexInputLength)}`)).toMatch(/^\/a\?a+$/);
  });

  it('leaves a path that a filter changed out of reach', () => {
    const routes = routesOf([{ match: { path: { template: '/a/{id}' } }, rewrite: { template: '/b/{id}' }, to: 'a' }]);
    const x = request('/a/1');
    const rewrite = routes.match(x)!.rewrite!;
    x.target = '/other/path?q';
    expect(rewrite.apply(x)).toBe(true);
    expect(x.target).toBe('/other/path?q');
  });
});

describe('host', () => {
  it('replaces authority and Host, and may stand beside a path', () => {
    const x = request('/a/b', { host: 'App.example.com:8080' });
    const rewrite = { host: 'internal.example.org', stripPrefix: '/a' };
    routesOf([{ rewrite, to: 'a' }])
      .match(x)!
      .rewrite!.apply(x);
    expect([x.target, x.authority, x.requestHeaders.getAll('host')]).toEqual([
      '/b',
      'internal.example.org',
      ['internal.example.org'],
    ]);
  });

  it('is absent when there is nothing to rewrite', () => {
    expect(rewritten(undefined, {}, '/a')).toBeUndefined();
  });
});
