import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { resp } from './redis.suite.ts';
import { checkRedisQuery } from './redis-query.ts';

const check = (query: string | Uint8Array): string => checkRedisQuery(Buffer.from(query as string));

describe('a query for Redis', () => {
  it('is one command in RESP', () => {
    expect(check(resp('GET', 'key'))).toBe('');
    expect(check(resp('ping'))).toBe('');
    expect(check(resp('set', '', '\r\n$1\r\n'))).toBe('');
    expect(check(resp('set', 'key', 'x'.repeat(500_000)))).toBe('');
    expect(check(resp('mset', ...Array.from({ length: 10_000 }, (_, i) => `k${i}`)))).toBe('');
    expect(check(resp('xread', 'count', '1', 'streams', 's', '0'))).toBe('');
  });

  it.each([
    '',
    'PING\r\n',
    '*0\r\n',
    '*-1\r\n',
    '*1\r\n',
    '*1\r\n$4\r\nPING',
    '*1\r\n$4\r\nPINGxx',
    '*1\r\n$5\r\nPING\r\n',
    '*1\r\n$3\r\nPING\r\n',
    '*01\r\n$4\r\nPING\r\n',
    '*1\r\n$04\r\nPING\r\n',
    '*+1\r\n$4\r\nPING\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n:1\r\n',
    '*1\n$4\nPING\n',
    '*2\r\n$4\r\nPING\r\n',
    '*1\r\n$4\r\nPING\r\n ',
    '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n',
    '*99999999\r\n$4\r\nPING\r\n',
    '*1\r\n$99999999\r\nPING\r\n',
  ])('is refused when it is something else: %j', (query) => {
    expect(check(query)).toMatch(/RESP/);
  });

  it('is refused when it would change the connection, or make others wait', () => {
    const names = [
      'AUTH',
      'select',
      'Subscribe',
      'MULTI',
      'exec',
      'WATCH',
      'blpop',
      'MONITOR',
      'client',
      'QUIT',
      'wait',
    ];
    for (const name of names) expect(check(resp(name, 'x', '0')), name).toContain(name.toUpperCase());
    expect(check(resp('XREAD', 'block', '0', 'STREAMS', 's', '$'))).toContain('BLOCK');
    expect(check(resp('xreadgroup', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>'))).toContain('BLOCK');
    // What is a value elsewhere.
    expect(check(resp('SET', 'BLOCK', 'SELECT'))).toBe('');
  });

  it('is refused when it is too large', () => {
    expect(check(resp('SET', 'key', 'x'.repeat(LIMITS.pluginCalloutBodyBytes)))).toMatch(/large/);
  });

  it('is read whatever stands in it', () => {
    const query = resp('SET', 'key', 'value');
    for (let at = 0; at < query.length; at++) {
      for (const byte of [0, 10, 13, 36, 42, 48, 57, 255]) {
        const changed = Buffer.from(query);
        changed[at] = byte;
        expect(typeof check(changed)).toBe('string');
      }
      expect(check(query.subarray(0, at))).not.toBe('');
    }
  });
});
