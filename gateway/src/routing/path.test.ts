import { describe, expect, it } from 'vitest';
import { normalizeConfigPath, normalizePath, prefixEnd, stripParameters } from './path.ts';

describe('normalizePath', () => {
  const same = [
    '/',
    '/a',
    '/a/',
    '/a/b?x=/../y//z#',
    '/.well-known/x',
    '/a.b/..c/...',
    '/%2Fa',
    '/a%3Ab',
    '/a;v=1/b',
    '/;s=1',
    '*',
  ];
  it.each(same)('leaves %s as it is', (target) => {
    expect(normalizePath(target)).toBe(target);
  });

  it.each([
    ['/%61dmin', '/admin'],
    ['/%7Euser', '/~user'],
    ['/a%2fb', '/a%2Fb'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/caf\xc3\xa9', '/caf%C3%A9'],
    ['//admin', '/admin'],
    ['/a///b//', '/a/b/'],
    ['//a?x=//', '/a?x=//'],
    ['/100%', '/100%'],
    ['/%zz/%4', '/%zz/%4'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a?%2e', '/a?%2e'],
    ['/{a}|"', '/{a}|"'],
  ])('%s becomes %s', (target, normal) => {
    expect(normalizePath(target)).toBe(normal);
    expect(normalizePath(normal)).toBe(normal);
  });

  const climbing = [
    '/a/../b',
    '/..',
    '/../',
    '/.',
    '/./a',
    '/a/.',
    '/a/..?x',
    '/%2e%2e/a',
    '/a/.%2E/b',
    '/a/%2e',
    '/a/..;/b',
    '/a/..;x=1/b',
    '/a/.;/b',
    '/a/..%3Bx/b',
    '/a%2f../b',
    '/a/..%2fb',
    '/a%5c..%5cb',
    '/a/..%5C',
    '/a//..//b',
    '/a;x=%2F..%2F/b',
  ];
  it.each(climbing)('refuses the dot segment of %s', (target) => {
    expect(normalizePath(target)).toBeNull();
  });

  const invalid = [
    '',
    'a',
    '?x',
    'http://a/b',
    '/a b',
    '/a\tb',
    '/a\0',
    '/a%00',
    '/a\\b',
    '/a#b',
    '/a\x7f',
    '/ü\u0141',
    '/;x/admin',
    '/a//;/b',
  ];
  it.each(invalid)('refuses %j', (target) => {
    expect(normalizePath(target)).toBeNull();
  });

  it('is linear on long hostile targets', () => {
    const started = performance.now();
    for (const unit of ['/', '/a', '.', '/.a', '%2', ';', '/;', '%2F', '/..%2', 'a']) {
      const target = `/${unit.repeat(16_384 / unit.length)}`;
      expect(normalizePath(`${target}\0`)).toBeNull();
      normalizePath(target);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('normalizeConfigPath', () => {
  it('encodes Unicode as a client would', () => {
    expect(normalizeConfigPath('/设备/é')).toBe('/%E8%AE%BE%E5%A4%87/%C3%A9');
    expect(normalizeConfigPath('/caf%c3%a9')).toBe('/caf%C3%A9');
  });

  it('refuses what no request can have', () => {
    for (const path of ['/a/../b', '/a;b', 'a']) expect(normalizeConfigPath(path)).toBeNull();
  });
});

describe('stripParameters', () => {
  it('leaves out the parameters of every segment', () => {
    expect(stripParameters('/a;v=1;w/b;x')).toBe('/a/b');
    expect(stripParameters('/;jsessionid=1')).toBe('/');
    expect(stripParameters('/a/b')).toBe('/a/b');
  });
});

describe('prefixEnd', () => {
  it.each([
    ['/abc', '/abc', 4],
    ['/abc/', '/abc', 4],
    ['/abc/def', '/abc', 4],
    ['/abcd', '/abc', -1],
    ['/ab', '/abc', -1],
    ['/x', '', 0],
    ['/abc;v=1/def', '/abc', 8],
    ['/abc;v=1', '/abc', 8],
    ['/a;x/b;y/c', '/a/b', 8],
    ['/abcd;v=1/x', '/abc', -1],
    ['/a;/bc', '/a/b', -1],
    ['/ABC', '/abc', -1],
  ])('of %s for %s is %d', (path, prefix, end) => {
    expect(prefixEnd(path, prefix)).toBe(end);
  });
});
