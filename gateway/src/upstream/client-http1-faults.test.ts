import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { settle, until } from '../exchange/probes.suite.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemoryBody, MemorySink } from '../exchange/memory.ts';
import type { UpstreamRequest } from './client.ts';
import { TimerWheel } from '../core/wheel.ts';
import { Http1Client } from './client-http1.ts';
import { Endpoint } from './endpoint.ts';
import { endpointAt, listening, RawUpstream, record } from './upstream.suite.ts';

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

function request(overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    method: 'GET',
    target: '/',
    headers: new PairHeaders(['Host', 'a.example']),
    body: null,
    upgrade: '',
    ...overrides,
  };
}

describe('upstream client over its own connections: what goes wrong', () => {
  const cleanups: (() => unknown)[] = [];
  const client = new Http1Client({ wheel: new TimerWheel() });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function upstream(onData: (socket: Socket, text: string) => void): Promise<[Endpoint, RawUpstream]> {
    const server = new RawUpstream(onData);
    const endpoint = await server.open();
    cleanups.push(
      () => endpoint.drain(),
      () => server.close(),
    );
    return [endpoint, server];
  }

  it('reports a refused connection, and leaves the body to the next attempt', async () => {
    const [endpoint, server] = await upstream(() => {});
    await server.close();
    const body = new MemoryBody(4);
    const sink = new MemorySink();
    const call = client.send(endpoint, request({ method: 'POST', body }), sink);
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_UPSTREAM_CONNECT_FAILED');
    expect([call.connected, call.bodyStarted, body.wasRead, body.stopped]).toEqual([false, false, false, false]);
  });

  it.each(['no such host.example', 'a/b', ''])('reports the address %j as a connect failure', async (address) => {
    const sink = new MemorySink();
    client.send(new Endpoint(record({ address }), 'http'), request(), sink);
    expect(sink.resetCode).toBeNull();
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_UPSTREAM_CONNECT_FAILED');
  });

  it('reports a connection that does not come about in time', async () => {
    const [plain] = await upstream(() => {});
    const endpoint = new Endpoint(plain.record, 'https');
    cleanups.push(() => endpoint.drain());
    const sink = new MemorySink();
    new Http1Client({ wheel: new TimerWheel(), limits: { connectMs: 50 } }).send(endpoint, request(), sink);
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_UPSTREAM_CONNECT_TIMEOUT');
  });

  it.each<[string, string]>([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['binary garbage', '\x00\x01\x02\xff\xfe\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 abc OK\r\n\r\n'],
    ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX-Bad: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['a bare carriage return in a field', 'HTTP/1.1 200 OK\r\nX-Bad: a\rb\r\nContent-Length: 0\r\n\r\n'],
    ['a space in a field name', 'HTTP/1.1 200 OK\r\nX Bad: a\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['a switch nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(70_000)}`],
  ])('reports %s as a protocol error', async (_what, text) => {
    const [endpoint] = await upstream((socket) => socket.write(text, 'latin1'));
    const sink = new MemorySink();
    client.send(endpoint, request(), sink);
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_UPSTREAM_PROTOCOL');
    expect(sink.status).toBe(0);
  });

  it('reports a broken chunk after the head', async () => {
    const [endpoint] = await upstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nzz\r\n');
    });
    const sink = new MemorySink();
    client.send(endpoint, request(), sink);
    await sink.done;
    expect([sink.status, sink.text, sink.resetCode]).toEqual([200, 'body', 'SLUICE_UPSTREAM_PROTOCOL']);
  });

  it.each<[string, string, number]>([
    ['before the head', '', 0],
    ['in the head', 'HTTP/1.1 200 OK\r\nX-Ha', 0],
    ['in a body of known length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 200],
    ['in a chunked body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 200],
    [
      'in a body of known length, unreusable',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf',
      200,
    ],
  ])('reports an upstream that closes %s', async (_what, text, status) => {
    const [endpoint] = await upstream((socket) => socket.end(text));
    const sink = new MemorySink();
    const call = client.send(endpoint, request(), sink);
    await sink.done;
    expect([sink.resetCode, sink.status, sink.ended]).toEqual(['SLUICE_UPSTREAM_RESET', status, false]);
    expect(call.connected).toBe(true);
  });

  it('takes the end of the connection as the end of a body without length', async () => {
    const [endpoint] = await upstream((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    const sink = new MemorySink();
    client.send(endpoint, request(), sink);
    await sink.done;
    expect([sink.ended, sink.text]).toEqual([true, 'all of it']);
  });

  it('reports an upstream that falls silent in the middle of a body', async () => {
    const [endpoint] = await upstream((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'));
    const sink = new MemorySink();
    new Http1Client({ wheel: new TimerWheel(), limits: { stallMs: 50 } }).send(endpoint, request(), sink);
    await sink.done;
    expect([sink.text, sink.resetCode]).toEqual(['half', 'SLUICE_UPSTREAM_STALLED']);
  });

  it.each<[string, string]>([
    ['before the head', ''],
    ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('closes the connection of an attempt given up %s, and says nothing', async (_what, text) => {
    const [endpoint, server] = await upstream((socket) => socket.write(text));
    const sink = new MemorySink();
    const call = client.send(endpoint, request(), sink);
    await until(() => server.received !== '' && (text === '' || sink.status === 200));
    call.abort();
    call.abort();
    await until(() => server.sockets[0]!.readableEnded);
    await settle();
    expect([sink.ended, sink.resetCode]).toEqual([false, null]);
  });

  it('gives up while connecting', async () => {
    const [endpoint, server] = await upstream(() => {});
    const body = new MemoryBody(4);
    const sink = new MemorySink();
    client.send(endpoint, request({ method: 'POST', body }), sink).abort();
    await settle();
    expect([sink.resetCode, server.received, body.wasRead]).toEqual([null, '', false]);
  });

  it('gives up an attempt that waits for a connection without harm to the connection', async () => {
    const answers: Socket[] = [];
    const [endpoint, server] = await upstream((socket) => answers.push(socket));
    const single = new Http1Client({ wheel: new TimerWheel(), limits: { connections: 1 } });
    const sinks = [new MemorySink(), new MemorySink(), new MemorySink()];
    const calls = sinks.map((sink, i) => single.send(endpoint, request({ target: `/${i}` }), sink));
    await until(() => answers.length === 1);
    calls[1]!.abort();
    answers[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await until(() => answers.length === 2);
    answers[1]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await sinks[2]!.done;
    expect(server.sockets).toHaveLength(1);
    expect(server.received).not.toContain('/1 ');
    expect([sinks[0]!.ended, sinks[1]!.ended, sinks[2]!.ended]).toEqual([true, false, true]);
  });

  it('refuses more than its queue holds, and takes more when there is room again', async () => {
    const answers: Socket[] = [];
    const [endpoint] = await upstream((socket) => answers.push(socket));
    const small = new Http1Client({ wheel: new TimerWheel(), limits: { connections: 1, pending: 1 } });
    const sinks = [new MemorySink(), new MemorySink(), new MemorySink(), new MemorySink()];
    for (const sink of sinks.slice(0, 3)) small.send(endpoint, request(), sink);
    await sinks[2]!.done;
    expect(sinks[2]!.resetCode).toBe('SLUICE_UPSTREAM_OVERLOADED');
    await until(() => answers.length === 1);
    answers[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await sinks[0]!.done;
    small.send(endpoint, request(), sinks[3]!);
    await until(() => answers.length === 2);
    expect(sinks[3]!.resetCode).toBeNull();
  });

  it('opens a new connection after the upstream closed an idle one', async () => {
    const [endpoint, server] = await upstream((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    for (const sockets of [1, 1, 2]) {
      if (sockets === 2) {
        server.sockets[0]!.end();
        await until(() => server.sockets[0]!.closed);
        await settle();
      }
      const sink = new MemorySink();
      client.send(endpoint, request(), sink);
      await sink.done;
      await settle();
      expect(sink.ended).toBe(true);
      expect(server.sockets).toHaveLength(sockets);
    }
  });

  it('finishes what is in flight on a drained endpoint, closes the rest, and takes nothing new', async () => {
    const answers: Socket[] = [];
    const [endpoint, server] = await upstream((socket) => answers.push(socket));
    const sinks = [new MemorySink(), new MemorySink(), new MemorySink()];
    client.send(endpoint, request(), sinks[0]!);
    client.send(endpoint, request(), sinks[1]!);
    await until(() => answers.length === 2);
    answers[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await sinks[0]!.done;
    endpoint.drain();
    await until(() => answers[0]!.readableEnded);
    client.send(endpoint, request(), sinks[2]!);
    await sinks[2]!.done;
    expect(sinks[2]!.resetCode).toBe('SLUICE_UPSTREAM_CONNECT_FAILED');
    answers[1]!.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await sinks[1]!.done;
    expect(sinks[1]!.text).toBe('ok');
    await until(() => server.sockets.every((socket) => socket.readableEnded));
  });

  it('gives up a response and sends the request elsewhere from within its head', async () => {
    const [first] = await upstream((socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'));
    const [second, server] = await upstream((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const warm = new MemorySink();
    client.send(second, request(), warm);
    await warm.done;
    await settle();
    const final = new MemorySink();
    class Retrying extends MemorySink {
      override head(): void {
        this.writer!.onSinkClosed('SLUICE_CLIENT_ABORTED');
        const headers = new PairHeaders(['Host', 'b.example']);
        client.send(second, request({ headers }), final);
        headers.set('host', 'changed.example');
      }
    }
    const given = new Retrying();
    client.send(first, request(), given);
    await final.done;
    expect([given.ended, given.resetCode]).toEqual([false, null]);
    expect(final.status).toBe(200);
    expect(server.received).toContain('Host: b.example');
  });

  it('writes the request as it was given, with framing of its own', async () => {
    const [endpoint, server] = await upstream((socket, text) => {
      if (text.endsWith('0\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const pairs = ['Host', 'a.example:81', 'X-B', '1', 'x-a', 'caf\xe9', 'x-b', '2', 'Content-Length', '99'];
    const headers = new PairHeaders([...pairs, 'Transfer-Encoding', 'x', 'Expect', '100-continue', 'Keep-Alive', 'y']);
    const body = new MemoryBody();
    body.write('text');
    body.end();
    const sink = new MemorySink();
    client.send(endpoint, request({ method: 'PATCH', target: '/p?q=%2f', headers, body }), sink);
    await sink.done;
    expect(server.received.split('\r\n')).toEqual([
      'PATCH /p?q=%2f HTTP/1.1',
      'Host: a.example:81',
      'X-B: 1',
      'x-a: caf\xe9',
      'x-b: 2',
      'transfer-encoding: chunked',
      '',
      '4',
      'text',
      '0',
      '',
      '',
    ]);
  });

  it.each<[string, Partial<UpstreamRequest>]>([
    ['a line break in a field', { headers: new PairHeaders(['host', 'a', 'x', 'a\r\nb: c']) }],
    ['a field that no byte can carry', { headers: new PairHeaders(['host', 'a', 'x', '\u20ac']) }],
    ['a field name that is none', { headers: new PairHeaders(['host', 'a', 'x y', '1']) }],
    ['two hosts', { headers: new PairHeaders(['host', 'a', 'host', 'b']) }],
    ['a target that is none', { target: 'nowhere' }],
    ['a space in the target', { target: '/a b' }],
    ['a method that is none', { method: 'GE T' }],
  ])('refuses to send %s', async (_what, overrides) => {
    const [endpoint, server] = await upstream(() => {});
    const sink = new MemorySink();
    client.send(endpoint, request(overrides), sink);
    expect(sink.resetCode).toBeNull();
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_GATEWAY_INTERNAL');
    expect(server.received).toBe('');
  });

  it('stops the request body when the whole response is there', async () => {
    const [endpoint] = await upstream((socket) => socket.write('HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig'));
    const body = new MemoryBody();
    body.write('first');
    const sink = new MemorySink();
    const call = client.send(endpoint, request({ method: 'POST', body }), sink);
    await sink.done;
    await until(() => body.stopped);
    expect([sink.status, sink.text, sink.ended, call.bodyStarted]).toEqual([413, 'big', true, true]);
  });

  it('stops the request body when the attempt fails', async () => {
    const [endpoint] = await upstream((socket) => socket.destroy());
    const body = new MemoryBody();
    body.write('first');
    const sink = new MemorySink();
    client.send(endpoint, request({ method: 'POST', body }), sink);
    await sink.done;
    expect([sink.resetCode, body.stopped]).toEqual(['SLUICE_UPSTREAM_RESET', true]);
  });

  it('passes on why the request body failed', async () => {
    const [endpoint, server] = await upstream(() => {});
    const body = new MemoryBody(10);
    body.write('half');
    const sink = new MemorySink();
    client.send(endpoint, request({ method: 'POST', body }), sink);
    await until(() => server.received.endsWith('half'));
    body.fail('SLUICE_REQUEST_BODY_TOO_LARGE');
    await sink.done;
    expect(sink.resetCode).toBe('SLUICE_REQUEST_BODY_TOO_LARGE');
    await until(() => server.sockets[0]!.readableEnded);
  });

  it('leaves the most of a large body with its sender while the upstream reads nothing', async () => {
    const server = new RawUpstream(() => {});
    const endpoint = await server.open();
    cleanups.push(
      () => endpoint.drain(),
      () => server.close(),
    );
    const total = 48 * 1024 * 1024;
    const body = new MemoryBody(total);
    const sink = new MemorySink();
    const call = client.send(endpoint, request({ method: 'PUT', body }), sink);
    await until(() => server.sockets.length === 1);
    server.sockets[0]!.pause();
    const block = Buffer.alloc(64 * 1024, 'x');
    for (let sent = 0; sent < total; sent += block.length) body.write(block);
    await settle();
    await settle();
    expect(body.buffered).toBeGreaterThan(total / 2);
    call.abort();
    await until(() => body.stopped);
  });

  describe('TLS', () => {
    const ca = fixture('upstream-cert.pem');

    async function tlsUpstream(): Promise<{ endpoint: Endpoint; names: (string | false | null)[] }> {
      const names: (string | false | null)[] = [];
      const server = createTlsServer({ key: fixture('upstream-key.pem'), cert: ca }, (socket: TLSSocket) => {
        names.push(socket.servername);
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret'));
        socket.on('error', () => {});
      });
      server.on('tlsClientError', () => {});
      await listening(server);
      const endpoint = endpointAt(server, 'https');
      cleanups.push(
        () => endpoint.drain(),
        () => server.close(),
      );
      return { endpoint, names };
    }

    it('names the host of the request and checks the certificate against it', async () => {
      const { endpoint, names } = await tlsUpstream();
      const sink = new MemorySink();
      const headers = new PairHeaders(['Host', 'upstream.example:8443']);
      new Http1Client({ wheel: new TimerWheel(), ca }).send(endpoint, request({ headers }), sink);
      await sink.done;
      expect([sink.text, names]).toEqual(['secret', ['upstream.example']]);
    });

    it('sends nothing to a server with another name', async () => {
      const { endpoint } = await tlsUpstream();
      const sink = new MemorySink();
      const call = new Http1Client({ wheel: new TimerWheel(), ca }).send(endpoint, request(), sink);
      await sink.done;
      expect([sink.resetCode, call.connected]).toEqual(['SLUICE_UPSTREAM_CONNECT_FAILED', false]);
    });

    it('sends nothing to a server whose certificate nobody vouches for', async () => {
      const { endpoint } = await tlsUpstream();
      const sink = new MemorySink();
      const headers = new PairHeaders(['Host', 'upstream.example']);
      const call = client.send(endpoint, request({ headers }), sink);
      await sink.done;
      expect([sink.resetCode, call.connected]).toEqual(['SLUICE_UPSTREAM_CONNECT_FAILED', false]);
    });
  });
});
