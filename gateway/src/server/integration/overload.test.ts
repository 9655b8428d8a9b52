import { connect } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { RawClient } from '../listener.suite.ts';
import { ask, eventually, HOST, HttpUpstream } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';

const REQUEST = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
const BIG = 16 * 1024 * 1024;

/** A whole gateway with these bounds; its service answers /big with so many bytes that no client's socket takes them. */
async function start(overload: Readonly<Record<string, unknown>>): Promise<GatewayRig> {
  const server = await new HttpUpstream('main', (request, response) => {
    response.end(request.url === '/big' ? Buffer.alloc(BIG) : 'main');
  }).open();
  onTestFinished(() => server.close());
  const rig = await GatewayRig.start({
    gateway: { overload },
    tenants: { a: tenantA() },
    services: { main: [server.address] },
  });
  onTestFinished(() => rig.stop().then(() => {}));
  await eventually(() => ask(rig.port).then(({ status }) => status)).toBe(200);
  return rig;
}

const level = (rig: GatewayRig): Promise<number | undefined> => rig.metric('sluice_overload_level{worker="0"}');

describe('a gateway that runs short', () => {
  const clients: RawClient[] = [];
  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.destroy();
  });

  function client(rig: GatewayRig): RawClient {
    const opened = new RawClient(rig.port);
    clients.push(opened);
    return opened;
  }

  it('of memory for slow clients answers 503, and serves again when they are gone', async () => {
    const rig = await start({ bufferedBytes: '16KiB' });
    const [steady, slow] = [client(rig), client(rig)];
    await eventually(() => rig.metric('sluice_listener_connections{listener="http"}')).toBe(2);
    slow.socket.pause();
    slow.send(REQUEST.replace('/', '/big'));
    await eventually(() => level(rig)).toBeGreaterThanOrEqual(2);
    // How far above its bound the pressure is, and so whether connections are taken, lies with the sockets' buffers.
    steady.send(REQUEST);
    await eventually(() => steady.text).toMatch(
      /^HTTP\/1\.1 503 [^]*retry-after: [1-5]\r\n[^]*SLUICE_GATEWAY_OVERLOADED/i,
    );
    expect(await rig.metric('sluice_overload_pressure{worker="0",resource="buffered_bytes"}')).toBeGreaterThan(1);
    expect(await rig.metric('sluice_overload_refused_total{what="exchange"}')).toBe(1);
    expect((await rig.admin('/healthz')).status).toBe(200);
    expect((await rig.admin('/readyz')).status).toBe(200);
    slow.socket.destroy();
    await eventually(() => level(rig)).toBe(0);
    steady.send(REQUEST);
    await eventually(() => steady.text).toMatch(/HTTP\/1\.1 200 [^]*main$/);
    expect((await ask(rig.port)).status).toBe(200);
    await eventually(() => rig.directory.lines.map((line) => line['response_flags'])).toContain('OM');
  });

  it('of connections closes new ones at once, refuses no request, and takes connections again', async () => {
    const rig = await start({ connections: 3, idleTimeout: '1h' });
    await eventually(() => rig.metric('sluice_listener_connections{listener="http"}')).toBe(0);
    const held = [client(rig), client(rig), client(rig)];
    await eventually(() => level(rig)).toBe(3);
    const refused = connect(rig.port, '127.0.0.1');
    refused.on('error', () => {});
    await eventually(() => refused.destroyed).toBe(true);
    expect(await rig.metric('sluice_overload_refused_total{what="connection"}')).toBeGreaterThan(0);
    held[0]!.send(REQUEST);
    await eventually(() => held[0]!.text).toMatch(/^HTTP\/1\.1 200 [^]*main$/);
    for (const { socket } of held) socket.destroy();
    await eventually(() =>
      ask(rig.port).then(
        ({ status }) => status,
        () => 0,
      ),
    ).toBe(200);
  });

  it('of connections closes idle ones sooner, before anything else', async () => {
    const rig = await start({ connections: 5, idleTimeout: '100ms' });
    const idle = [client(rig), client(rig), client(rig), client(rig)];
    for (const one of idle) one.send(REQUEST);
    await eventually(() => idle.map(({ text }) => text.endsWith('main'))).toEqual([true, true, true, true]);
    await eventually(() => idle.map(({ closed }) => closed)).toEqual([true, true, true, true]);
    expect(await rig.metric('sluice_overload_refused_total{what="connection"}')).toBe(0);
    expect(await rig.metric('sluice_overload_refused_total{what="exchange"}')).toBe(0);
  });
});
