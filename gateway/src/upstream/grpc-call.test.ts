import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { answer, clientOf, framed, GRPC_HEAD, Http2Upstream, type Opened } from './grpc.suite.ts';
import { frameHead } from './grpc-frames.ts';

const sockets = new Map<number, Socket>();
const WAIT = { timeout: 20_000 };

/** Opens one call, which sends `one` and ends, to a server that does with its stream what the test says. */
async function calling(onStream: (stream: ServerHttp2Stream) => void): Promise<[Opened, Http2Upstream]> {
  const upstream = await Http2Upstream.open(onStream);
  upstream.server.on('connection', (socket: Socket) => sockets.set(socket.remotePort!, socket));
  const opened = clientOf(upstream.endpoint).open();
  opened.call.send(Buffer.from('one'), true);
  return [opened, upstream];
}

async function outcomeOf(onStream: (stream: ServerHttp2Stream) => void) {
  const [opened] = await calling(onStream);
  await expect.poll(() => opened.ends.length, WAIT).toBe(1);
  return opened;
}

/** The socket itself, which is the session's own otherwise. */
const socketOf = (stream: ServerHttp2Stream): Socket => sockets.get(stream.session!.socket.remotePort!)!;

/** Head and a message, and when that is out, something else. */
function begun(stream: ServerHttp2Stream, then: () => void): void {
  stream.respond(GRPC_HEAD);
  stream.write(framed('a'), () => setImmediate(then));
}

describe('a gRPC call', () => {
  it('goes out as gRPC wants it', async () => {
    const upstream = await Http2Upstream.open((stream) => answer(stream, [], { 'grpc-status': '0' }));
    const metadata = ['x-key', 'a', 'x-key', '\xe9', 'x-data-bin', 'AAE'];
    const opened = clientOf(upstream.endpoint).open({ metadata, timeoutMs: 1500.2 });
    opened.call.end();
    await expect.poll(() => opened.end, WAIT).toBeDefined();
    expect(upstream.seen[0]).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': 'echo.internal',
      ':path': '/test.Echo/Say',
      te: 'trailers',
      'content-type': 'application/grpc',
      'grpc-timeout': '1501m',
      'x-key': 'a, \xe9',
      'x-data-bin': 'AAE',
    });
  });

  it('passes messages both ways, and the end', async () => {
    const received: Buffer[] = [];
    const upstream = await Http2Upstream.open((stream) => {
      stream.on('data', (chunk: Buffer) => received.push(chunk));
      stream.on('end', () => answer(stream, ['a', '', 'b'.repeat(200_000)], { 'grpc-status': '0', 'x-end': 'now' }));
    });
    const opened = clientOf(upstream.endpoint).open();
    expect(opened.call.send(Buffer.from('one'), false)).toBe(true);
    expect(opened.call.send(Buffer.alloc(0), false)).toBe(true);
    opened.call.send(Buffer.alloc(100_000, 'z'), true);
    expect([opened.call.send(Buffer.from('late'), false), opened.messages]).toEqual([false, []]);
    await expect.poll(() => opened.ends, WAIT).toHaveLength(1);
    expect(Buffer.concat(received)).toEqual(Buffer.concat(['one', '', 'z'.repeat(100_000)].map(framed)));
    expect(opened.messages.map(({ length }) => length)).toEqual([1, 0, 200_000]);
    expect(opened.metadata).toContain('application/grpc');
    expect(opened.end).toEqual({
      status: 0,
      message: '',
      trailers: ['grpc-status', '0', 'x-end', 'now'],
      failure: null,
    });
    expect(opened.held).toBe(0);
  });

  it('is answered by the service alone', async () => {
    const { end, metadata, messages } = await outcomeOf((stream) =>
      stream.respond({ ...GRPC_HEAD, 'grpc-status': '5', 'grpc-message': 'no%20%C3%A9' }, { endStream: true }),
    );
    expect([metadata, messages]).toEqual([[], []]);
    expect(end).toMatchObject({ status: 5, message: 'no \xc3\xa9', failure: null });
  });

  it.each<[string, (stream: ServerHttp2Stream) => void, number, unknown]>([
    ['without a status', (stream) => answer(stream, ['a'], { 'x-a': 'b' }), 2, null],
    ['without trailers', (stream) => (stream.respond(GRPC_HEAD), stream.end(framed('a'))), 2, null],
    ['with a status that is none', (stream) => answer(stream, [], { 'grpc-status': 'x' }), 2, null],
    ['of another status of HTTP', (stream) => (stream.respond({ ':status': 503 }), stream.end('busy')), 14, null],
    ['that is only another status', (stream) => stream.respond({ ':status': 404 }, { endStream: true }), 12, null],
    [
      'of HTTP with a status of gRPC',
      (stream) => stream.respond({ ':status': 503, 'grpc-status': '8' }, { endStream: true }),
      8,
      null,
    ],
    ['in something else', (stream) => (stream.respond({ ':status': 200 }), stream.end('<p>')), 2, 'protocol'],
    [
      'that is compressed',
      (stream) => (stream.respond(GRPC_HEAD), stream.write(Buffer.from([1, 0, 0, 0, 1, 0]))),
      12,
      'protocol',
    ],
    [
      'that is too large',
      (stream) => (stream.respond(GRPC_HEAD), stream.write(frameHead(LIMITS.pluginGrpcMessageBytes + 1))),
      8,
      'too-large',
    ],
    [
      'that is cut off',
      (stream) => {
        stream.respond(GRPC_HEAD, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(frameHead(7));
      },
      13,
      'protocol',
    ],
    ['by a reset', (stream) => stream.close(2), 13, 'reset'],
    ['by a refusal', (stream) => stream.close(7), 14, 'reset'],
    ['by an error, amid', (stream) => (stream.respond(GRPC_HEAD), stream.destroy(new Error('broken'))), 13, 'reset'],
    ['by the end of its connection', (stream) => stream.session!.destroy(), 14, 'reset'],
    ['by that, amid', (stream) => begun(stream, () => stream.session!.destroy()), 14, 'reset'],
    ['by an end of bytes, amid', (stream) => begun(stream, () => socketOf(stream).end()), 14, 'reset'],
    [
      'by a reset of the connection, amid',
      (stream) => begun(stream, () => socketOf(stream).resetAndDestroy()),
      14,
      'reset',
    ],
  ])('ends when it is answered %s', async (_how, onStream, status, failure) => {
    const { ends } = await outcomeOf(onStream);
    expect(ends).toMatchObject([{ status, failure }]);
  });

  it('loses nothing of an answer that comes faster than it is read', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `m${i}`);
    const opened = await outcomeOf((stream) => {
      stream.respond(GRPC_HEAD, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat(texts.map(framed)));
    });
    expect([opened.messages, opened.end?.status]).toEqual([texts, 0]);
  });

  it('hands over a few messages in a turn', async () => {
    const upstream = await Http2Upstream.open((stream) => {
      stream.respond(GRPC_HEAD);
      stream.write(Buffer.concat(Array.from({ length: 500 }, () => framed('x'))));
    });
    const opened = clientOf(upstream.endpoint).open();
    const turns: number[] = [];
    opened.onEach = () => {
      if (opened.messages.length === 1) setImmediate(() => turns.push(opened.messages.length));
    };
    await expect.poll(() => opened.messages.length, WAIT).toBe(500);
    expect(turns[0]).toBeLessThanOrEqual(2 * LIMITS.grpcMessagesPerTurn);
    opened.call.cancel();
  });

  it('is answered before it has said all', async () => {
    const upstream = await Http2Upstream.open((stream) => answer(stream, [], { 'grpc-status': '3' }));
    const opened = clientOf(upstream.endpoint).open();
    opened.call.send(Buffer.from('first of many'), false);
    await expect.poll(() => opened.end?.status, WAIT).toBe(3);
    expect(opened.call.send(Buffer.from('x'), false)).toBe(false);
    // Its room is free again.
    await expect.poll(() => upstream.sessions.length, WAIT).toBe(1);
  });

  it('is heard of no more once it is cancelled', async () => {
    const codes: number[] = [];
    const upstream = await Http2Upstream.open((stream) => {
      stream.on('close', () => codes.push(stream.rstCode ?? -1));
      stream.respond(GRPC_HEAD);
      stream.write(framed('a'));
    });
    const { open } = clientOf(upstream.endpoint);
    const [early, late] = [open(), open()];
    early.call.cancel();
    late.onEach = () => late.call.cancel();
    await expect.poll(() => codes, WAIT).toEqual([8]);
    expect([early.ends, early.messages, late.ends, late.messages]).toEqual([[], [], [], ['a']]);
  });

  it('holds no more than it may of what a service does not take', async () => {
    const upstream = await Http2Upstream.open((stream) => {
      stream.respond(GRPC_HEAD);
      stream.pause();
    });
    const { open } = clientOf(upstream.endpoint, { limits: { sending: 300_000 } });
    const opened = open();
    await expect.poll(() => opened.metadata, WAIT).not.toBeNull();
    let sent = 0;
    while (opened.call.send(Buffer.alloc(49_000), false)) sent++;
    expect(sent).toBe(6);
    expect(opened.held).toBeGreaterThan(6 * 49_000);
    // What one window of the stream takes has left.
    await expect.poll(() => opened.held, WAIT).toBeLessThanOrEqual(250_000);
    sent = 0;
    while (opened.call.send(Buffer.alloc(0), false)) sent++;
    expect(sent).toBeLessThan(3000);
    await expect.poll(() => opened.held, WAIT).toBeLessThanOrEqual(300_000);
    opened.call.cancel();
  });

  it('takes what is too large for its bound when nothing else waits', async () => {
    const upstream = await Http2Upstream.open((stream) => stream.respond(GRPC_HEAD));
    const opened = clientOf(upstream.endpoint, { limits: { sending: 10 } }).open();
    expect(opened.call.send(Buffer.alloc(50_000), false)).toBe(true);
    expect(opened.call.send(Buffer.alloc(50_000), false)).toBe(false);
    await expect.poll(() => opened.held, WAIT).toBe(0);
    expect(opened.call.send(Buffer.alloc(50_000), false)).toBe(true);
    opened.call.cancel();
  });

  it('asks whether it may hold a message, and ends when it may not', async () => {
    const upstream = await Http2Upstream.open((stream) => {
      stream.respond(GRPC_HEAD);
      stream.write(framed('small'));
      stream.write(framed(Buffer.alloc(200_000)));
    });
    const { open } = clientOf(upstream.endpoint);
    const opened = open();
    opened.room = 100_000;
    expect(opened.call.send(Buffer.alloc(100_001), false)).toBe(false);
    await expect.poll(() => opened.ends, WAIT).toMatchObject([{ status: 8, failure: 'overloaded' }]);
    expect(opened.messages).toEqual(['small']);
  });

  it('with too many metadata fails alone', async () => {
    const upstream = await Http2Upstream.open((stream) => answer(stream, ['ok'], { 'grpc-status': '0' }));
    const { open } = clientOf(upstream.endpoint);
    const before = open();
    const large = open({ metadata: ['x', 'y'.repeat(100_000)] });
    const after = open();
    for (const { call } of [before, large, after]) call.end();
    await expect.poll(() => [before, large, after].flatMap(({ ends }) => ends), WAIT).toHaveLength(3);
    expect([before.end?.status, after.end?.status, upstream.sessions.length]).toEqual([0, 0, 1]);
    expect(large.end).toMatchObject({ failure: 'reset' });
  });

  it('cannot be made with metadata that no request can hold', async () => {
    const upstream = await Http2Upstream.open((stream) => answer(stream, [], { 'grpc-status': '0' }));
    const opened = clientOf(upstream.endpoint).open({ metadata: ['connection', 'close'] });
    await expect.poll(() => opened.ends, WAIT).toMatchObject([{ status: 13, failure: 'unsendable' }]);
  });
});
