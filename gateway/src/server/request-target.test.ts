import { describe, expect, it } from 'vitest';
import { parseTarget } from './request-target.ts';

describe('parseTarget', () => {
  it.each([
    ['/', 'a', '/', 'a'],
    ['/a?b', '', '/a?b', ''],
    ['//double', 'a:80', '//double', 'a:80'],
    ['*', 'a', '*', 'a'],
    ['/', '[::1]:8080', '/', '[::1]:8080'],
    ['http://b', 'a', '/', 'b'],
    ['HTTPS://b:81/c', 'a', '/c', 'b:81'],
    ['http://b?q', 'a', '/?q', 'b'],
    ['http://[::1]:9/c', 'a', '/c', '[::1]:9'],
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
    ['/', 'a b'],
    ['/', 'a/b'],
    ['/', 'u@a'],
    ['/', 'a\\b'],
  ])('refuses %s with Host %s', (url, host) => {
    expect(parseTarget(url, host)).toBeNull();
  });
});
