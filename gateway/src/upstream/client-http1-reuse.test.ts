import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { issue } from '../config/certificate.suite.ts';
import { TimerWheel } from '../core/wheel.ts';
import type { BodyReader } from '../exchange/body.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemoryBody, MemorySink } from '../exchange/memory.ts';
import { settle, until } from '../exchange/probes.suite.ts';
import { Http1Client } from './client-http1.ts';
import type { Endpoint } from './endpoint.ts';
import type { PoolLimits } from './pool.ts';
import { endpointAt, listening, RawUpstream } from './upstream.suite.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('upstream client over its own connections: reuse', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  /** An upstream below HTTP, a client with these limits, and the wheel on which all of its timers are. */
  async function open(onData: (socket: Socket, text: string) => void, limits: Partial<PoolLimits> = {}) {
    const server = new RawUpstream(onData);
    const endpoint = await server.open();
    cleanups.push(
      () => endpoint.drain(),
      () => server.close(),
    );
    const wheel = new TimerWheel();
    const client = new Http1Client({ wheel, limits });
    const begin = (method = 'GET', body: MemoryBody | null = null): MemorySink => {
      const sink = new MemorySink();
      client.send(endpoint, { method, target: '/', headers: new PairHeaders(['Host', 'a']), body }, sink);
      return sink;
    };
    const ask = async (method = 'GET', body: MemoryBody | null = null): Promise<MemorySink> => {
      const sink = begin(method, body);
      await sink.done;
      await settle();
      return sink;
    };
    return { server, wheel, begin, ask };
  }

  /** Serves the first request of each connection, and does something else with the second. */
  function dying(die: (socket: Socket) => void): (socket: Socket) => void {
    const served = new Set<Socket>();
    return (socket) => {
      if (served.has(socket)) die(socket);
      else socket.write(OK);
      served.add(socket);
    };
  }

  describe('of a connection that dies when it gets a request', () => {
    it.each([
      ['closed', (socket: Socket) => void socket.end()],
      ['reset', (socket: Socket) => void socket.resetAndDestroy()],
    ])('%s, a request that may be repeated is sent on another', async (_how, die) => {
      const { server, ask } = await open(dying(die));
      for (const [index, method] of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'].entries()) {
        expect((await ask()).text).toBe('ok');
        const sink = await ask(method);
        expect([method, sink.status, sink.resetCode]).toEqual([method, 200, null]);
        expect(server.sockets).toHaveLength(index * 2 + 2);
        // What was served by the second connection is its first request; the next one is to meet a new one.
        server.sockets.at(-1)!.destroy();
        await until(() => server.sockets.at(-1)!.closed);
        await settle();
      }
    });

    it.each(['POST', 'PATCH', 'LOCK', 'get'])('%s is not repeated', async (method) => {
      const { server, ask } = await open(dying((socket) => void socket.end()));
      await ask();
      expect((await ask(method)).resetCode).toBe('SLUICE_UPSTREAM_RESET');
      expect(server.sockets).toHaveLength(1);
    });

    it('a request with a body is not repeated', async () => {
      const { server, ask } = await open(dying((socket) => void socket.end()));
      await ask();
      expect((await ask('PUT', MemoryBody.of('x'))).resetCode).toBe('SLUICE_UPSTREAM_RESET');
      expect(server.sockets).toHaveLength(1);
    });

    it('no request is repeated after a byte of its response', async () => {
      const { server, ask } = await open(dying((socket) => void socket.end('H')));
      await ask();
      expect((await ask()).resetCode).toBe('SLUICE_UPSTREAM_RESET');
      expect(server.sockets).toHaveLength(1);
    });

    it('no request is repeated when the connection was new', async () => {
      const { server, ask } = await open((socket) => void socket.end());
      expect((await ask()).resetCode).toBe('SLUICE_UPSTREAM_RESET');
      expect(server.sockets).toHaveLength(1);
    });

    it('no request is repeated twice', async () => {
      const waiting: Socket[] = [];
      const die = (socket: Socket): void => void socket.end();
      const { server, begin, ask } = await open((socket) => {
        if (waiting.includes(socket)) die(socket);
        else waiting.push(socket);
      });
      const both = [begin(), begin()];
      await until(() => waiting.length === 2);
      for (const socket of waiting) socket.write(OK);
      for (const sink of both) await sink.done;
      await settle();
      expect((await ask()).resetCode).toBe('SLUICE_UPSTREAM_RESET');
      await until(() => server.sockets.every((socket) => socket.readableEnded));
      expect(server.sockets).toHaveLength(2);
    });
  });

  it('takes the connection that was used last', async () => {
    const waiting: Socket[] = [];
    const { server, begin } = await open((socket) => void waiting.push(socket));
    const sinks = [begin(), begin(), begin()];
    await until(() => waiting.length === 3);
    const [first, second, third] = waiting.splice(0) as [Socket, Socket, Socket];
    for (const socket of [third, first, second]) {
      socket.write(OK);
      await until(() => sinks.filter(({ ended }) => ended).length === [third, first, second].indexOf(socket) + 1);
    }
    for (const expected of [second, first, third]) {
      begin();
      await until(() => waiting.length === 1);
      expect(server.sockets.indexOf(waiting.pop()!)).toBe(server.sockets.indexOf(expected));
    }
  });

  it('looks once more at a connection that was idle, before it sends anything', async () => {
    const { server, ask, begin } = await open((socket) => void socket.write(OK), { checkAfterMs: 0 });
    await ask();
    // From here until the end is read nothing else has a turn.
    await turn();
    server.sockets[0]!.end();
    const before = server.received.length;
    const sink = begin('POST');
    await sink.done;
    expect([sink.text, server.sockets.length]).toEqual(['ok', 2]);
    expect(server.received.slice(before).match(/POST/g)).toHaveLength(1);
    expect(server.sockets[0]!.bytesRead).toBe(before);
    // One that lives is used.
    await ask('POST');
    expect(server.sockets).toHaveLength(2);
  });

  it('leaves a connection that was looked at to the next request, when its own is given up', async () => {
    const { server, begin, ask } = await open((socket) => void socket.write(OK), { checkAfterMs: 0 });
    await ask();
    const given = begin();
    given.writer!.onSinkClosed('SLUICE_CLIENT_ABORTED');
    await settle();
    await ask();
    expect([server.sockets.length, server.received.match(/GET/g)?.length, given.ended]).toEqual([1, 2, false]);
  });

  it.each([
    ['timeout=1', 2],
    ['timeout=0', 2],
    ['max=100, timeout="1"', 2],
    ['timeout=100', 1],
    ['max=5', 1],
  ])('believes an upstream that says Keep-Alive: %s', async (hint, connections) => {
    const { server, ask } = await open((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nKeep-Alive: ${hint}\r\nContent-Length: 0\r\n\r\n`),
    );
    await ask();
    await ask();
    expect(server.sockets).toHaveLength(connections);
  });

  it('does not reuse a connection whose response had more, less, or no clear end', async () => {
    const answers = [
      `${OK}x`,
      'HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
      `HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n${OK}`,
    ];
    const left = [...answers];
    const { server, ask } = await open((socket) => void socket.write(left.shift() ?? OK));
    for (const answer of answers) expect([answer, (await ask()).ended]).toEqual([answer, true]);
    await until(() => server.sockets.filter((socket) => socket.readableEnded).length === answers.length);
    expect(server.sockets).toHaveLength(answers.length);
  });

  it('does not reuse a connection whose response came before the last bytes of its request had left', async () => {
    let reader: BodyReader | null = null;
    const body = new MemoryBody(4);
    body.read = (given) => void (reader = given);
    const { server, begin, ask } = await open((socket) => void socket.write(OK));
    const sink = begin('POST', body);
    // What it says here waits for the end of the turn, and all of the response is in the same one.
    sink.head = () => {
      reader!.onBodyData(Buffer.from('last'));
      reader!.onBodyEnd(null);
    };
    sink.data = () => true;
    const ended = Promise.withResolvers<void>();
    sink.end = ended.resolve;
    await ended.promise;
    await ask();
    expect([server.sockets.length, server.received.split('\r\n\r\n')[1]]).toEqual([2, expect.stringMatching(/^GET/)]);
  });

  it('closes a connection that says something while it is idle', async () => {
    const { server, ask } = await open((socket) => void socket.write(OK));
    await ask();
    server.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned');
    await until(() => server.sockets[0]!.readableEnded);
    expect([(await ask()).text, server.sockets.length]).toEqual(['ok', 2]);
  });

  it('lets a request wait no longer than allowed, and the others go on', async () => {
    const waiting: Socket[] = [];
    const { begin } = await open((socket) => void waiting.push(socket), { connections: 1, pendingMs: 20 });
    const [first, second] = [begin(), begin()] as const;
    await second.done;
    expect(second.resetCode).toBe('SLUICE_UPSTREAM_OVERLOADED');
    expect(first.resetCode).toBeNull();
    const third = begin();
    await until(() => waiting.length === 1);
    waiting[0]!.write(OK);
    await first.done;
    await until(() => waiting.length === 2);
    waiting[1]!.write(OK);
    await third.done;
    expect([first.text, third.text]).toEqual(['ok', 'ok']);
  });

  it('closes connections that nobody uses, and stops its clock', async () => {
    const { server, wheel, ask } = await open((socket) => void socket.write(OK), { keepAliveMs: 10 });
    await ask();
    expect(wheel.size).toBe(1);
    await until(() => server.sockets[0]!.readableEnded && wheel.size === 0);
    expect((await ask()).text).toBe('ok');
    expect(server.sockets).toHaveLength(2);
  });

  it('serves more server names than it may have connections', async () => {
    const { certificate, key } = issue({ names: ['*.a.example'] });
    const open = new Set<Socket>();
    let most = 0;
    const server = createTlsServer({ key, cert: certificate }, (socket) => {
      open.add(socket);
      most = Math.max(most, open.size);
      socket.on('error', () => {});
      socket.on('close', () => open.delete(socket));
      socket.on('data', () => void setImmediate(() => socket.write(OK)));
    });
    await listening(server);
    const endpoint: Endpoint = endpointAt(server, 'https');
    cleanups.push(
      () => endpoint.drain(),
      () => server.close(),
    );
    const client = new Http1Client({ wheel: new TimerWheel(), ca: certificate, limits: { connections: 3 } });
    const sinks = Array.from({ length: 60 }, (_, i) => {
      const sink = new MemorySink();
      const headers = new PairHeaders(['Host', `n${i % 30}.a.example`]);
      client.send(endpoint, { method: 'GET', target: '/', headers, body: null }, sink);
      return sink;
    });
    for (const sink of sinks) await sink.done;
    expect(sinks.filter(({ text }) => text === 'ok')).toHaveLength(60);
    // One is closed while the next is opened.
    expect(most).toBeLessThanOrEqual(6);
  });
});
