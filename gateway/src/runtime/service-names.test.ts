import { expect, it } from 'vitest';
import { parseTenant } from '../config/parse-tenant.ts';
import { servicesOf } from './build.ts';
import { ServiceNames } from './service-names.ts';

const TENANT = {
  tenant: 'a',
  domains: ['a.example'],
  discovery: { registry: 'local', namespace: 'home-prod', group: 'DEFAULT_GROUP' },
  services: {
    legacy: { static: [{ address: '10.0.0.7:8080' }] },
    weather: { dns: 'api.weather.example', port: 8443, scheme: 'https' },
    renamed: { name: 'device-service', group: 'OTHER' },
    'odd:name': { static: [{ address: '10.0.0.8:1' }] },
  },
  routes: [{ id: 'r', upstream: { service: 'orders' } }],
};

function names(): ServiceNames {
  const gateway = { plugins: [], registries: { local: { type: 'file' as const, path: 'x' } } };
  const { config, problems } = parseTenant('a.yaml', JSON.stringify(TENANT), { gateway });
  if (config === null) throw new Error(JSON.stringify(problems));
  return new ServiceNames(config, servicesOf(config));
}

it.each([
  ['legacy', 'outbound|80||legacy.static'],
  ['weather', 'outbound|8443||weather.dns'],
  ['orders', 'outbound|80||orders.DEFAULT-GROUP.home-prod.nacos'],
  ['renamed', 'outbound|80||device-service.OTHER.home-prod.nacos'],
  ['nope', ''],
])('%s is the cluster %j', (service, cluster) => {
  expect(names().clusterOf(service)).toBe(cluster);
});

it.each([
  ['orders', 'orders'],
  ['odd:name', 'odd:name'],
  ['orders:80', 'orders'],
  ['orders.DEFAULT-GROUP.home-prod.nacos:8848', 'orders'],
  ['outbound|80||orders.DEFAULT-GROUP.home-prod.nacos', 'orders'],
  ['outbound|80||device-service.OTHER.home-prod.nacos', 'renamed'],
  ['outbound|80|v2|orders.shop.svc.cluster.local', 'orders'],
  ['outbound|443||weather.dns', 'weather'],
  ['outbound|80||legacy.static', 'legacy'],
  ['legacy.static:80', 'legacy'],
  ['outbound|80||orders', 'orders'],
  ['outbound|80||nope.static', null],
  ['inbound|80||orders', null],
  ['outbound|80||', null],
  ['orders:', null],
  ['orders:port', null],
  [':80', null],
  ['', null],
])('%j means the service %j', (name, service) => {
  expect(names().find(name)).toBe(service);
});
