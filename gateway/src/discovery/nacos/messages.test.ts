import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { endpoint, portsOf } from '../fixtures.suite.ts';
import { readServiceInfo } from './messages.ts';

function read(hosts: unknown, more: object = {}) {
  return readServiceInfo({ name: 'users', groupName: 'G', lastRefTime: 7, hosts, ...more });
}

describe('serviceInfo', () => {
  it('becomes endpoints with weight, health, cluster and metadata', () => {
    const host = {
      ip: '10.0.0.1',
      port: 80,
      weight: 2.5,
      healthy: false,
      clusterName: 'east',
      metadata: { version: 'v2' },
    };
    const info = read([host], { reachProtectionThreshold: true });
    expect(info).toMatchObject({ name: 'users', group: 'G', lastRefTime: 7, protectThreshold: true, refused: 0 });
    expect(info.endpoints).toEqual([
      endpoint(80, { address: '10.0.0.1', weight: 2.5, healthy: false, cluster: 'east', metadata: { version: 'v2' } }),
    ]);
  });

  it('keeps weight 0, knows the defaults, leaves out disabled instances', () => {
    const hosts = [
      { ip: 'a', port: 1, weight: 0 },
      { ip: 'b', port: 2 },
      { ip: 'c', port: 3, enabled: false },
    ];
    const info = read(hosts);
    expect(info.endpoints.map(({ weight, healthy }) => [weight, healthy])).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(info.refused).toBe(0);
  });

  it('splits a name that carries its group', () => {
    expect(read([], { name: 'H@@users', groupName: undefined })).toMatchObject({ name: 'users', group: 'H' });
  });

  it('leaves out and counts what cannot be an endpoint', () => {
    const bad = [null, 1, {}, { ip: 'a' }, { ip: '', port: 1 }, { ip: 'a', port: 0 }, { ip: 'a', port: 70_000 }];
    const info = read([...bad, { ip: 'a', port: 1.5 }, { ip: 'a', port: '80' }, { ip: 'a', port: 80, weight: -1 }]);
    expect(info.refused).toBe(9);
    expect(info.endpoints).toMatchObject([{ port: 80, weight: 0 }]);
  });

  it('drops metadata that is not text and takes one of two entries for a socket', () => {
    const hosts = [
      { ip: 'a', port: 1, healthy: false, clusterName: 'x' },
      { ip: 'a', port: 1, clusterName: 'y', metadata: { a: '1', b: 2, c: null } },
    ];
    expect(read(hosts).endpoints).toMatchObject([{ healthy: true, cluster: 'y', metadata: { a: '1' } }]);
  });

  it.each([[undefined], [null], ['x'], [[]]])('refuses %j instead of a list', (value) => {
    expect(() => readServiceInfo(value)).toThrow(/serviceInfo/);
  });

  it('does not take missing hosts for an empty service', () => {
    expect(() => read(undefined)).toThrow(/G@@users: the server sent no hosts/);
    expect(portsOf({ ...read([]), state: 'fresh' })).toEqual([]);
  });

  it('refuses a list beyond the limit', () => {
    const hosts = Array.from({ length: LIMITS.endpointsPerService + 1 }, (_, i) => ({ ip: 'a', port: i + 1 }));
    expect(() => read(hosts)).toThrow(/30001 instances, more than 30000/);
  });
});
