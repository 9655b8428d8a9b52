import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../core/wheel.ts';
import { settle, TunnelEnd, until } from '../exchange/probes.suite.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemorySink } from '../exchange/memory.ts';
import type { UpstreamCall, UpstreamRequest } from './client.ts';
import { Http1Client } from './client-http1.ts';
import { Endpoint } from './endpoint.ts';
import type { PoolLimits } from './pool.ts';
import { endpointAt, listening, RawUpstream } from './upstream.suite.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x-test\r\n\r\n';

describe('a connection that may switch protocols', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  async function upstream(onData: (socket: Socket, text: string) => void): Promise<[Endpoint, RawUpstream]> {
    const server = new RawUpstream(onData);
    cleanups.push(() => server.close());
    return [await server.open(), server];
  }

  function send(
    endpoint: Endpoint,
    limits: Partial<PoolLimits & { ca: string }> = {},
    overrides: Partial<UpstreamRequest> = {},
  ): { readonly sink: MemorySink; readonly call: UpstreamCall; readonly wheel: TimerWheel } {
    const wheel = new TimerWheel();
    const sink = new MemorySink();
    const { ca, ...rest } = limits;
    const client = new Http1Client({ wheel, limits: rest, ...(ca === undefined ? {} : { ca }) });
    const headers = new PairHeaders(['Host', 'upstream.example']);
    const request = { method: 'GET', target: '/', headers, body: null, upgrade: 'x-test', ...overrides };
    return { sink, call: client.send(endpoint, request, sink), wheel };
  }

  it('is handed over with what came behind the 101, and is nobody else’s any more', async () => {
    const [endpoint, server] = await upstream((socket, text) =>
      socket.write(text.includes('GET') ? `${SWITCH}hi` : text),
    );
    const { sink, call, wheel } = send(endpoint, { stallMs: 40 });
    await sink.done;
    const end = new TunnelEnd(sink.receivedUpgrade!);
    end.stream.write(' there');
    await until(() => end.text === 'hi there');
    call.abort();
    endpoint.drain();
    await until(() => wheel.size === 0);
    end.stream.write(', still');
    await until(() => end.text === 'hi there, still');
    server.sockets[0]!.end();
    await until(() => end.over);
    end.stream.destroy();
  });

  it('takes no room in the pool, and serves no other request', async () => {
    const [endpoint, server] = await upstream((socket, text) => {
      socket.write(text.includes('pgrade') ? SWITCH : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const tunnels = [0, 1, 2].map(() => send(endpoint, { connections: 1 }).sink);
    for (const { done } of tunnels) await done;
    const { sink } = send(endpoint, { connections: 1 }, { upgrade: '' });
    await sink.done;
    expect([sink.text, server.sockets.length]).toEqual(['ok', 4]);
    for (const { receivedUpgrade } of tunnels) receivedUpgrade!.destroy();
    endpoint.drain();
  });

  it('is closed after any other answer', async () => {
    const [endpoint, server] = await upstream((socket) =>
      socket.write('HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno'),
    );
    const { sink, wheel } = send(endpoint);
    await sink.done;
    expect([sink.status, sink.text, sink.ended]).toEqual([400, 'no', true]);
    await until(() => server.sockets[0]!.readableEnded && wheel.size === 0);
  });

  it('goes at the pace of who reads such an answer', async () => {
    const size = 8 * 1024 * 1024;
    const [endpoint, server] = await upstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, 'x'));
    });
    const { sink } = send(endpoint);
    sink.hold();
    await until(() => sink.body.length > 0);
    await settle();
    expect(sink.body.length).toBeLessThan(size / 2);
    for (; !sink.ended; await settle()) {
      sink.release();
      sink.hold();
    }
    expect(sink.body.length).toBe(size);
    expect(server.sockets).toHaveLength(1);
  });

  it.each<[string, string, Partial<PoolLimits>, string]>([
    ['falls silent in such an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { stallMs: 30 }, 'STALLED'],
    ['switches to what nobody offered', SWITCH.replace('x-test', 'x-other'), {}, 'PROTOCOL'],
    ['sends no HTTP', 'nonsense\r\n\r\n', {}, 'PROTOCOL'],
  ])('to an endpoint that %s fails', async (_what, text, limits, code) => {
    const [endpoint, server] = await upstream((socket) => socket.write(text));
    const { sink, wheel } = send(endpoint, limits);
    await sink.done;
    expect(sink.resetCode).toBe(`SLUICE_UPSTREAM_${code}`);
    await until(() => server.sockets[0]!.readableEnded && wheel.size === 0);
  });

  it('that nobody takes, or that does not come about in time, fails before the request has left', async () => {
    const [endpoint, server] = await upstream(() => {});
    const late = send(new Endpoint(endpoint.record, 'https'), { connectMs: 30 });
    await late.sink.done;
    expect([late.sink.resetCode, late.call.connected]).toEqual(['SLUICE_UPSTREAM_CONNECT_TIMEOUT', false]);
    await server.close();
    const refused = send(endpoint);
    await refused.sink.done;
    expect([refused.sink.resetCode, refused.call.connected]).toEqual(['SLUICE_UPSTREAM_CONNECT_FAILED', false]);
    await until(() => late.wheel.size === 0 && refused.wheel.size === 0);
    cleanups.pop();
  });

  it.each([
    ['while it comes about', false],
    ['while the answer is awaited', true],
  ])('is closed when its request is given up %s', async (_when, asked) => {
    const [endpoint, server] = await upstream(() => {});
    const { sink, call, wheel } = send(endpoint);
    if (asked) await until(() => server.received !== '');
    call.abort();
    await until(() => wheel.size === 0 && server.sockets.every(({ readableEnded }) => readableEnded));
    expect([sink.resetCode, sink.status, server.received === '']).toEqual([null, 0, !asked]);
  });

  it('carries TLS', async () => {
    const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
    const ca = fixture('upstream-cert.pem');
    const server = createTlsServer({ key: fixture('upstream-key.pem'), cert: ca, allowHalfOpen: true }, (socket) => {
      socket.once('data', () => {
        socket.write(`${SWITCH}secret`);
        socket.on('data', (chunk) => void socket.write(chunk));
        socket.on('end', () => void socket.end());
      });
    });
    cleanups.push(() => server.close());
    await listening(server);
    const { sink } = send(endpointAt(server, 'https'), { ca });
    await sink.done;
    const end = new TunnelEnd(sink.receivedUpgrade!);
    end.stream.end('s');
    await until(() => end.over);
    expect(end.text).toBe('secrets');
  });
});
