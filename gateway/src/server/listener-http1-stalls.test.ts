import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import { until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { Listener } from './listener.ts';
import { answer, openListener, RawClient } from './listener.suite.ts';
import { specOf, tlsOf } from './tls.suite.ts';

it.each([
  ['HTTP/1.1', null],
  ['HTTP/1.1 in TLS', tlsOf([specOf(issue())])],
])('a client that does not take the end of a response is given up, %s', async (_what, tls) => {
  let begun = 0;
  const listener = await openListener(
    (x) => {
      begun++;
      answer(x, 200, 'x'.repeat(12_000));
    },
    { tls, limits: { stallTimeout: 40 } },
  );
  onTestFinished(() => listener.close());
  const where = { port: listener.port, host: '127.0.0.1' };
  const socket = tls === null ? connect(where) : connectTls({ ...where, rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  const requests = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100);
  socket.write(requests);
  await until(() => begun > 0);
  let before = -1;
  // Until no further request is answered, however many are sent.
  for (let still = 0; still < 50; still = begun === before ? still + 1 : 0) {
    before = begun;
    if (socket.writableLength < 100_000) socket.write(requests);
    await turn();
  }
  await until(() => listener.connections === 0);
  expect([listener.activeExchanges, listener.bufferedBytes]).toEqual([0, 0]);
});

it.each<readonly [string, (client: RawClient, listener: Listener) => void]>([
  ['has ended its own side', (client) => void client.socket.end()],
  ['is cut by a drain', (_client, listener) => void listener.drain(0)],
])('an HTTP/1.0 client that %s sees by a TCP reset that its response is incomplete', async (_how, cut) => {
  const exchanges: Exchange[] = [];
  const listener = await openListener((x) => void exchanges.push(x));
  onTestFinished(() => listener.close());
  const client = new RawClient(listener.port);
  onTestFinished(() => void client.socket.destroy());
  client.send('GET / HTTP/1.0\r\n\r\n');
  await until(() => exchanges.length === 1);
  exchanges[0]!.sink.head(200, new PairHeaders(), false);
  exchanges[0]!.sink.data(Buffer.from('part'));
  await until(() => client.text.endsWith('part'));
  cut(client, listener);
  await until(() => client.closed);
  expect(client.failed).toBe(true);
});

/** A client of a listener that looks for late ones when the test lets 25 ms pass. */
async function connectToSwept(): Promise<RawClient> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const listener = await openListener((x) => answer(x, 200, 'in time'), { limits: { headTimeout: 100 } });
  onTestFinished(() => listener.close());
  const client = new RawClient(listener.port);
  onTestFinished(() => void client.socket.destroy());
  await until(() => listener.connections === 1);
  return client;
}

it('no client is called late for what the gateway itself was too busy to read', async () => {
  const client = await connectToSwept();
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  // The process stood still for a minute, and goes on with its timers.
  const later = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  vi.advanceTimersByTime(25);
  later.mockRestore();
  await until(() => client.text.endsWith('in time') || client.closed);
  expect(client.text).toMatch(/^HTTP\/1\.1 200 /);
});

it('a client that is late is told so, also after a time in which the gateway was too busy', async () => {
  const client = await connectToSwept();
  const now = vi.spyOn(performance, 'now');
  onTestFinished(() => now.mockRestore());
  // However long each turn takes.
  for (let minutes = 1; minutes <= 2; minutes++) {
    now.mockReturnValue(minutes * 6_000_000);
    vi.advanceTimersByTime(25);
  }
  now.mockRestore();
  await until(() => client.closed);
  expect(client.text).toBe('');
});
