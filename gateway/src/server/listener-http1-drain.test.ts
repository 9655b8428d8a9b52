import { afterEach, describe, expect, it } from 'vitest';
import { SinkProbe, settle, until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { Listener } from './listener.ts';
import { answer, openListener, RawClient, type TestOptions } from './listener.suite.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('listener, HTTP/1.1: drain', () => {
  let listener: Listener;
  const clients: RawClient[] = [];
  const exchanges: Exchange[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await listener.close();
    exchanges.length = 0;
  });

  async function start(options: TestOptions = {}): Promise<void> {
    listener = await openListener((x) => void exchanges.push(x), options);
  }

  async function request(text = GET): Promise<RawClient> {
    const client = new RawClient(listener.port);
    clients.push(client);
    const before = exchanges.length;
    client.send(text);
    await until(() => exchanges.length > before);
    return client;
  }

  it('closes idle connections, finishes exchanges and takes no new connection', async () => {
    await start();
    const idle = await request();
    answer(exchanges[0]!, 200, 'first');
    await until(() => idle.text.endsWith('first'));
    const busy = await request();
    let cut = -1;
    const drained = listener.drain().then((count) => {
      cut = count;
    });
    await until(() => idle.closed);
    expect(busy.closed).toBe(false);
    const late = new RawClient(listener.port);
    clients.push(late);
    await until(() => late.closed);
    expect(late.failed).toBe(true);
    expect([cut, listener.activeExchanges, listener.connections]).toEqual([-1, 1, 1]);
    answer(exchanges[1]!, 200, 'last');
    await drained;
    await until(() => busy.closed);
    expect(cut).toBe(0);
    expect(busy.text.endsWith('last')).toBe(true);
    expect(busy.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(listener.connections).toBe(0);
  });

  it('closes a connection whose head had promised to stay', async () => {
    await start();
    const client = await request();
    const { sink } = exchanges[0]!;
    sink.head(200, new PairHeaders(['content-length', '2']), false);
    await until(() => client.text.includes('200'));
    const drained = listener.drain();
    await settle();
    sink.data(Buffer.from('ok'));
    sink.end();
    expect(await drained).toBe(0);
    await until(() => client.closed);
    expect(client.text.endsWith('ok')).toBe(true);
  });

  it('cuts off what is left at the deadline, and counts it', async () => {
    await start();
    const client = await request();
    const writer = new SinkProbe(exchanges[0]!.sink);
    expect(await listener.drain(20)).toBe(1);
    expect(writer.closed).toBe(1);
    await until(() => client.closed);
  });

  it('serves a connection whose first request is still on its way', async () => {
    await start();
    const client = new RawClient(listener.port);
    clients.push(client);
    await until(() => listener.connections === 1);
    const drained = listener.drain();
    await settle();
    client.send(GET);
    await until(() => exchanges.length === 1);
    answer(exchanges[0]!, 200, 'served');
    expect(await drained).toBe(0);
    await until(() => client.closed);
    expect(client.text).toMatch(/\r\nconnection: close\r\n.*served$/is);
  });

  it('does not wait for a head that never ends', async () => {
    await start({ lingerMs: 20 });
    const client = new RawClient(listener.port);
    clients.push(client);
    client.send('GET / HTTP/1.1\r\nHost');
    await until(() => listener.connections === 1);
    await settle();
    expect(await listener.drain()).toBe(0);
    await until(() => client.closed);
  });

  it('gives every caller the same promise', async () => {
    await start();
    expect(listener.drain()).toBe(listener.drain());
    await listener.drain();
  });
});
