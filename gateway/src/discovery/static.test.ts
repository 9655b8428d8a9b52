import { describe, expect, it } from 'vitest';
import { silentLog } from '../core/log.ts';
import { systemClock } from './clock.ts';
import { endpoint, ListRecorder } from './fixtures.suite.ts';
import { endpointSourceSuite } from './source.suite.ts';
import { StaticSource, staticEndpoints } from './static.ts';

const ref = (name: string, namespace = 'home') => ({ registry: 'static', namespace, group: '', name });

endpointSourceSuite('static', () => {
  const source = new StaticSource({ log: silentLog, clock: systemClock });
  const services = new Map();
  return Promise.resolve({
    source,
    ref,
    set: (name, endpoints) => {
      services.set(name, staticEndpoints(endpoints.map((e) => ({ ...e, address: `${e.address}:${e.port}` }))));
      source.replace('home', services);
    },
    dispose: () => source.close(),
  });
});

describe('static services', () => {
  it('belong to one tenant', async () => {
    const source = new StaticSource({ log: silentLog, clock: systemClock });
    source.replace('home', new Map([['users', [endpoint(1)]]]));
    const [mine, other] = [new ListRecorder(), new ListRecorder()];
    source.subscribe(ref('users'), mine.listener);
    source.subscribe(ref('users', 'shop'), other.listener);
    await Promise.all([mine.ports([1]), other.ports([])]);
    source.replace('home', new Map());
    await mine.ports([]);
    expect(other.lists).toHaveLength(1);
  });

  it('read addresses of either family and keep one of the same', () => {
    const list = [
      { address: '[::1]:8080', weight: 1, metadata: {} },
      { address: 'legacy.internal:80', weight: 3, metadata: { a: 'b' } },
      { address: 'legacy.internal:80', weight: 3, metadata: {} },
    ];
    expect(staticEndpoints(list)).toMatchObject([
      { address: '::1', port: 8080, weight: 1, healthy: true, cluster: '' },
      { address: 'legacy.internal', port: 80, weight: 3, metadata: { a: 'b' } },
    ]);
  });

  it.each(['host:0', 'host:65536', 'host', ':80', 'host:x', '[]:80'])('refuse the address %s', (address) => {
    expect(() => staticEndpoints([{ address, weight: 1, metadata: {} }])).toThrow(/not host:port/);
  });
});
