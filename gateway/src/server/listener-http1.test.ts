import { createServer, Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { runContract } from '../exchange/contract.suite.ts';
import { BodyProbe, pattern, SinkProbe, settle, until } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { issue } from '../config/certificate.suite.ts';
import type { Listener } from './listener.ts';
import { answer, HttpClient, openListener, RawClient, type TestOptions } from './listener.suite.ts';
import { specOf, tlsOf } from './tls.suite.ts';

const TRANSPORTS = { 'HTTP/1.1': null, 'HTTP/1.1 in TLS': tlsOf([specOf(issue())]) };
for (const [name, tls] of Object.entries(TRANSPORTS)) {
  runContract(
    `listener, ${name}`,
    async ({ method, bodyLength, upgrade }) => {
      const begun = Promise.withResolvers<void>();
      let exchange: Exchange | null = null;
      const listener = await openListener(
        (x) => {
          exchange = x;
          begun.resolve();
        },
        { tls },
      );
      const headers = bodyLength === null || bodyLength >= 0 ? [] : ['Transfer-Encoding', 'chunked'];
      if (bodyLength !== null && bodyLength >= 0) headers.push('Content-Length', String(bodyLength));
      if (upgrade !== '') headers.push('Connection', 'Upgrade', 'Upgrade', upgrade);
      const client = new HttpClient(listener.port, { method, headers, secure: tls !== null });
      if (bodyLength === null) client.end();
      await begun.promise;
      return {
        sender: client,
        bodyReceiver: bodyLength === null ? (null as never) : new BodyProbe(exchange!.body!),
        response: new SinkProbe(exchange!.sink),
        client,
        begun: begun.promise,
        close: async () => {
          client.close();
          await listener.close();
        },
      };
    },
    { requestTrailers: true },
  );
}

describe('listener, HTTP/1.1', () => {
  const listeners: Listener[] = [];
  const clients: RawClient[] = [];
  const exchanges: Exchange[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const client of clients.splice(0)) client.socket.destroy();
    for (const listener of listeners.splice(0)) await listener.close();
    exchanges.length = 0;
  });

  async function start(
    handler: (x: Exchange) => void = (x) => answer(x, 200, 'ok'),
    options: TestOptions = {},
  ): Promise<Listener> {
    const listener = await openListener((x) => {
      exchanges.push(x);
      handler(x);
    }, options);
    listeners.push(listener);
    return listener;
  }

  function raw(listener: Listener, text = ''): RawClient {
    const client = new RawClient(listener.port);
    clients.push(client);
    client.send(text);
    return client;
  }

  it('makes an exchange of a request', async () => {
    const listener = await start();
    const client = raw(
      listener,
      'GET /a?b=%2f HTTP/1.1\r\nHost: A.example:81\r\nX-b: 1\r\nx-A: \xe9\r\nX-B: 2\r\n\r\n',
    );
    await until(() => client.text.endsWith('ok'));
    const x = exchanges[0]!;
    const expected = ['HTTP/1.1', 'GET', '/a?b=%2f', '/a', 'b=%2f', 'A.example:81'];
    expect([x.protocol, x.method, x.target, x.path, x.query, x.authority]).toEqual(expected);
    expect(x.requestHeaders.toPairs()).toEqual(['Host', 'A.example:81', 'X-b', '1', 'x-A', '\xe9', 'X-B', '2']);
    expect(x.body).toBeNull();
    expect(x.connection).toMatchObject({ listener: 'test', remoteAddress: '127.0.0.1', tls: false });
    expect(x.connection.remotePort).toBe(client.socket.localPort);
    expect(x.connection.localPort).toBe(listener.port);
  });

  it('takes an absolute target whose authority is that of Host', async () => {
    const client = raw(await start(), 'GET http://b.example:82/x?y HTTP/1.1\r\nHost: B.example:82\r\n\r\n');
    await until(() => client.text.endsWith('ok'));
    expect(exchanges[0]).toMatchObject({ target: '/x?y', authority: 'b.example:82' });
    expect(exchanges[0]!.requestHeaders.get('host')).toBe('b.example:82');
  });

  it('keeps the connection and serves pipelined requests in order', async () => {
    const client = raw(
      await start((x) => answer(x, 200, x.path)),
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    await until(() => client.text.endsWith('/2'));
    expect(client.text.indexOf('/1')).toBeGreaterThan(0);
    client.send('GET /3 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => client.text.endsWith('/3'));
    expect(exchanges[2]!.connection).toBe(exchanges[0]!.connection);
  });

  it('begins a pipelined request when the one before it has its answer', async () => {
    const listener = await start((x) => void (x.path === '/2' && answer(x, 200, 'second')));
    const client = raw(listener, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    await settle();
    expect([exchanges.length, client.text]).toEqual([1, '']);
    answer(exchanges[0]!, 200, 'first');
    await until(() => client.text.endsWith('second'));
    expect(client.text.indexOf('first')).toBeGreaterThan(0);
    await until(() => listener.activeExchanges === 0);
  });

  it('answers a thousand pipelined requests in order, whatever pieces they come in', async () => {
    const listener = await start((x) => answer(x, 200, `${x.path};`));
    const requests = Array.from({ length: 1000 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).join('');
    const client = raw(listener, requests.slice(0, 20_011));
    client.send(requests.slice(20_011));
    await until(() => client.text.endsWith('/999;'));
    expect(client.text.match(/\/\d+(?=;)/g)).toEqual(Array.from({ length: 1000 }, (_, i) => `/${i}`));
  });

  it('begins no request before the client has taken the answer to the one before it', async () => {
    const body = 'x'.repeat(12 * 1024);
    const listener = await start((x) => answer(x, 200, body));
    const client = raw(listener, '');
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1500));
    await until(() => listener.bufferedBytes > 0);
    await settle();
    expect(exchanges.length).toBeLessThan(1500);
    expect(listener.activeExchanges).toBe(1);
    client.socket.resume();
    await until(() => exchanges.length === 1500 && listener.activeExchanges === 0);
    await until(() => client.text.length > 1500 * body.length);
    expect(client.text.split('HTTP/1.1 200').length).toBe(1501);
  });

  it('holds what is sent ahead within bounds', async () => {
    const listener = await start(() => {});
    const client = raw(listener, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    client.send('x'.repeat(8 * 1024 * 1024));
    await settle();
    await settle();
    expect(listener.bufferedBytes).toBeLessThan(1024 * 1024);
    expect(client.socket.writableLength).toBeGreaterThan(1024 * 1024);
  });

  it('tells an exchange that the client left, with more sent ahead', async () => {
    const listener = await start(() => {});
    const client = raw(listener, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    const writer = new SinkProbe(exchanges[0]!.sink);
    client.socket.destroy();
    await until(() => listener.activeExchanges === 0);
    expect([writer.closed, exchanges.length, listener.connections]).toEqual([1, 1, 0]);
  });

  it('serves HTTP/1.0 without chunks, and closes', async () => {
    const listener = await start((x) => {
      x.sink.head(200, new PairHeaders(), false);
      x.sink.data(Buffer.from('to the end'));
      x.sink.trailers(new PairHeaders(['x-lost', '1']));
      x.sink.end();
    });
    const client = raw(listener, 'GET / HTTP/1.0\r\n\r\n');
    await until(() => client.closed);
    expect(exchanges[0]).toMatchObject({ protocol: 'HTTP/1.0', authority: '' });
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.text).not.toMatch(/transfer-encoding|x-lost/i);
    expect(client.text.endsWith('\r\n\r\nto the end')).toBe(true);
  });

  it('shows an HTTP/1.0 client by a TCP reset that its response is incomplete', async () => {
    const client = raw(await start(() => {}), 'GET / HTTP/1.0\r\n\r\n');
    await until(() => exchanges.length === 1);
    exchanges[0]!.sink.head(200, new PairHeaders(), false);
    exchanges[0]!.sink.data(Buffer.from('part'));
    await until(() => client.text.endsWith('part'));
    exchanges[0]!.sink.reset('SLUICE_UPSTREAM_RESET');
    await until(() => client.closed);
    expect(client.failed).toBe(true);
  });

  it.each([
    ['HEAD', 200, ['content-length', '5'], 'content-length: 5'],
    ['GET', 304, ['etag', '"x"', 'content-length', '5'], 'content-length: 5'],
    ['GET', 204, ['content-length', '5'], ''],
    ['GET', 200, [], 'content-length: 0'],
  ])('frames a bodyless %s %i', async (method, status, pairs, expected) => {
    const listener = await start((x) => {
      x.sink.head(status, new PairHeaders([...pairs]), true);
      x.sink.end();
    });
    const client = raw(listener, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => client.text.includes('\r\n\r\n'));
    const length = /content-length: \d+/.exec(client.text)?.[0] ?? '';
    expect(length).toBe(expected);
    expect(client.text).not.toMatch(/transfer-encoding/i);
    expect(client.text.endsWith('\r\n\r\n')).toBe(true);
    const first = client.text.length;
    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => client.text.length > first);
  });

  it('answers an expectation when the body is wanted', async () => {
    const client = raw(
      await start(() => {}),
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
    );
    await until(() => exchanges.length === 1);
    expect(exchanges[0]!.requestHeaders.has('expect')).toBe(false);
    await settle();
    expect(client.text).toBe('');
    const body = new BodyProbe(exchanges[0]!.body!);
    body.start();
    await until(() => client.text === 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('body');
    await until(() => body.ended);
    expect(body.received.toString()).toBe('body');
    answer(exchanges[0]!, 200, 'ok');
    await until(() => client.text.endsWith('ok'));
    expect(client.text).not.toMatch(/connection:/i);
  });

  it('answers an expectation with the final response when the body is not wanted', async () => {
    const listener = await start((x) => {
      x.body!.stop();
      answer(x, 403, 'no');
    });
    const client = raw(listener, 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    await until(() => client.closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 403 /);
    expect(client.text).toMatch(/connection: close/i);
  });

  it('reads the rest of a small unwanted body and keeps the connection', async () => {
    const client = raw(
      await start((x) => answer(x, 404, 'none')),
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n',
    );
    await until(() => client.text.endsWith('none'));
    expect(client.text).not.toMatch(/connection:/i);
    client.send('x'.repeat(1000));
    client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 2);
    expect(exchanges[1]!.path).toBe('/2');
  });

  it.each([
    ['large', `Content-Length: ${LIMITS.requestDrainBytes * 8}`],
    ['endless', 'Transfer-Encoding: chunked'],
  ])('closes on a %s unwanted body, and the answer arrives while the client still sends', async (_what, framing) => {
    const client = raw(
      await start((x) => answer(x, 413, 'too big')),
      `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`,
    );
    const block = framing.startsWith('C') ? 'x'.repeat(65_536) : `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let i = 0; i < 8; i++) client.send(block);
    await until(() => client.text.includes('too big'));
    expect(client.text).toMatch(/connection: close/i);
    expect(client.failed).toBe(false);
    await until(() => client.closed);
    expect(exchanges).toHaveLength(1);
  });

  it('reports a broken chunk to the reader, and lets it answer', async () => {
    const listener = await start(() => {});
    const client = raw(listener, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n');
    await until(() => exchanges.length === 1);
    const body = new BodyProbe(exchanges[0]!.body!);
    body.start();
    await until(() => body.received.length === 4);
    client.send('zz\r\n');
    await until(() => body.failed);
    expect(body.code).toBe('SLUICE_REQUEST_INVALID');
    answer(exchanges[0]!, 400, 'bad');
    await until(() => client.closed);
    expect(client.text.endsWith('bad')).toBe(true);
  });

  it('gives up a client that stops in the middle of its body', async () => {
    const listener = await start(() => {}, { limits: { stallTimeout: 50 } });
    const client = raw(listener, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
    await until(() => exchanges.length === 1);
    const body = new BodyProbe(exchanges[0]!.body!);
    body.start();
    await until(() => body.failed);
    expect(body.code).toBe('SLUICE_REQUEST_TIMEOUT');
    answer(exchanges[0]!, 408, 'slow');
    await until(() => client.closed);
    expect(client.text.endsWith('slow')).toBe(true);
  });

  it('waits longer for a slow answer than for a silent client', async () => {
    const listener = await start(() => {}, { limits: { stallTimeout: 20 } });
    const client = raw(listener, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
    await until(() => exchanges.length === 1);
    const body = new BodyProbe(exchanges[0]!.body!);
    body.start();
    await until(() => body.ended);
    await new Promise((resolve) => setTimeout(resolve, 80));
    answer(exchanges[0]!, 200, 'ok');
    await until(() => client.text.endsWith('ok'));
  });

  it('gives up a client that takes nothing of its response', async () => {
    const listener = await start(() => {}, { limits: { stallTimeout: 50 } });
    const client = raw(listener, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    await until(() => exchanges.length === 1);
    const writer = new SinkProbe(exchanges[0]!.sink);
    writer.head(200, [], false);
    const chunk = pattern(64 * 1024);
    let more = true;
    for (let drains = 0; writer.closed === 0; await turn()) {
      if (more || writer.drains > drains) {
        drains = writer.drains;
        more = writer.data(chunk);
      }
    }
    expect(listener.activeExchanges).toBe(0);
  });

  it('replaces a head that cannot be written by an error', async () => {
    const listener = await start(() => {});
    const client = raw(listener, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    const writer = new SinkProbe(exchanges[0]!.sink);
    writer.head(200, ['content-length', '3', 'x-bad', 'a\r\nset-cookie: b'], false);
    writer.data(Buffer.from('abc'));
    writer.end();
    await until(() => client.closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 500 /);
    expect(client.text).not.toContain('set-cookie');
    expect(client.json()).toMatchObject({ error: { code: 'SLUICE_GATEWAY_INTERNAL' } });
    expect(writer.closed).toBe(1);
  });

  it.each([
    ['longer', 'abcdef'],
    ['shorter', 'ab'],
  ])('tears down a response %s than its content-length', async (_what, text) => {
    const listener = await start(() => {});
    const client = raw(listener, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => exchanges.length === 1);
    const writer = new SinkProbe(exchanges[0]!.sink);
    writer.head(200, ['content-length', '3'], false);
    writer.data(Buffer.from(text));
    writer.end();
    await until(() => client.closed);
    expect(client.text).not.toContain('def');
    expect(listener.activeExchanges).toBe(0);
  });

  it('answers 500 when the handler throws', async () => {
    const client = raw(
      await start(() => {
        throw new Error('bug');
      }),
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab',
    );
    await until(() => client.closed);
    expect(client.text).toMatch(/^HTTP\/1\.1 500 /);
    expect(client.json()).toMatchObject({ error: { code: 'SLUICE_GATEWAY_INTERNAL' } });
  });

  it('keeps 10 MB to a slow reader out of memory', async () => {
    const listener = await start(() => {});
    const client = raw(listener, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    await until(() => exchanges.length === 1);
    const writer = new SinkProbe(exchanges[0]!.sink);
    const total = 10 * 1024 * 1024;
    writer.head(200, ['content-length', String(total)], false);
    const chunk = 64 * 1024;
    const { socket } = exchanges[0]!.connection as unknown as { socket: Socket };
    let highest = 0;
    for (let sent = 0; sent < total; sent += chunk) {
      const { drains } = writer;
      const more = writer.data(pattern(chunk, sent));
      highest = Math.max(highest, socket.writableLength);
      if (more) continue;
      client.socket.resume();
      await until(() => writer.drains > drains);
      client.socket.pause();
    }
    writer.end();
    client.socket.resume();
    await until(() => client.text.length > total);
    const body = Buffer.from(client.text.slice(-total), 'latin1');
    expect(body.equals(pattern(total))).toBe(true);
    expect(highest).toBeLessThan(256 * 1024);
  });

  it('says which port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const failure = openListener(() => {}, { name: 'web', port });
    await expect(failure).rejects.toMatchObject({ code: 'SLUICE_LISTENER_PORT_TAKEN' });
    await expect(failure).rejects.toThrow(`listener web (127.0.0.1:${port}): The port of a listener is in use. Stop`);
    other.close();
  });

  it('says which address cannot be bound', async () => {
    const failure = openListener(() => {}, { address: '192.0.2.1' });
    await expect(failure).rejects.toMatchObject({ code: 'SLUICE_LISTENER_FAILED' });
    await expect(failure).rejects.toThrow('192.0.2.1:0');
  });

  it('shares its port with another listener', async () => {
    const first = await start(undefined, { reusePort: true });
    const second = await start(undefined, { reusePort: true, port: first.port });
    expect(second.port).toBe(first.port);
  });

  it('listens on 0.0.0.0 where IPv6 is off', async () => {
    const original = Reflect.get(Server.prototype, 'listen') as (this: Server, ...args: unknown[]) => Server;
    vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args: unknown[]) {
      if ((args[0] as { host?: string }).host === '::') {
        process.nextTick(() => this.emit('error', Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' })));
        return this;
      }
      return original.apply(this, args);
    });
    const listener = await start(undefined, { address: '::' });
    expect(listener.address).toBe('0.0.0.0');
    const client = raw(listener, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => client.text.endsWith('ok'));
  });
});
