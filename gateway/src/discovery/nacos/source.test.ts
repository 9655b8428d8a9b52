import { afterEach, describe, expect, it } from 'vitest';
import { startFakeNacos } from '../../../../conformance/nacos/fake-server.ts';
import { endpoint, ListRecorder, portsOf } from '../fixtures.suite.ts';
import { endpointSourceSuite } from '../source.suite.ts';
import { instances, nacosRef, nacosSource, type Rig, type RigOptions, startRig } from './fixture.suite.ts';

endpointSourceSuite('nacos', async () => {
  const rig = await startRig();
  return {
    source: rig.source,
    ref: (name) => nacosRef(name),
    set: (name, endpoints) => {
      const list = endpoints.map(({ address, cluster, ...rest }) => ({ ip: address, clusterName: cluster, ...rest }));
      rig.fake.setInstances(name, '', '', list);
    },
    dispose: rig.dispose,
  };
});

describe('nacos source', () => {
  const rigs: Pick<Rig, 'dispose'>[] = [];

  async function rig(options: RigOptions = {}): Promise<Rig> {
    const started = await startRig(options);
    rigs.push(started);
    return started;
  }

  afterEach(async () => {
    await Promise.all(rigs.splice(0).map((started) => started.dispose()));
  });

  it('introduces itself as a naming client of its namespace', async () => {
    const { fake, watch } = await rig();
    await watch('users', { namespace: 'home-prod' }).ports([]);
    const [setup] = fake.messages('ConnectionSetupRequest');
    expect(setup?.body).toMatchObject({
      tenant: 'home-prod',
      labels: { source: 'sdk', module: 'naming' },
      abilityTable: {},
      headers: {},
    });
  });

  it('speaks to servers that do not confirm the setup', async () => {
    const { fake, watch } = await rig({ fake: { setup: 'none' } });
    fake.setInstances('users', '', '', instances(1));
    await watch('users').ports([1]);
  });

  it('uses one transport for requests and pushes, and one connection per namespace', async () => {
    const { fake, source, watch } = await rig();
    fake.setInstances('users', '', 'a', instances(1));
    fake.setInstances('users', '', 'b', instances(2));
    const [a, b] = [watch('users', { namespace: 'a' }), watch('users', { namespace: 'b' })];
    const more = watch('devices', { namespace: 'a' });
    await Promise.all([a.ports([1]), b.ports([2]), more.ports([])]);
    expect(fake.connections()).toHaveLength(2);
    expect(fake.sockets).toBe(2);
    const peers = new Set(fake.messages('SubscribeServiceRequest').map(({ peer }) => peer));
    expect(peers).toEqual(new Set(fake.messages('ConnectionSetupRequest').map(({ peer }) => peer)));
    fake.setInstances('users', '', 'b', instances(3));
    await b.ports([3]);
    expect(a.lists).toHaveLength(1);
    expect(source.status().services).toHaveLength(3);
  });

  it('keeps groups apart and takes empty names for the defaults', async () => {
    const { fake, watch } = await rig();
    fake.setInstances('users', 'red', '', instances(1));
    fake.setInstances('users', '', '', instances(2));
    await Promise.all([
      watch('users', { group: 'red' }).ports([1]),
      watch('users').ports([2]),
      watch('users', { group: '', namespace: '' }).ports([2]),
    ]);
    expect(fake.messages('SubscribeServiceRequest')).toHaveLength(2);
  });

  it('asks for all clusters and keeps health, cluster and metadata', async () => {
    const { fake, watch } = await rig();
    const metadata = { 'opensergo.io/canary-gray': 'gray', secure: 'true' };
    const east = { ip: '10.0.0.1', port: 80, healthy: false, clusterName: 'east', weight: 0.25, metadata };
    fake.setInstances('users', '', '', [east, { ip: '10.0.0.2', port: 80, enabled: false }]);
    const list = await watch('users').ports([80]);
    expect(list.endpoints).toEqual([
      endpoint(80, { address: '10.0.0.1', healthy: false, cluster: 'east', weight: 0.25, metadata }),
    ]);
    expect(fake.messages('SubscribeServiceRequest')[0]?.body).toMatchObject({ clusters: '', subscribe: true });
  });

  it('answers every push with its id, also one it cannot use', async () => {
    const { fake, watch } = await rig();
    const users = watch('users');
    await users.ports([]);
    fake.setInstances('users', '', '', instances(1));
    await users.ports([1]);
    fake.sendAll('NotifySubscriberRequest', { requestId: 'odd', serviceInfo: { name: 'users' } });
    fake.sendAll('SomeFutureRequest', { requestId: 'future' });
    fake.sendAll('ClientConfigMetricRequest', { requestId: 'metrics' });
    fake.detectConnections();
    const [odd] = await Promise.all([
      fake.until(() => fake.messages('NotifySubscriberResponse').some(({ body }) => body['requestId'] === 'odd')),
      fake.received('SomeFutureResponse'),
      fake.received('ClientConfigMetricResponse'),
      fake.received('ClientDetectionResponse'),
    ]);
    expect(odd).toBeUndefined();
    expect(fake.messages('ClientConfigMetricResponse')[0]?.body).toMatchObject({ requestId: 'metrics', metrics: {} });
    expect(fake.connections()).toHaveLength(1);
    expect(portsOf(users.last)).toEqual([1]);
  });

  it('ignores a push that is older, equal, for another service, or not readable at all', async () => {
    const { fake, watch, log } = await rig();
    fake.setInstances('users', '', '', instances(1));
    const users = watch('users');
    await users.ports([1]);
    fake.pushInfo('users', '', '', { lastRefTime: 5, hosts: instances(9) });
    fake.pushInfo('users', '', '', {});
    fake.pushInfo('users', '', '', { name: 'strangers', hosts: instances(9) });
    fake.pushInfo('users', '', '', { hosts: 'none' });
    fake.sendBytes(Buffer.from('not a payload'));
    await log.until('cannot be read');
    fake.setInstances('users', '', '', instances(1, 2));
    await users.ports([1, 2]);
    expect(users.lists).toHaveLength(2);
    expect(log.matching('a push cannot be used')).toHaveLength(1);
  });

  it('holds an empty push after many, applies it after one', async () => {
    const { fake, watch } = await rig();
    fake.setInstances('users', '', '', instances(1, 2));
    fake.setInstances('single', '', '', instances(3));
    const [users, single] = [watch('users'), watch('single')];
    await Promise.all([users.ports([1, 2]), single.ports([3])]);
    fake.setInstances('users', '', '', []);
    fake.setInstances('single', '', '', []);
    await Promise.all([users.ports([1, 2], 'held'), single.ports([])]);
  });

  it('surfaces the protect threshold', async () => {
    const { fake, source, watch } = await rig();
    fake.setProtectThreshold('users', '', '', 0.5);
    fake.setInstances('users', '', '', [{ ip: '127.0.0.1', port: 1, healthy: false }]);
    expect((await watch('users').ports([1])).endpoints[0]?.healthy).toBe(true);
    expect(source.status().services[0]?.protectThreshold).toBe(true);
  });

  it('reads a list of 10 MiB and refuses one beyond the limit', async () => {
    const { fake, source, watch } = await rig();
    const many = Array.from({ length: 30_001 }, (_, i) => ({ ip: `10.1.${i >> 8}.${i & 255}`, port: 8080 }));
    fake.setInstances('users', '', '', many.slice(0, 30_000));
    fake.setInstances('crowd', '', '', many);
    const users = watch('users');
    const crowd = watch('crowd');
    expect((await users.until((list) => list.endpoints.length > 0)).endpoints).toHaveLength(30_000);
    await fake.received('SubscribeServiceRequest', 2);
    fake.setInstances('crowd', '', '', instances(1));
    await crowd.ports([1]);
    expect(crowd.lists).toHaveLength(1);
    expect(source.status().services).toHaveLength(2);
  });

  it('unsubscribes with the last subscriber and closes the connection with the last service', async () => {
    const { fake, source } = await rig();
    const [a, b] = [new ListRecorder(), new ListRecorder()];
    const first = source.subscribe(nacosRef('a'), a.listener);
    const second = source.subscribe(nacosRef('b'), b.listener);
    await Promise.all([a.ports([]), b.ports([])]);
    first.close();
    await fake.until(() => fake.connections()[0]?.subscriptions.size === 1);
    second.close();
    await fake.until(() => fake.connections().length === 0);
    expect(source.status()).toMatchObject({ connected: false, server: '', services: [] });
  });

  it('leaves a service and takes it again at once without losing it', async () => {
    const { fake, source, watch } = await rig();
    watch('other');
    for (let round = 1; round <= 30; round++) {
      fake.setInstances('users', '', '', instances(round));
      const users = new ListRecorder();
      const subscription = source.subscribe(nacosRef('users'), users.listener);
      await users.ports([round]);
      subscription.close();
    }
    const users = watch('users');
    await users.ports([30]);
    fake.setInstances('users', '', '', instances(31));
    await users.ports([31]);
    await fake.until(() => fake.connections()[0]?.subscriptions.size === 2);
  });

  it('tries on from a start without server, never fails, and answers when it comes up', async () => {
    const parked = await startFakeNacos();
    const { httpPort, address } = parked;
    await parked.stop();
    const client = nacosSource([address]);
    rigs.push(client);
    const users = client.watch('users');
    await client.log.until('cannot connect', 3);
    expect(users.lists).toHaveLength(0);
    expect(client.source.status()).toMatchObject({ connected: false, services: [{ state: 'pending' }] });
    expect(client.source.status().lastError).toContain(address);
    const fake = await startFakeNacos({ port: httpPort });
    fake.setInstances('users', '', '', instances(1));
    await users.ports([1]);
    expect(client.source.status()).toMatchObject({ connected: true, server: address, lastError: '' });
    await fake.stop();
  });

  it('refuses ports that cannot be', () => {
    expect(() => nacosSource(['localhost:65000'])).toThrow(/gRPC port 66000 is not within 1 and 65535/);
    expect(() => nacosSource(['localhost:0'])).toThrow(/a port from 1 to 65535/);
  });
});
