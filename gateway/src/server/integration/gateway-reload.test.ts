import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask, deadPort, HttpUpstream, patiently as eventually } from './fixture.suite.ts';
import { type GatewayFiles, GatewayRig, tenantA } from './gateway-rig.suite.ts';

vi.setConfig({ testTimeout: 60_000 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TENANTS = { a: tenantA({ routes: [{ id: 'here', respond: { body: 'here' } }] }) };

async function start(gateway: GatewayFiles['gateway'] = {}): Promise<GatewayRig> {
  const rig = await GatewayRig.start({ gateway, tenants: TENANTS });
  cleanups.push(() => rig.stop());
  return rig;
}

const at = (port: number, name = 'http') => ({ name, address: '127.0.0.1', port });
const textAt = (port: number) => ask(port).then(({ text }) => text, String);
const fileState = async (rig: GatewayRig) => {
  const { gateway } = JSON.parse((await rig.admin('/api/snapshot')).text) as {
    gateway: { state: string; errors: string[]; pending: string[] };
  };
  return gateway;
};

describe.each([0, 2])('gateway.yaml of a running gateway, workers: %d', (workers) => {
  it('moves, adds and removes listeners', async () => {
    const [first, second, third] = [await deadPort(), await deadPort(), await deadPort()];
    const rig = await start({ workers, listeners: [at(first)] });
    expect(await textAt(first)).toBe('here');
    rig.directory.writeGateway({ listeners: [at(second), at(third, 'more')] });
    await eventually(() => rig.process.listeners.map(({ name, port }) => [name, port])).toEqual([
      ['http', second],
      ['more', third],
    ]);
    await eventually(() => textAt(first)).toMatch('ECONNREFUSED');
    expect([await textAt(second), await textAt(third)]).toEqual(['here', 'here']);
    expect(await rig.metric('sluice_config_gateway_state{state="active"}')).toBe(1);
    rig.directory.writeGateway({ listeners: [at(third, 'renamed')] });
    await eventually(() => textAt(second)).toMatch('ECONNREFUSED');
    expect(await textAt(third)).toBe('here');
    await eventually(() => rig.metric('sluice_listener_connections{listener="renamed"}')).toBe(0);
  });

  it('keeps the former listeners when the new ones cannot be opened, and tries again when told to', async () => {
    const [first, free] = [await deadPort(), await deadPort()];
    const other = await new HttpUpstream('other').open();
    const { port: taken } = other;
    let closed: Promise<void> | null = null;
    const closeOther = (): Promise<void> => (closed ??= other.close());
    cleanups.push(closeOther);
    const rig = await start({ workers, listeners: [at(first)] });
    rig.directory.writeGateway({ listeners: [at(free), at(taken, 'taken')] });
    await eventually(() => fileState(rig).then(({ state }) => state)).toBe('stale');
    expect((await fileState(rig)).errors[0]).toMatch(`listener taken (127.0.0.1:${taken}): The port`);
    expect(await textAt(first)).toBe('here');
    expect(await textAt(free)).toMatch('ECONNREFUSED');
    expect(await rig.admin('/readyz')).toMatchObject({ status: 200, text: expect.stringContaining('listener taken') });
    await closeOther();
    await rig.process.reload();
    expect((await fileState(rig)).state).toBe('active');
    expect([await textAt(free), await textAt(taken)]).toEqual(['here', 'here']);
  });

  it('changes nothing while it is broken, and names what waits for a restart', async () => {
    const rig = await start({ workers });
    const { port } = rig;
    rig.directory.writeGateway('apiVersion: sluice/v1\nlisteners: [');
    await eventually(() => fileState(rig)).toMatchObject({
      state: 'stale',
      errors: expect.arrayContaining([expect.stringMatching(/gateway\.yaml:2:\d+/)]),
    });
    expect(await rig.metric('sluice_config_gateway_state{state="stale"}')).toBe(1);
    expect(await rig.metric('sluice_config_reloads_total{result="failure"}')).toBe(1);
    rig.directory.writeGateway({ trustedProxies: ['10.0.0.0/8'] });
    await eventually(() => fileState(rig)).toMatchObject({ state: 'pending', pending: ['trustedProxies'], errors: [] });
    rig.directory.writeGateway({});
    await eventually(() => fileState(rig)).toMatchObject({ state: 'active', pending: [] });
    expect(rig.port).toBe(port);
    expect(await textAt(port)).toBe('here');
  });
});

describe('a steady load on two workers', () => {
  it('loses nothing while listeners come and go beside it', async () => {
    const [busy, other] = [await deadPort(), await deadPort()];
    const rig = await start({ workers: 2, listeners: [at(busy)] });
    const outcomes: string[] = [];
    const load = { on: true };
    const send = async (): Promise<void> => {
      while (load.on) outcomes.push(await textAt(busy));
    };
    const loaders = [send(), send()];
    for (let i = 0; i < 6; i++) {
      const more = i % 2 === 0;
      const limits = { idleTimeout: `${60 + i}s` };
      rig.directory.writeGateway({ listeners: [{ ...at(busy), limits }, ...(more ? [at(other, 'other')] : [])] });
      await eventually(() => textAt(other)).toMatch(more ? 'here' : 'ECONNREFUSED');
    }
    load.on = false;
    await Promise.all(loaders);
    expect(outcomes.filter((outcome) => outcome !== 'here')).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(20);
  });
});
