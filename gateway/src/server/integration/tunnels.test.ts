import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import { pattern } from '../../exchange/probes.suite.ts';
import { RawClient } from '../listener.suite.ts';
import { eventually, HOST } from './fixture.suite.ts';
import { GatewayRig, tenantA } from './gateway-rig.suite.ts';
import { type ProxyOptions, type ProxyRig, raw, rigOf } from './proxy-rig.suite.ts';

const HANDSHAKE = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

interface Ends {
  readonly rig: ProxyRig;
  readonly client: RawClient;
  /** The service's side of the tunnel. */
  readonly far: Socket;
  /** What the service got behind its 101. */
  readonly received: () => string;
}

/** A tunnel that stands, with both of its ends. */
async function tunnel(limits: ProxyOptions['limits'] = {}): Promise<Ends> {
  const server = await raw((socket, text) => void (text.startsWith('GET ') && socket.write(SWITCH)));
  const rig = await rigOf({ limits }, [server.port]);
  const client = new RawClient(rig.port);
  client.send(HANDSHAKE);
  await eventually(() => client.text).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\n$/);
  client.text = '';
  const head = server.received.length;
  const far = server.sockets[0]!;
  far.allowHalfOpen = true;
  return { rig, client, far, received: () => server.received.slice(head) };
}

async function expectEnded({ rig, client, far }: Ends, line: Record<string, unknown>): Promise<void> {
  await eventually(() => [client.closed, far.destroyed || far.readableEnded]).toEqual([true, true]);
  await eventually(() => rig.lines).toHaveLength(1);
  expect(rig.lines[0]).toMatchObject({ response_code: 101, ...line });
  await rig.expectIdle();
  await eventually(() => [rig.listener.connections, rig.listener.activeExchanges]).toEqual([0, 0]);
}

describe('a tunnel', () => {
  it('carries much both ways at once', async () => {
    const ends = await tunnel();
    const bytes = pattern(8 * 1024 * 1024);
    ends.far.end(bytes);
    ends.client.socket.end(bytes.subarray(1));
    await eventually(() => [ends.client.text.length, ends.received().length]).toEqual([bytes.length, bytes.length - 1]);
    expect(Buffer.from(ends.client.text, 'latin1').equals(bytes)).toBe(true);
    expect(Buffer.from(ends.received(), 'latin1').equals(bytes.subarray(1))).toBe(true);
    const line = { bytes_sent: bytes.length, bytes_received: bytes.length - 1, response_flags: '-' };
    await expectEnded(ends, line);
  });

  it.each(['client', 'service'])('holds little for a %s that takes nothing', async (who) => {
    const ends = await tunnel();
    const [taker, giver] = who === 'client' ? [ends.client.socket, ends.far] : [ends.far, ends.client.socket];
    taker.pause();
    let written = 0;
    // What the kernel takes on the way is taken; then it stands still.
    for (let still = 0; still < 50 && written < 256; ) {
      if (giver.writableLength === 0) {
        giver.write(Buffer.alloc(1024 * 1024));
        written++;
        still = 0;
      }
      await new Promise((resolve) => setImmediate(resolve));
      still++;
    }
    expect(written).toBeLessThan(256);
    const { bufferedBytes } = ends.rig.listener;
    expect([bufferedBytes > 0, bufferedBytes < 1024 * 1024]).toEqual([true, true]);
    taker.resume();
    await eventually(() => (who === 'client' ? ends.client.text : ends.received()).length).toBe(written * 1024 * 1024);
    giver.end();
    taker.end();
    await expectEnded(ends, { response_flags: '-' });
  });

  it.each(['client', 'service'])('goes on one way after the %s has ended its own', async (who) => {
    const ends = await tunnel();
    const [early, late] = who === 'client' ? [ends.client.socket, ends.far] : [ends.far, ends.client.socket];
    const heardOfLate = (): string => (who === 'client' ? ends.client.text : ends.received());
    const ended = new Promise((resolve) => late.once('end', resolve));
    late.allowHalfOpen = true;
    early.allowHalfOpen = true;
    early.end('that was all');
    await ended;
    late.write('but not ');
    await eventually(heardOfLate).toBe('but not ');
    late.end('of me');
    await eventually(heardOfLate).toBe('but not of me');
    await expectEnded(ends, { response_flags: '-' });
  });

  it('whose client breaks off ends for the service', async () => {
    const ends = await tunnel();
    ends.client.send('half a message');
    await eventually(ends.received).toBe('half a message');
    ends.client.socket.resetAndDestroy();
    await expectEnded(ends, {
      response_flags: 'DC',
      response_code_details: 'SLUICE_CLIENT_ABORTED',
      bytes_received: 14,
    });
  });

  it('whose service breaks off ends for the client', async () => {
    const ends = await tunnel();
    ends.far.write('half a message');
    await eventually(() => ends.client.text).toBe('half a message');
    ends.far.resetAndDestroy();
    await expectEnded(ends, { response_flags: 'UC', response_code_details: 'SLUICE_UPSTREAM_RESET', bytes_sent: 14 });
  });

  it('in which nothing moves ends after the idle limit', async () => {
    const ends = await tunnel({ upgradeIdleTimeout: 30 });
    await expectEnded(ends, { response_code_details: 'SLUICE_UPGRADE_IDLE' });
  });

  it('is none of the idle connections, slow heads and slow bodies of its listener', async () => {
    const ends = await tunnel({ idleTimeout: 20, headTimeout: 20, stallTimeout: 20 });
    const started = performance.now();
    await eventually(() => performance.now() - started > 200).toBe(true);
    ends.client.send('still here');
    await eventually(ends.received).toBe('still here');
    ends.client.socket.destroy();
  });

  it('goes on while its listener drains, and lets the drain end when it ends', async () => {
    const ends = await tunnel();
    const drained = ends.rig.listener.drain(LIMITS.drainDeadlineMs);
    ends.client.send('ping');
    await eventually(ends.received).toBe('ping');
    ends.far.end('pong');
    await eventually(() => ends.client.text).toBe('pong');
    ends.client.socket.end();
    expect(await drained).toBe(0);
    await expectEnded(ends, { response_flags: '-', bytes_sent: 4, bytes_received: 4 });
  });

  it('is cut at the deadline of a drain, and counted', async () => {
    const ends = await tunnel();
    expect(await ends.rig.listener.drain(20)).toBe(1);
    await expectEnded(ends, { response_flags: 'LR', response_code_details: 'SLUICE_GATEWAY_DRAINING' });
  });

  it('stays when its endpoint leaves the list', async () => {
    const ends = await tunnel();
    ends.rig.setEndpoints([]);
    ends.client.send('still here');
    await eventually(ends.received).toBe('still here');
    ends.client.socket.end();
    ends.far.end();
    await expectEnded(ends, { response_flags: '-' });
  });
});

describe('tunnels that a gateway cuts when it ends', () => {
  it('each leave a line in the access log', async () => {
    const server = await raw((socket, text) => void (text.startsWith('GET ') && socket.write(SWITCH)));
    const rig = await GatewayRig.start({
      gateway: { shutdown: { grace: '0s', deadline: '1ms' } },
      tenants: { a: tenantA({}) },
      services: { main: [`127.0.0.1:${server.port}`] },
    });
    await eventually(() => rig.admin('/readyz').then(({ status }) => status)).toBe(200);
    const clients = Array.from({ length: 20 }, () => new RawClient(rig.port));
    for (const client of clients) client.send(HANDSHAKE);
    await eventually(() => clients.every(({ text }) => text.startsWith('HTTP/1.1 101'))).toBe(true);
    await rig.process.stop();
    const { lines } = rig.directory;
    expect(lines.map((line) => line['response_code_details'])).toEqual(clients.map(() => 'SLUICE_GATEWAY_DRAINING'));
    rig.directory.remove();
  });
});
