import { afterEach, describe, expect, it } from 'vitest';
import { startFakeNacos } from '../../../../conformance/nacos/fake-server.ts';
import { ManualClock, portsOf } from '../fixtures.suite.ts';
import { instances, nacosSource, pass, type Rig, type RigOptions, startRig } from './fixture.suite.ts';

describe('nacos connection', () => {
  const rigs: { dispose(): Promise<void> }[] = [];

  async function rig(options: RigOptions = {}): Promise<Rig> {
    const started = await startRig(options);
    rigs.push(started);
    return started;
  }

  afterEach(async () => {
    await Promise.all(rigs.splice(0).map((started) => started.dispose()));
  });

  it('is opened again when it drops, with all subscriptions and a new guard against old lists', async () => {
    const { fake, source, watch } = await rig();
    fake.setInstances('users', '', '', instances(1, 2));
    const [users, none] = [watch('users'), watch('none')];
    await Promise.all([users.ports([1, 2]), none.ports([])]);
    fake.dropConnections();
    await Promise.all([users.ports([1, 2], 'stale'), none.ports([], 'stale')]);
    expect(source.status().connected).toBe(false);
    await Promise.all([users.ports([1, 2]), none.ports([])]);
    fake.setInstances('users', '', '', instances(3));
    await users.ports([3]);
    expect(new Set(fake.messages('ConnectionSetupRequest').map(({ peer }) => peer)).size).toBe(2);
  });

  it('is opened anew when the server does not know it any more', async () => {
    const clock = new ManualClock();
    const { fake, log, watch } = await rig({ clock });
    const users = watch('users');
    await users.ports([]);
    fake.forgetConnections();
    await clock.advance(5_000);
    await log.until('does not know the connection');
    await clock.advance(10_000);
    fake.setInstances('users', '', '', instances(1));
    await users.ports([1]);
  });

  it('moves on from a server that is starting or does not confirm', async () => {
    const lost = await startFakeNacos({ setup: 'lost' });
    rigs.push({ dispose: () => lost.stop() });
    const clock = new ManualClock();
    const { fake, log, watch } = await rig({ clock, servers: [lost.address] });
    fake.setStarting(true);
    const users = watch('users');
    await lost.received('ConnectionSetupRequest');
    await clock.advance(5_000);
    await log.until('did not confirm');
    await clock.advance(200);
    await log.until('Server is starting');
    await clock.advance(500);
    await lost.received('ConnectionSetupRequest', 2);
    fake.setStarting(false);
    await clock.advance(5_000);
    await log.until('did not confirm', 2);
    await clock.advance(500);
    await users.ports([]);
  });

  it('switches without a gap when the server asks, to the server it names', async () => {
    const [first, second, third] = [await startFakeNacos(), await startFakeNacos(), await startFakeNacos()];
    for (const fake of [first, second, third]) {
      rigs.push({ dispose: () => fake.stop() });
      fake.setInstances('users', '', '', instances(1));
    }
    const clock = new ManualClock();
    const client = nacosSource([first.address, second.address, third.address], { clock });
    rigs.push(client);
    const users = client.watch('users');
    await users.ports([1]);
    // Chance is the middle: the second of three.
    expect(client.source.status().server).toBe(second.address);
    second.resetConnections({ serverIp: '127.0.0.1', serverPort: String(first.httpPort) });
    await second.received('ConnectResetResponse');
    await clock.advance(200);
    await second.until(() => second.connections().length === 0);
    expect(client.source.status()).toMatchObject({ connected: true, server: first.address });
    first.resetConnections({ serverIp: '10.9.9.9', serverPort: '8848' });
    await first.received('ConnectResetResponse');
    await clock.advance(200);
    await first.until(() => first.connections().length === 0);
    await second.received('SubscribeServiceRequest', 2);
    expect(users.lists.map(({ state }) => state)).toEqual(['fresh']);
  });

  it('that is half open is found dead within 14 s, and the next server serves', async () => {
    const spare = await startFakeNacos({ pushDelayMs: 5 });
    rigs.push({ dispose: () => spare.stop() });
    spare.setInstances('users', '', '', instances(2));
    const clock = new ManualClock();
    const client = nacosSource([spare.address, '127.0.0.1:1'], { clock });
    rigs.push(client);
    const { fake, source, watch, log } = await rig({ clock, servers: [spare.address] });
    fake.setInstances('users', '', '', instances(1));
    const users = watch('users');
    // Chance begins with the second server; it resets us to the first.
    await users.ports([2]);
    spare.resetConnections({ serverIp: '127.0.0.1', serverPort: String(fake.httpPort) });
    await spare.received('ConnectResetResponse');
    await clock.advance(200);
    await users.ports([1, 2], 'held');
    fake.freeze();
    await clock.advance(13_999);
    expect(source.status().connected).toBe(true);
    await clock.advance(1);
    await users.until(({ state }) => state === 'stale');
    await log.until('unhealthy');
    await clock.advance(200);
    await users.ports([1, 2], 'held');
    expect(source.status().server).toBe(spare.address);
    fake.thaw();
  });

  it('stays while health checks are answered, and costs nothing but those', async () => {
    const clock = new ManualClock();
    const { fake, source, watch } = await rig({ clock });
    await watch('users').ports([]);
    for (let count = 1; count <= 4; count++) {
      await clock.advance(5_000);
      await fake.received('HealthCheckRequest', count);
      await pass(clock, fake, 1);
    }
    expect(source.status().connected).toBe(true);
    expect(fake.messages('ConnectionSetupRequest')).toHaveLength(1);
  });

  it('backs off from a server that accepts and drops', async () => {
    const clock = new ManualClock();
    const { fake, watch } = await rig({ clock });
    const users = watch('users');
    const pauses: number[] = [];
    for (let round = 1; round <= 4; round++) {
      await fake.received('SubscribeServiceRequest', round);
      await users.ports([]);
      fake.dropConnections();
      await users.ports([], 'stale');
      const lost = clock.now();
      while (fake.messages('ServerCheckRequest').length === round) await clock.advance(10);
      const pause = clock.now() - lost;
      pauses.push(pause);
      await users.ports([]);
    }
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses[3]).toBeGreaterThan(pauses[0]!);
  });

  it('verifies each service now and then, so that a lost push heals', async () => {
    const clock = new ManualClock();
    const { fake, watch } = await rig({ clock });
    const users = watch('users');
    await users.ports([]);
    fake.mutePushes(true);
    fake.setInstances('users', '', '', instances(1));
    await pass(clock, fake, 45_000);
    await fake.received('ServiceQueryRequest');
    await users.ports([1]);
    expect(fake.messages('ServiceQueryRequest')[0]?.body).toMatchObject({ healthyOnly: false, cluster: '' });
  });

  it('asks again for a service whose subscription is refused or not answered', async () => {
    const clock = new ManualClock();
    const { fake, source, watch, log } = await rig({ clock });
    fake.refuse('SubscribeServiceRequest', 500);
    fake.refuse('SubscribeServiceRequest', null);
    fake.setInstances('users', '', '', instances(1));
    const users = watch('users');
    await log.until('refused with code 500');
    expect(source.status().services[0]).toMatchObject({ state: 'pending' });
    expect(source.status().services[0]?.lastError).toContain('500');
    await clock.advance(500);
    await fake.received('SubscribeServiceRequest', 2);
    // The server answers all else, so that only the limit of the request ends it.
    await pass(clock, fake, 10_000);
    await log.until('not answered in 10000 ms');
    await clock.advance(1_000);
    await users.ports([1]);
    expect(source.status().services[0]?.lastError).toBe('');
  });

  it('subscribes two thousand services again after a restart of the server', async () => {
    const { fake, watch } = await rig({ fake: { pushDelayMs: 50 } });
    const all = Array.from({ length: 2_000 }, (_, i) => watch(`service-${i}`));
    await Promise.all(all.map((service) => service.ports([])));
    fake.dropConnections();
    await Promise.all(all.map((service) => service.ports([], 'stale')));
    const started = performance.now();
    await Promise.all(all.map((service) => service.ports([])));
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(fake.messages('SubscribeServiceRequest')).toHaveLength(4_000);
  });

  it('keeps serving while the registry is away, and holds an empty list after its return', async () => {
    const { fake, watch, source, dispose } = await rig();
    rigs.pop();
    fake.setInstances('users', '', '', instances(1));
    const users = watch('users');
    await users.ports([1]);
    await fake.stop();
    await users.ports([1], 'stale');
    expect(source.status().services[0]).toMatchObject({ state: 'stale', endpoints: 1 });
    const again = await startFakeNacos({ port: fake.httpPort, pushDelayMs: 5 });
    await users.ports([1], 'held');
    again.setInstances('users', '', '', instances(1));
    await users.ports([1]);
    expect(portsOf(users.last)).toEqual([1]);
    await dispose();
    await again.stop();
  });
});
