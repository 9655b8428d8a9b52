import { describe, expect, it } from 'vitest';
import { DomainIndex, hostOf } from './domains.ts';

function index(...domains: string[]): DomainIndex<string> {
  return DomainIndex.empty<string>().with(domains.map((domain) => [domain, domain] as const));
}

describe('hostOf', () => {
  it.each([
    ['app.example.com', 'app.example.com'],
    ['App.Example.COM', 'app.example.com'],
    ['app.example.com:8080', 'app.example.com'],
    ['app.example.com.', 'app.example.com'],
    ['app.example.com.:443', 'app.example.com'],
    ['[::1]:8080', '[::1]'],
    ['[::1]', '[::1]'],
    ['[::1', ''],
    ['127.0.0.1:80', '127.0.0.1'],
    [':80', ''],
    ['', ''],
    ['.', ''],
  ])('%j is %j', (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });
});

describe('DomainIndex', () => {
  it('takes exact names before wildcards and longer wildcards before shorter ones', () => {
    const domains = index('*.com', '*.example.com', '*.iot.example.com', 'app.example.com');
    expect(domains.find('app.example.com')).toBe('app.example.com');
    expect(domains.find('x.example.com')).toBe('*.example.com');
    expect(domains.find('a.iot.example.com')).toBe('*.iot.example.com');
    expect(domains.find('a.b.iot.example.com')).toBe('*.iot.example.com');
    expect(domains.find('iot.example.com')).toBe('*.example.com');
    expect(domains.find('example.com')).toBe('*.com');
    expect(domains.find('com')).toBeUndefined();
  });

  it('ignores case, port and trailing dot on both sides', () => {
    const domains = index('App.Example.com.', '*.IoT.example.com');
    for (const host of ['app.example.com', 'APP.example.com:8080', 'app.example.com.']) {
      expect(domains.find(host)).toBe('App.Example.com.');
    }
    expect(domains.find('X.IOT.example.com:1')).toBe('*.IoT.example.com');
  });

  it('finds nothing for odd hosts', () => {
    const domains = index('*.example.com', 'example.com');
    for (const host of [
      '',
      '.',
      '.example.com',
      '..example.com.',
      ':80',
      '*',
      '[::1]',
      'xexample.com',
      'user@example.com',
    ]) {
      expect(domains.find(host)).toBeUndefined();
    }
  });

  it('does not look at hosts that are longer than a name can be', () => {
    const domains = index('*.example.com');
    const long = `${'a.'.repeat(121)}example.com`;
    expect([long.length, domains.find(long)]).toEqual([253, '*.example.com']);
    const found: string[] = [];
    domains.findAll(`b${long}`, found);
    expect([domains.find(`b${long}`), found]).toEqual([undefined, []]);
  });

  it('lists every cover, the most specific first', () => {
    const found: string[] = [];
    index('*.example.com', 'a.b.example.com', '*.b.example.com', 'c.example.com').findAll('a.b.example.com', found);
    expect(found).toEqual(['a.b.example.com', '*.b.example.com', '*.example.com']);
  });

  it('changes a copy and shares the rest', () => {
    const first = index('a.example.com', 'b.example.com');
    const second = first.with([
      ['a.example.com', undefined],
      ['c.example.com', 'c'],
      ['b.example.com', 'new'],
      ['never.example.com', undefined],
    ]);
    expect([first.find('a.example.com'), first.find('b.example.com'), first.find('c.example.com')]).toEqual([
      'a.example.com',
      'b.example.com',
      undefined,
    ]);
    expect([second.find('a.example.com'), second.find('b.example.com'), second.find('c.example.com')]).toEqual([
      undefined,
      'new',
      'c',
    ]);
    expect([first.size, second.size]).toEqual([2, 2]);
  });

  it('applies changes of one name in order, so that a domain can move between tenants', () => {
    const moved = index('a.example.com').with([
      ['a.example.com', undefined],
      ['a.example.com', 'other'],
    ]);
    expect(moved.find('a.example.com')).toBe('other');
    expect(moved.size).toBe(1);
  });

  it('holds many names', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `tenant${i}.example.com`);
    const domains = index(...names, '*.example.com');
    expect(domains.size).toBe(20_001);
    for (const name of names) expect(domains.find(name)).toBe(name);
    expect(domains.find('other.example.com')).toBe('*.example.com');
  });
});
