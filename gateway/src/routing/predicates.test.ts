import { describe, expect, it } from 'vitest';
import { request, routesOf, type RequestOptions } from './fixture.suite.ts';

/** Whether a route with this match takes the request. */
function takes(match: object, target: string, options?: RequestOptions): boolean {
  return routesOf([{ match, to: 'a' }]).match(request(target, options)) !== null;
}

describe('comparisons', () => {
  const withValue = (value: string): RequestOptions => ({ headers: { 'X-Api': value } });

  it.each<[object, string, boolean]>([
    [{ exact: 'v2' }, 'v2', true],
    [{ exact: 'v2' }, 'V2', false],
    [{ exact: '' }, '', true],
    [{ prefix: 'v' }, 'v2', true],
    [{ prefix: 'v' }, 'xv', false],
    [{ regex: 'v[0-9]' }, 'v2', true],
    [{ regex: 'v[0-9]' }, 'xv2', false],
    [{ regex: 'v[0-9]' }, 'v22', false],
    [{ in: ['a', 'b'] }, 'b', true],
    [{ in: ['a', 'b'] }, 'ab', false],
    [{ present: true }, '', true],
    [{ present: false }, 'x', false],
    [{ exact: 'Gerät' }, Buffer.from('Gerät').toString('latin1'), true],
    [{ in: ['灰度'] }, Buffer.from('灰度').toString('latin1'), true],
  ])('%j with %j: %s', (comparison, value, expected) => {
    expect(takes({ headers: [{ name: 'x-API', ...comparison }] }, '/', withValue(value))).toBe(expected);
  });

  it.each<[object, boolean]>([
    [{ exact: '' }, false],
    [{ prefix: 'v' }, false],
    [{ regex: '.*' }, false],
    [{ in: [''] }, false],
    [{ present: true }, false],
    [{ present: false }, true],
  ])('%j without a value: %s', (comparison, expected) => {
    expect(takes({ headers: [{ name: 'x-api', ...comparison }] }, '/')).toBe(expected);
    expect(takes({ query: [{ name: 'x-api', ...comparison }] }, '/?other=1')).toBe(expected);
    expect(takes({ cookies: [{ name: 'x-api', ...comparison }] }, '/', { headers: { cookie: 'a=b' } })).toBe(expected);
  });

  it('all must hold, two on one name included', () => {
    const headers = [
      { name: 'a', prefix: 'x' },
      { name: 'a', regex: '.*y' },
    ];
    expect(takes({ headers }, '/', { headers: { a: 'x-y' } })).toBe(true);
    expect(takes({ headers }, '/', { headers: { a: 'x-z' } })).toBe(false);
  });

  it('compares the first value of a repeated header', () => {
    const x = request('/', { headers: { a: '1' } });
    x.requestHeaders.append('A', '2');
    expect(routesOf([{ match: { headers: [{ name: 'a', exact: '1' }] }, to: 'a' }]).match(x)).not.toBeNull();
    expect(routesOf([{ match: { headers: [{ name: 'a', exact: '2' }] }, to: 'a' }]).match(x)).toBeNull();
  });
});

describe('query', () => {
  it.each<[string, string, string, boolean]>([
    ['/?a=1&a=2', 'a', '1', true],
    ['/?a=1&a=2', 'a', '2', false],
    ['/?A=1', 'a', '1', false],
    ['/?a=b%20c+d', 'a', 'b c d', true],
    ['/?%61=1', 'a', '1', true],
    ['/?a=%E7%81%B0', 'a', '灰', true],
    [`/?a=${Buffer.from('灰').toString('latin1')}`, 'a', '灰', true],
    ['/?a=%zz', 'a', '%zz', true],
    ['/?a=%ff', 'a', '%ff', true],
    ['/?a', 'a', '', true],
    ['/?a=b=c', 'a', 'b=c', true],
    ['/?&&a=1&', 'a', '1', true],
    ['/?=1', 'a', '1', false],
    ['/?__proto__=1', '__proto__', '1', true],
    ['/?x=1?a=1', 'a', '1', false],
  ])('of %s: %s is %j: %s', (target, name, exact, expected) => {
    expect(takes({ query: [{ name, exact }] }, target)).toBe(expected);
  });

  it('of one request is not taken for that of another', () => {
    const routes = routesOf([{ match: { query: [{ name: 'a', exact: '1' }] }, to: 'a' }]);
    expect(routes.match(request('/?a=1'))).not.toBeNull();
    expect(routes.match(request('/?a=2'))).toBeNull();
    expect(routes.match(request('/'))).toBeNull();
    expect(routes.match(request('/?a=1'))).not.toBeNull();
  });
});

describe('cookies', () => {
  it.each<[string, boolean]>([
    ['sid=1', true],
    ['a=b; sid=1; c', true],
    ['a=b;sid=1', true],
    ['sid = 1 ', true],
    ['sid=2; sid=1', false],
    ['SID=1', false],
    ['xsid=1', false],
    ['sid', false],
    ['', false],
  ])('in %j: %s', (cookie, expected) => {
    expect(takes({ cookies: [{ name: 'sid', exact: '1' }] }, '/', { headers: { cookie } })).toBe(expected);
  });

  it('may come in several fields', () => {
    const x = request('/', { headers: { cookie: 'a=b' } });
    x.requestHeaders.append('cookie', 'sid=1');
    expect(routesOf([{ match: { cookies: [{ name: 'sid', exact: '1' }] }, to: 'a' }]).match(x)).not.toBeNull();
  });
});

describe('clientIp', () => {
  const list = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::ffff:172.16.0.0/108'];

  it.each<[string, boolean]>([
    ['10.255.0.1', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:10.1.2.3', true],
    ['2001:db8:1::1', true],
    ['2001:db9::1', false],
    ['172.16.3.4', true],
    ['172.32.0.1', false],
    ['', false],
    ['no address', false],
    ['10.0.0.1:80', false],
  ])('%s: %s', (address, expected) => {
    expect(takes({ clientIp: list }, '/', { address })).toBe(expected);
  });
});
