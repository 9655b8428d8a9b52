import { once } from 'node:events';
import { createServer as createHttp1 } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { TimerWheel } from '../core/wheel.ts';
import { answer, clientOf, endpointOn, framed, GRPC_HEAD, Http2Upstream } from './grpc.suite.ts';
import { listening, RawUpstream } from './upstream.suite.ts';

const WAIT = { timeout: 20_000 };
const OK = { 'grpc-status': '0' };
const fine = (stream: ServerHttp2Stream): void => answer(stream, ['ok'], OK);

/** A server whose streams wait until they are let go. */
async function waiting(settings = {}) {
  const streams: ServerHttp2Stream[] = [];
  const upstream = await Http2Upstream.open((stream) => {
    stream.respond(GRPC_HEAD, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(OK));
    stream.write(framed('open'));
    streams.push(stream);
  }, settings);
  return { upstream, streams };
}

describe('HTTP/2 connections to an endpoint', () => {
  it('carry many calls, and go on for the next', async () => {
    const upstream = await Http2Upstream.open(fine);
    const { open } = clientOf(upstream.endpoint);
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 20 }, () => open());
      for (const { call } of calls) call.end();
      await expect.poll(() => calls.every(({ end }) => end?.status === 0), WAIT).toBe(true);
    }
    expect([upstream.sessions.length, upstream.seen.length]).toEqual([1, 60]);
  });

  it('are as many as streams need, within their bounds, and the rest waits', async () => {
    const { upstream, streams } = await waiting();
    const { open, client } = clientOf(upstream.endpoint, { limits: { connections: 2, streams: 3, pending: 9 } });
    const { endpoint } = upstream;
    onTestFinished(() => endpoint.drain());
    const calls = Array.from({ length: 9 }, () => open());
    expect(() => open()).toThrow('overloaded');
    await expect.poll(() => streams.length, WAIT).toBe(6);
    expect([client !== null, upstream.sessions.length]).toEqual([true, 2]);
    streams[0]!.end();
    streams[4]!.end();
    await expect.poll(() => streams.length, WAIT).toBe(8);
    for (const { call } of calls) call.cancel();
    await expect.poll(() => streams.every(({ closed }) => closed), WAIT).toBe(true);
    const after = open();
    await expect.poll(() => after.messages, WAIT).toEqual(['open']);
    expect(upstream.sessions).toHaveLength(2);
  });

  it('carry no more streams than the server allows', async () => {
    const { upstream, streams } = await waiting({ settings: { maxConcurrentStreams: 2 } });
    const { open } = clientOf(upstream.endpoint, { limits: { connections: 1 } });
    const calls = Array.from({ length: 3 }, () => open());
    await expect.poll(() => streams.length, WAIT).toBe(2);
    calls[0]!.call.cancel();
    await expect.poll(() => calls[2]!.messages, WAIT).toEqual(['open']);
  });

  it('that say good-bye finish what they have, and get nothing new', async () => {
    const { upstream, streams } = await waiting();
    const { open } = clientOf(upstream.endpoint);
    const first = open();
    await expect.poll(() => first.messages, WAIT).toEqual(['open']);
    upstream.sessions[0]!.goaway(0);
    const told = once(upstream.sessions[0]!, 'close');
    upstream.sessions[0]!.close();
    const second = open();
    await expect.poll(() => second.messages.length + second.ends.length, WAIT).toBe(1);
    streams[0]!.end(framed('last'));
    await expect.poll(() => first.ends, WAIT).toMatchObject([{ status: 0, failure: null }]);
    expect(first.messages).toEqual(['open', 'last']);
    await told;
    const third = open();
    await expect.poll(() => third.messages, WAIT).toEqual(['open']);
    expect(upstream.sessions.length).toBeGreaterThan(1);
  });

  it('that say good-bye in anger take their calls with them', async () => {
    const { upstream } = await waiting();
    const { open } = clientOf(upstream.endpoint);
    const first = open();
    await expect.poll(() => first.messages, WAIT).toEqual(['open']);
    upstream.sessions[0]!.goaway(11);
    await expect.poll(() => first.ends, WAIT).toMatchObject([{ status: 14, failure: 'reset' }]);
    const second = open();
    await expect.poll(() => second.messages, WAIT).toEqual(['open']);
  });

  it('close when they have been idle for a while', async () => {
    const clock = { now: 0 };
    const wheel = new TimerWheel(10, () => clock.now);
    const upstream = await Http2Upstream.open(fine);
    const { open } = clientOf(upstream.endpoint, { wheel, limits: { keepAliveMs: 1 } });
    const first = open();
    first.call.end();
    await expect.poll(() => first.end?.status, WAIT).toBe(0);
    const closed = once(upstream.sessions[0]!, 'close');
    await expect.poll(() => ((clock.now += 20), wheel.advance(), upstream.sessions[0]!.closed), WAIT).toBe(true);
    await closed;
    expect(wheel.size).toBe(0);
    const second = open();
    second.call.end();
    await expect.poll(() => second.end?.status, WAIT).toBe(0);
    expect(upstream.sessions).toHaveLength(2);
  });

  it('close with their endpoint, when the last call is over', async () => {
    const { upstream, streams } = await waiting();
    const { endpoint } = upstream;
    const { open } = clientOf(endpoint);
    const first = open();
    await expect.poll(() => first.messages, WAIT).toEqual(['open']);
    endpoint.drain();
    expect(() => open()).toThrow('connect-failed');
    const closed = once(upstream.sessions[0]!, 'close');
    streams[0]!.end();
    await expect.poll(() => first.ends, WAIT).toMatchObject([{ status: 0 }]);
    await closed;
  });

  it('that are on their way end with their endpoint', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
    onTestFinished(() => (sockets.forEach((socket) => socket.destroy()), void server.close()));
    const endpoint = await listening(server);
    const opened = clientOf(endpoint).open();
    await expect.poll(() => sockets.length, WAIT).toBe(1);
    endpoint.drain();
    expect(opened.ends).toMatchObject([{ status: 14, failure: 'connect-failed' }]);
    await expect.poll(() => sockets[0]!.destroyed, WAIT).toBe(true);
  });

  it.each([
    ['nobody listens', async () => endpointOn(1)],
    [
      'somebody hangs up',
      async () => {
        const raw = new RawUpstream((socket) => socket.destroy());
        onTestFinished(() => raw.close());
        return raw.open();
      },
    ],
    [
      'HTTP/1.1 is spoken',
      async () => {
        const server = createHttp1(() => {});
        onTestFinished(() => (server.closeAllConnections(), void server.close()));
        return listening(server);
      },
    ],
  ])('fail, and the calls that wait with them, where %s', async (_what, place) => {
    const { open } = clientOf(await place());
    const calls = [open(), open()];
    await expect.poll(() => calls.flatMap(({ ends }) => ends), WAIT).toHaveLength(2);
    for (const { end, call } of calls) {
      expect([end?.failure, call.untouched]).toEqual(['connect-failed', true]);
    }
  });

  it('are given up when they come to nothing, and so is waiting', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
    onTestFinished(() => (sockets.forEach((socket) => socket.destroy()), void server.close()));
    const silent = clientOf(await listening(server), { limits: { connectMs: 30 } }).open();
    await expect.poll(() => silent.end, WAIT).toMatchObject({ status: 14, failure: 'connect-failed' });
    const { upstream, streams } = await waiting();
    const { open } = clientOf(upstream.endpoint, { limits: { connections: 1, streams: 1, pendingMs: 50 } });
    open();
    await expect.poll(() => streams.length, WAIT).toBe(1);
    const second = open();
    await expect.poll(() => second.end, WAIT).toMatchObject({ status: 14, failure: 'overloaded' });
  });

  it('are not tried for ever where no stream is allowed', async () => {
    const upstream = await Http2Upstream.open(fine, { settings: { maxConcurrentStreams: 0 } });
    upstream.server.on('session', (session) => session.on('localSettings', () => session.close()));
    const opened = clientOf(upstream.endpoint).open();
    await expect.poll(() => opened.ends, WAIT).toMatchObject([{ status: 14, failure: 'connect-failed' }]);
    expect(upstream.sessions.length).toBeLessThanOrEqual(LIMITS.http2ConnectionsPerEndpoint);
  });

  it('are asked whether they live while a stream is silent', async () => {
    const { upstream } = await waiting();
    const { open } = clientOf(upstream.endpoint, { limits: { pingMs: 1, pingTimeoutMs: 10_000 } });
    const pinged = new Promise<void>((resolve) => {
      upstream.server.on('session', (session) => session.on('ping', () => resolve()));
    });
    const opened = open();
    await pinged;
    await expect.poll(() => opened.messages, WAIT).toEqual(['open']);
    expect(opened.ends).toEqual([]);
  });

  it('that do not answer such a question are lost', async () => {
    const { upstream } = await waiting();
    const { port } = upstream.server.address() as AddressInfo;
    // Passes everything on until it has had enough.
    const sockets: Socket[] = [];
    const proxy = createServer((down) => {
      const up = connect(port, '127.0.0.1');
      sockets.push(down, up);
      for (const socket of [down, up]) socket.on('error', () => {});
      down.pipe(up).pipe(down);
    });
    onTestFinished(() => (sockets.forEach((socket) => socket.destroy()), void proxy.close()));
    const { open } = clientOf(await listening(proxy), { limits: { pingMs: 1, pingTimeoutMs: 20 } });
    const opened = open();
    await expect.poll(() => opened.messages, WAIT).toEqual(['open']);
    for (const socket of sockets) socket.unpipe().pause();
    await expect.poll(() => opened.ends, WAIT).toMatchObject([{ status: 14, failure: 'reset' }]);
  });
});
