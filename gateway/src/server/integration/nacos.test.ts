import { afterEach, describe, expect, it } from 'vitest';
import { type FakeNacos, startFakeNacos } from '../../../../conformance/nacos/fake-server.ts';
import { ask, codeOf, eventually, HttpUpstream } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function upstream(name: string): Promise<HttpUpstream> {
  const server = await new HttpUpstream(name).open();
  cleanups.push(() => server.close());
  return server;
}

async function nacos(port?: number): Promise<FakeNacos> {
  const fake = await startFakeNacos({ pushDelayMs: 5, ...(port === undefined ? {} : { port }) });
  cleanups.push(() => fake.stop());
  return fake;
}

function register(
  fake: FakeNacos,
  ...servers: readonly (HttpUpstream | [HttpUpstream, Record<string, string>])[]
): void {
  const instances = servers.map((given) => {
    const [server, metadata] = Array.isArray(given) ? given : [given, {}];
    return { ip: '127.0.0.1', port: server.port, metadata };
  });
  fake.setInstances('main', 'DEFAULT_GROUP', 'public', instances);
}

async function start(address: string): Promise<GatewayRig> {
  const tenant = tenantA({
    discovery: { registry: 'nacos' },
    lanes: [{ name: 'gray', tag: 'gray', rules: [{ headers: [{ name: 'x-gray', present: true }] }] }],
  });
  const gateway = { registries: { nacos: { type: 'nacos', servers: [address] } } };
  const rig = await GatewayRig.start({ gateway, tenants: { a: tenant } });
  cleanups.push(() => rig.stop());
  return rig;
}

const readiness = (rig: GatewayRig) => rig.admin('/readyz').then(({ status }) => status);
const textOf = (rig: GatewayRig, headers = {}) => ask(rig.port, { headers }).then(({ text }) => text);

describe('discovery from Nacos', () => {
  it('routes by lane, and a push changes the next pick', async () => {
    const [fake, one, two, gray] = [
      await nacos(),
      await upstream('one'),
      await upstream('two'),
      await upstream('gray'),
    ];
    register(fake, one, [gray, { 'opensergo.io/canary-gray': 'gray' }]);
    const rig = await start(fake.address);
    await eventually(() => readiness(rig)).toBe(200);
    expect([await textOf(rig), await textOf(rig, { 'x-gray': '1' })]).toEqual(['one', 'gray']);
    register(fake, two);
    await eventually(() => textOf(rig)).toBe('two');
    expect(await textOf(rig, { 'x-gray': '1' })).toBe('two');
    expect(rig.fatal).toEqual([]);
  });

  it('that is away at the start leaves the gateway alive and not ready, until it is there', async () => {
    const reserved = await startFakeNacos();
    const { httpPort, address } = reserved;
    await reserved.stop();
    const rig = await start(address);
    const { status, text } = await rig.admin('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      reasons: [{ part: 'discovery', reason: 'no answer yet for a/main from registry nacos' }],
    });
    expect((await rig.admin('/healthz')).status).toBe(200);
    expect(codeOf(await ask(rig.port))).toBe('SLUICE_UPSTREAM_NO_ENDPOINT');
    expect(await rig.metric('sluice_discovery_connected{registry="nacos"}')).toBe(0);

    const server = await upstream('main');
    const fake = await nacos(httpPort);
    register(fake, server);
    await eventually(() => readiness(rig)).toBe(200);
    expect(await textOf(rig)).toBe('main');
    expect(await rig.metric('sluice_discovery_connected{registry="nacos"}')).toBe(1);

    await fake.stop();
    await eventually(() => rig.metric('sluice_discovery_connected{registry="nacos"}')).toBe(0);
    for (let i = 0; i < 5; i++) expect(await textOf(rig)).toBe('main');
    expect(await readiness(rig)).toBe(200);
    await eventually(() => rig.view('services').then(([service]) => service!['state'])).toBe('stale');
    expect(rig.fatal).toEqual([]);
  });
});
