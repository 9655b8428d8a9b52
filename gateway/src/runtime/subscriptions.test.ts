import { describe, expect, it } from 'vitest';
import type { EndpointList, ServiceRef } from '../core/endpoint.ts';
import { formatAddress, serviceRefKey } from '../core/endpoint.ts';
import { silentLog } from '../core/log.ts';
import { systemClock } from '../discovery/clock.ts';
import { DnsServer } from '../discovery/dns.fixture.suite.ts';
import { DNS_REGISTRY, DnsSource } from '../discovery/dns.ts';
import { Registries } from '../discovery/registries.ts';
import type { EndpointListener, EndpointSource, Subscription } from '../discovery/source.ts';
import { StaticSource } from '../discovery/static.ts';
import { until } from '../exchange/probes.suite.ts';
import { tenantOf } from './runtime.suite.ts';
import { serviceRefOf, Subscriptions } from './subscriptions.ts';

/** A registry that answers when the test says so. */
class FakeSource implements EndpointSource {
  readonly open = new Map<string, EndpointListener>();
  opened = 0;

  subscribe(ref: ServiceRef, listener: EndpointListener): Subscription {
    this.opened++;
    this.open.set(serviceRefKey(ref), listener);
    return { close: () => void this.open.delete(serviceRefKey(ref)) };
  }

  status(): never {
    throw new Error('not asked');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const EMPTY: EndpointList = { endpoints: [], state: 'fresh' };
const discovery = { registry: 'nacos', namespace: 'home', group: 'G' };
const routes = (...services: string[]) => services.map((service, i) => ({ id: `r${i}`, upstream: { service } }));

function rig() {
  const source = new FakeSource();
  const heard: string[] = [];
  const statics = new StaticSource({ log: silentLog, clock: systemClock });
  const registries = new Registries(new Map([['nacos', source]]), statics);
  const subscriptions = new Subscriptions(registries, (name, service, { endpoints }) => {
    heard.push(`${name}/${service}: ${endpoints.map(({ port }) => port).join(' ')}`);
  });
  return { source, heard, subscriptions };
}

describe('where a service is looked up', () => {
  it('is what the service says, else what the tenant says, else its own name', () => {
    const config = tenantOf({
      discovery,
      services: {
        own: { registry: 'other', namespace: 'n', group: 'g', name: 'real-name' },
        partly: { group: 'g2' },
        listed: { static: [{ address: '10.0.0.1:80' }] },
        weather: { dns: 'API.weather.example.com', port: 443, scheme: 'https' },
        records: { dns: '_http._tcp.example.com' },
      },
    });
    expect(serviceRefOf(config, 'plain')).toEqual({ ...discovery, name: 'plain' });
    expect(serviceRefOf(config, 'own')).toEqual({ registry: 'other', namespace: 'n', group: 'g', name: 'real-name' });
    expect(serviceRefOf(config, 'partly')).toEqual({ ...discovery, group: 'g2', name: 'partly' });
    expect(serviceRefOf(config, 'listed')).toEqual({
      registry: 'static',
      namespace: 'home',
      group: '',
      name: 'listed',
    });
    const dns = { registry: 'dns', namespace: '' };
    expect(serviceRefOf(config, 'weather')).toEqual({ ...dns, group: '443', name: 'api.weather.example.com' });
    expect(serviceRefOf(config, 'records')).toEqual({ ...dns, group: '', name: '_http._tcp.example.com' });
  });
});

describe('subscriptions', () => {
  it('are made for the services that routes use, and for those that the tenant lists', () => {
    const { source, subscriptions } = rig();
    const services = { listed: {} };
    const weighted = [
      {
        id: 'w',
        upstream: {
          services: [
            { service: 'x', weight: 1 },
            { service: 'y', weight: 1 },
          ],
        },
      },
    ];
    subscriptions.replace(tenantOf({ discovery, services, routes: [...routes('main', 'main'), ...weighted] }));
    expect(subscriptions.services().map(({ service, list }) => [service, list])).toEqual([
      ['listed', null],
      ['main', null],
      ['x', null],
      ['y', null],
    ]);
    expect(source.opened).toBe(4);
  });

  it('of services that stay are kept with what they know', () => {
    const { source, heard, subscriptions } = rig();
    subscriptions.replace(tenantOf({ discovery, routes: routes('main', 'old') }));
    source.open.get(serviceRefKey({ ...discovery, name: 'main' }))!(EMPTY);
    subscriptions.replace(tenantOf({ discovery, routes: routes('new', 'main') }));
    expect(source.opened).toBe(3);
    expect([...source.open.keys()]).toEqual(['main', 'new'].map((name) => serviceRefKey({ ...discovery, name })));
    expect(subscriptions.services().map(({ service, list }) => [service, list])).toEqual([
      ['new', null],
      ['main', EMPTY],
    ]);
    expect(heard).toEqual(['home/main: ']);
  });

  it('are made anew when a service is looked up elsewhere', () => {
    const { source, subscriptions } = rig();
    subscriptions.replace(tenantOf({ discovery, routes: routes('main') }));
    subscriptions.replace(tenantOf({ discovery: { ...discovery, namespace: 'other' }, routes: routes('main') }));
    expect([...source.open.keys()]).toEqual([serviceRefKey({ ...discovery, namespace: 'other', name: 'main' })]);
  });

  it('follow a list in the tenant file', async () => {
    const { heard, subscriptions } = rig();
    const listed = (port: number) =>
      tenantOf({ services: { main: { static: [{ address: `10.0.0.1:${port}` }] } }, routes: routes('main') });
    subscriptions.replace(listed(1));
    await until(() => heard.length === 1);
    subscriptions.replace(listed(2));
    await until(() => heard.length === 2);
    expect(heard).toEqual(['home/main: 1', 'home/main: 2']);
  });

  it('follow the records of a name', async () => {
    const server = await DnsServer.start();
    const address = (last: number) => ({ address: `192.0.2.${last}`, ttl: 1 });
    server.addresses('api.example.com', address(1));
    server.services('_http._tcp.example.com', { port: 8080, target: 'api.example.com' });
    // A hundred times as fast, so that a TTL of a second is soon over.
    const clock = { ...systemClock, after: (delay: number, run: () => void) => systemClock.after(delay / 100, run) };
    const families = () => new Set<4 | 6>([4]);
    const source = new DnsSource({ log: silentLog, clock, resolver: server.resolver(), families });
    const statics = new StaticSource({ log: silentLog, clock });
    const lists = new Map<string, string>();
    const subscriptions = new Subscriptions(
      new Registries(new Map([[DNS_REGISTRY, source]]), statics),
      (_tenant, service, { endpoints }) =>
        lists.set(service, endpoints.map((record) => formatAddress(record.address, record.port)).join(' ')),
    );
    const services = { weather: { dns: 'api.example.com', port: 443 }, web: { dns: '_http._tcp.example.com' } };
    subscriptions.replace(tenantOf({ services, routes: routes('weather', 'web') }));
    await until(() => lists.size === 2);
    expect(Object.fromEntries(lists)).toEqual({ weather: '192.0.2.1:443', web: '192.0.2.1:8080' });
    server.addresses('api.example.com', address(2), address(3));
    await until(() => lists.get('weather') === '192.0.2.2:443 192.0.2.3:443');
    await until(() => lists.get('web') === '192.0.2.2:8080 192.0.2.3:8080');
    subscriptions.replace(tenantOf({ services: { weather: services.weather }, routes: routes('weather') }));
    expect(source.status().services).toHaveLength(1);
    await source.close();
    await server.close();
  });

  it('end with their tenant', () => {
    const { source, subscriptions } = rig();
    subscriptions.replace(tenantOf({ discovery, routes: routes('main') }));
    subscriptions.remove('home');
    subscriptions.remove('never heard of');
    expect([source.open.size, subscriptions.services()]).toEqual([0, []]);
  });
});
