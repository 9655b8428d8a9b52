import { promisify } from 'node:util';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { issue } from '../../gateway/src/config/certificate.suite.ts';
import { holdIdle } from './idle.ts';
import { HOST, type Target } from './load.ts';
import { Handshakes, OpenLoop } from './own.ts';

// Programs are started that share their CPU with whatever else runs.
vi.setConfig({ testTimeout: 120_000 });

const servers: Server[] = [];
let answered = 0;

const answer: RequestListener = (_request, response) => {
  answered++;
  response.writeHead(200, { 'content-length': 1024 }).end(Buffer.alloc(1024));
};

async function listen(server: Server, tls = false): Promise<Target> {
  servers.push(server);
  answered = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, tls, pinning: null };
}

function secure(): Server {
  const { certificate: cert, key } = issue({ names: [HOST] });
  return createSecureServer({ cert, key }, answer);
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe('the open loop', () => {
  it('sends as many requests as it is told, and sees each answered', async () => {
    const reading = await new OpenLoop(400).run(await listen(createServer(answer)), 1);
    // 20 standard deviations of a Poisson process off, on either side.
    expect(reading.requests).toBeGreaterThan(400);
    expect(reading.requests).toBeLessThan(1600);
    expect(reading).toMatchObject({ requests: answered, errors: 0, seconds: 2.5 });
    expect(reading.p50).toBeGreaterThan(0);
    expect(reading.max).toBeGreaterThanOrEqual(reading.p50);
  });

  it('counts answers other than 200 and broken connections as errors', async () => {
    const server = createServer((_request, response) => {
      if (++answered % 2 === 0) response.writeHead(503, { 'content-length': 0 }).end();
      else response.socket!.destroy();
    });
    const reading = await new OpenLoop(200).run(await listen(server), 1);
    expect(reading.errors).toBe(reading.requests);
    expect(reading.requests).toBeGreaterThan(0);
  });
});

describe('handshakes', () => {
  it.each([false, true])('are of the kind that was asked for (resumed: %s)', async (resumed) => {
    const server = secure();
    const kinds: boolean[] = [];
    server.on('secureConnection', (socket) => kinds.push(socket.isSessionReused()));
    const reading = await new Handshakes(resumed).run(await listen(server, true), 1);
    expect(reading).toMatchObject({ requests: answered, errors: 0 });
    expect(kinds.includes(true)).toBe(resumed);
  });

  it('counts a session that is not resumed as an error', async () => {
    const { certificate: cert, key } = issue({ names: [HOST] });
    const server = createSecureServer({ cert, key }, answer);
    // A server that forgets its ticket keys with every connection.
    server.on('connection', () => server.setTicketKeys(crypto.getRandomValues(Buffer.alloc(48))));
    const reading = await new Handshakes(true).run(await listen(server, true), 1);
    expect(reading.errors).toBeGreaterThan(0);
  });
});

describe('idle connections', () => {
  it.each([false, true])('are open, each after one request, until they are closed (tls: %s)', async (tls) => {
    const server = tls ? secure() : createServer(answer);
    const target = await listen(server, tls);
    const held = await holdIdle(target, 50);
    expect(held.reading).toMatchObject({ requests: 50, errors: 0 });
    expect(answered).toBe(50);
    const count = promisify(server.getConnections.bind(server));
    expect(await count()).toBe(50);
    await held.close();
    await expect.poll(() => count(), { timeout: 60_000 }).toBe(0);
  });
});
