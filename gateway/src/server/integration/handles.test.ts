import { afterEach, describe, expect, it } from 'vitest';
import { ask, deadPort, eventually, HttpUpstream } from './fixture.suite.ts';
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

/** What keeps the process alive, by kind. */
function running(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Nothing more is running than before. */
async function expectReturned(before: ReadonlyMap<string, number>): Promise<void> {
  await eventually(() => [...running()].filter(([kind, count]) => count > (before.get(kind) ?? 0))).toEqual([]);
}

describe('what cannot start', () => {
  it('a listener on a taken port says so, and leaves nothing behind', async () => {
    const taken = await upstream('taken');
    const before = running();
    const listeners = [
      { name: 'free', address: '127.0.0.1', port: await deadPort() },
      { name: 'http', address: '127.0.0.1', port: taken.port },
    ];
    const failed = await GatewayRig.start({ gateway: { listeners } }).catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({
      code: 'SLUICE_LISTENER_PORT_TAKEN',
      message: expect.stringContaining(`listener http (127.0.0.1:${taken.port})`),
    });
    await expectReturned(before);
  });

  it('an admin API on a taken port, or an access log that cannot be written', async () => {
    const taken = await upstream('taken');
    const before = running();
    const admin = GatewayRig.start({ gateway: { admin: { port: taken.port } } });
    await expect(admin).rejects.toMatchObject({ code: 'SLUICE_LISTENER_PORT_TAKEN' });
    const log = GatewayRig.start({ gateway: { accessLog: { path: '/nowhere/access.log' } } });
    await expect(log).rejects.toMatchObject({ code: 'SLUICE_ACCESSLOG_UNWRITABLE' });
    await expectReturned(before);
  });
});

describe('what drains', () => {
  it('is not ready, and cuts off and counts what is left at the deadline', async () => {
    const never = await new HttpUpstream('never', () => {}).open();
    cleanups.push(() => never.close());
    const rig = await GatewayRig.start({ tenants: { a: tenantA() }, services: { main: [never.address] } });
    await eventually(() => rig.admin('/readyz').then(({ status }) => status)).toBe(200);
    const replies = [ask(rig.port), ask(rig.port)].map((reply) => reply.catch((error: Error) => error.message));
    await eventually(() => never.seen.length).toBe(2);
    const stopped = rig.process.stop({ grace: 0, deadline: 300 });
    const { status, text } = await rig.admin('/readyz');
    expect([status, text]).toEqual([503, expect.stringContaining('the gateway is shutting down')]);
    expect(await stopped).toBe(2);
    expect(await Promise.all(replies)).toEqual(['socket hang up', 'socket hang up']);
    await eventually(() => never.aborted).toBe(2);
    const ends = rig.directory.lines.map((line) => line['response_code']);
    expect(ends).toEqual([503, 503]);
    expect(await rig.stop()).toBe(2);
  });
});

describe('what stops', () => {
  it('leaves no handle behind', async () => {
    const server = await upstream('main');
    const before = running();
    const rig = await GatewayRig.start({ tenants: { a: tenantA() }, services: { main: [server.address] } });
    await eventually(() => ask(rig.port).then(({ text }) => text)).toBe('main');
    expect(await rig.stop()).toBe(0);
    await expectReturned(before);
    expect(rig.fatal).toEqual([]);
  });

  it('in a thread as well', async () => {
    const server = await upstream('main');
    const before = running();
    const files = { gateway: { workers: 1 }, tenants: { a: tenantA() }, services: { main: [server.address] } };
    const rig = await GatewayRig.start(files);
    await eventually(() => ask(rig.port).then(({ text }) => text)).toBe('main');
    expect(await rig.stop()).toBe(0);
    await expectReturned(before);
    expect(rig.fatal).toEqual([]);
  });
});
