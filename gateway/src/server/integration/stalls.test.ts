import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../core/errors.ts';
import { RawClient } from '../listener.suite.ts';
import { ask, eventually, HOST } from './fixture.suite.ts';
import { type ProxyRig, raw, rigOf, upstream } from './proxy-rig.suite.ts';

const HEAD = `Host: ${HOST}\r\n`;
const SHORT = { client: { keepAliveMs: 20 } };

async function expectNothingLeft(rig: ProxyRig): Promise<void> {
  await rig.expectIdle();
  await eventually(() => [rig.listener.connections, rig.listener.activeExchanges]).toEqual([0, 0]);
  expect(rig.listener.bufferedBytes).toBe(0);
  await eventually(() => rig.upstreamWheel.size).toBe(0);
  expect(rig.errors).toEqual([]);
}

/** Writes on and on until the other side has taken nothing more for a while, or is gone. */
async function flood(client: RawClient, piece: Buffer, most: number): Promise<number> {
  let sent = 0;
  while (sent < most && !client.closed && client.socket.writableLength < 1024 * 1024) {
    client.socket.write(piece);
    sent += piece.length;
    await turn();
  }
  return sent;
}

describe('a body that comes too slowly', () => {
  it('byte by byte, is given up, however steadily', async () => {
    const server = await upstream('main', (request) => void request.resume());
    const rig = await rigOf({ ...SHORT, limits: { stallTimeout: 400, minBodyRate: 10_000 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 100000\r\n\r\n`);
    const drip = setInterval(() => client.send('x'), 5);
    await eventually(() => client.closed).toBe(true);
    clearInterval(drip);
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.json()).toMatchObject({ error: { code: 'SLUICE_REQUEST_TIMEOUT' satisfies ErrorCode } });
    await eventually(() => server.aborted).toBe(1);
    await expectNothingLeft(rig);
    expect(rig.lines[0]).toMatchObject({ response_code: 408, response_flags: 'RT' });
  });

  it('with nobody to take it, is waited for', async () => {
    const sockets: Socket[] = [];
    const server = await raw((socket, text) => {
      if (text.startsWith('POST')) sockets.push(socket.pause());
      if (text.endsWith('0\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const rig = await rigOf({ ...SHORT, limits: { stallTimeout: 300, minBodyRate: 1000 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const piece = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    await flood(client, piece, 64 * 1024 * 1024);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    // Longer than the listener waits for a client that could send.
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect([client.closed, client.text]).toEqual([false, '']);
    client.send('0\r\n\r\n');
    sockets[0]!.resume();
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });
});

describe('a client that never reads', () => {
  it('is cut off with whatever it has asked for', async () => {
    const server = await upstream('main', (_request, response) => void response.end('x'.repeat(12_000)));
    const rig = await rigOf({ ...SHORT, limits: { stallTimeout: 40 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.socket.pause();
    const request = Buffer.from(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await flood(client, Buffer.concat(Array.from({ length: 100 }, () => request)), 1024 * 1024 * 1024);
    await eventually(() => rig.listener.connections).toBe(0);
    await expectNothingLeft(rig);
    client.socket.destroy();
  });

  it('while it sends what an echo sends back, is cut off, and the echo too', async () => {
    const server = await upstream('main', (request, response) => {
      request.on('error', () => {});
      response.writeHead(200);
      request.pipe(response);
    });
    const rig = await rigOf({ ...SHORT, limits: { stallTimeout: 100, requestBody: 1024 ** 3 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.socket.pause();
    client.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await flood(client, Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`), 1024 ** 3);
    await eventually(() => server.aborted).toBe(1);
    await expectNothingLeft(rig);
    client.socket.destroy();
  });

  it('does not collect what is only news', async () => {
    const hints = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(8_000)}\r\n\r\n`;
    let sent = 0;
    const server = await raw((socket) => {
      const more = (): void => {
        let flowing = true;
        for (; flowing && sent < 5_000; sent++) flowing = socket.write(hints);
        if (sent < 5_000) socket.once('drain', more);
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      };
      more();
    });
    const rig = await rigOf(SHORT, [server.port]);
    const client = new RawClient(rig.port);
    client.socket.pause();
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => sent).toBe(5_000);
    await eventually(() => rig.lines.length + Number(rig.listener.bufferedBytes > 0)).toBeGreaterThan(0);
    expect(rig.listener.bufferedBytes).toBeLessThan(1024 * 1024);
    client.socket.resume();
    await eventually(() => client.text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    expect(client.text.length).toBeLessThan(5_000 * hints.length);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });
});

describe('an upstream that never reads', () => {
  it('is given up with the time of its request, while others are served', async () => {
    const server = await raw((socket) => void socket.pause());
    const other = await upstream('other');
    const service = { static: [{ address: '127.0.0.1:1' }] };
    const rig = await rigOf(
      {
        ...SHORT,
        tenant: {
          services: { main: service, other: service },
          routes: [
            { id: 'other', match: [{ path: { exact: '/other' } }], upstream: { service: 'other' } },
            { id: 'all', upstream: { service: 'main' }, timeouts: { request: '100ms' } },
          ],
        },
      },
      [server.port],
    );
    rig.setEndpoints([other.port], 'other');
    const client = new RawClient(rig.port);
    client.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    await flood(client, Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`), 64 * 1024 * 1024);
    expect((await ask(rig.port, { path: '/other' })).text).toBe('other');
    await eventually(() => client.text).toMatch(/^HTTP\/1\.1 504 /);
    expect(client.text).toContain('SLUICE_UPSTREAM_TIMEOUT');
    await eventually(() => server.sockets[0]!.resume().closed).toBe(true);
    client.socket.destroy();
    await expectNothingLeft(rig);
  });
});

describe('requests per connection', () => {
  it('are counted, and the last one is told', async () => {
    const server = await upstream('main');
    const rig = await rigOf({ ...SHORT, limits: { requestsPerConnection: 3 } }, [server.port]);
    const client = new RawClient(rig.port);
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`.repeat(5));
    await eventually(() => client.closed).toBe(true);
    expect([client.text.match(/HTTP\/1\.1 200 /g)?.length, server.seen.length]).toEqual([3, 3]);
    expect(client.text.match(/connection: close/gi)).toHaveLength(1);
    expect(client.text.lastIndexOf('HTTP/1.1 200 ')).toBeLessThan(client.text.indexOf('connection: close'));
    await expectNothingLeft(rig);
  });
});
