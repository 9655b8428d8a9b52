import { describe, expect, it } from 'vitest';
import { isAuthority, parseTarget } from './target.ts';

describe('parseTarget', () => {
  it.each([
    ['/', 'a', '/', 'a'],
    ['/a?b', '', '/a?b', ''],
    ['//double', 'a:80', '//double', 'a:80'],
    ['*', 'a', '*', 'a'],
    ['/', '[::1]:8080', '/', '[::1]:8080'],
    ['http://b', 'b', '/', 'b'],
    ['HTTPS://b:81/c', 'B:81', '/c', 'b:81'],
    ['http://b?q', 'b', '/?q', 'b'],
    ['http://[::1]:9/c', '[::1]:9', '/c', '[::1]:9'],
  ])('reads %s with Host %s', (url, host, target, authority) => {
    expect(parseTarget(url, host)).toEqual({ target, authority });
  });

  it.each([
    ['a:443', 'a'],
    ['', 'a'],
    ['?q', 'a'],
    ['http:///c', 'a'],
    ['http://u@b/', 'a'],
    ['ws://b/', 'a'],
    ['/a#b', 'a'],
    ['http://b/', 'a'],
    ['http://a:81/', 'a'],
  ])('refuses %s with Host %s', (url, host) => {
    expect(parseTarget(url, host)).toBeNull();
  });
});

it('takes the authority of an absolute target where there is no Host', () => {
  expect(parseTarget('http://b:81/c', null)).toEqual({ target: '/c', authority: 'b:81' });
});

describe('isAuthority', () => {
  it.each(['', 'a', 'a:80', 'a:', '[::1]', '[::1]:8080', 'a_b.example', '10.0.0.1:9'])('takes %s', (text) => {
    expect(isAuthority(text)).toBe(true);
  });

  it.each(['a b', 'a/b', 'u@a', 'a\\b', 'a:b', 'a:80:80', '[::1', '::1', 'a, b', 'a:123456', '\0'])(
    'refuses %s',
    (text) => {
      expect(isAuthority(text)).toBe(false);
    },
  );
});
