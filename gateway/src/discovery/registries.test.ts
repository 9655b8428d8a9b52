import { describe, expect, it } from 'vitest';
import { startFakeNacos } from '../../../conformance/nacos/fake-server.ts';
import { parseGateway } from '../config/parse-gateway.ts';
import { silentLog } from '../core/log.ts';
import { DNS_REGISTRY, dnsServiceRef } from './dns.ts';
import { endpoint, ListRecorder } from './fixtures.suite.ts';
import { createRegistries, loadNacos } from './registries.ts';
import { STATIC_REGISTRY } from './static.ts';

describe('registries', () => {
  it('are found by name and closed together', async () => {
    const fake = await startFakeNacos({ pushDelayMs: 5 });
    fake.setInstances('users', '', 'home', [{ ip: '127.0.0.1', port: 1 }]);
    const nacos = { type: 'nacos' as const, servers: [fake.address], grpcPortOffset: 1000 };
    const config = { registries: { local: { type: 'file' as const, path: '/nowhere/services.yaml' }, nacos } };
    const registries = createRegistries(config, { log: silentLog, nacos: await loadNacos(config) });
    registries.static.replace('home', new Map([['users', [endpoint(2)]]]));
    const [one, two] = [new ListRecorder(), new ListRecorder()];
    registries.subscribe({ registry: 'nacos', namespace: 'home', group: '', name: 'users' }, one.listener);
    registries.subscribe({ registry: 'static', namespace: 'home', group: '', name: 'users' }, two.listener);
    await Promise.all([one.ports([1]), two.ports([2])]);
    expect(registries.status().map(({ registry, type }) => [registry, type])).toEqual([
      ['local', 'file'],
      ['nacos', 'nacos'],
      ['static', 'static'],
    ]);
    const lookup = registries.subscribe(dnsServiceRef('localhost', 80), () => {});
    expect(registries.status().map(({ type }) => type)).toEqual(['file', 'nacos', 'dns', 'static']);
    lookup.close();
    expect(registries.get('nacos')?.status().services).toHaveLength(1);
    expect(registries.get('other')).toBeUndefined();
    await registries.close();
    await fake.until(() => fake.connections().length === 0);
    await fake.stop();
  });

  it('name what is wrong with a reference', async () => {
    const registries = createRegistries({ registries: {} }, { log: silentLog });
    const ref = { registry: 'consul', namespace: '', group: '', name: 'users' };
    expect(() => registries.subscribe(ref, () => {})).toThrow(/service users: there is no registry named consul/);
    await registries.close();
  });

  it.each([STATIC_REGISTRY, DNS_REGISTRY])('have names of their own for what is in none: %s', (name) => {
    const text = `apiVersion: sluice/v1
listeners: [{ name: http, port: 80 }]
tenants: { directory: t }
registries: { ${name}: { type: file, path: x } }
`;
    expect(parseGateway('gateway.yaml', text).problems.map(({ key }) => key)).toEqual([`registries.${name}`]);
  });
});
