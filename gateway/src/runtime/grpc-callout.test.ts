import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js';
import { Metadata, status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../core/limits.ts';
import { startTrace } from '../core/trace.ts';
import { answer, echoServer, framed, GRPC_HEAD, Http2Upstream } from '../upstream/grpc.suite.ts';
import type { GrpcEnd, GrpcHandler, GrpcRequest } from '../wasm/host.ts';
import { calloutRig, type Place } from './callouts.suite.ts';

const WAIT = { timeout: 20_000 };

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Chat = ServerDuplexStream<Buffer, Buffer>;

/** Answers with what it was asked, or as the metadata say. */
const echo: UntypedServiceImplementation = {
  Say: (call: Unary, callback: sendUnaryData<Buffer>) => {
    const wanted = call.metadata.get('x-fail')[0];
    const trailers = new Metadata();
    trailers.set('x-end', 'now');
    if (wanted !== undefined) callback({ code: Number(wanted), details: `failed: ${String(wanted)} é` });
    else callback(null, Buffer.from(`echo ${call.request.toString()}`), trailers);
  },
  Chat: (call: Chat) => {
    call.on('data', (message: Buffer) => call.write(Buffer.from(`echo ${message.toString()}`)));
    call.on('end', () => call.end());
    call.on('error', () => {});
  },
};

class Recorder implements GrpcHandler {
  readonly heard: string[] = [];
  metadata: readonly string[] = [];
  readonly ends: GrpcEnd[] = [];
  /** It is called from within the call that opens it, or from within the handle. */
  within = false;
  onEach: () => void = () => {};

  onGrpcMetadata(metadata: readonly string[]): void {
    expect(this.within).toBe(false);
    this.metadata = metadata;
    this.heard.push('head');
  }

  onGrpcMessage(message: Uint8Array): void {
    expect(this.within).toBe(false);
    this.heard.push(Buffer.from(message).toString());
    this.onEach();
  }

  onGrpcEnd(end: GrpcEnd): void {
    expect(this.within).toBe(false);
    this.ends.push(end);
  }
}

function requestOf(parts: Partial<GrpcRequest> = {}): GrpcRequest {
  return {
    caller: { tenant: 'a', services: [] },
    origin: null,
    service: 'auth',
    authority: 'auth',
    path: '/test.Echo/Say',
    metadata: [],
    message: Buffer.from('hello'),
    timeoutMs: 5000,
    ...parts,
  };
}

const STREAM = { path: '/test.Echo/Chat', message: null, timeoutMs: 0 };

function opened(rig: ReturnType<typeof calloutRig>, parts: Partial<GrpcRequest> = {}) {
  const recorder = new Recorder();
  recorder.within = true;
  const handle = rig.callouts.openGrpc(requestOf(parts), recorder);
  recorder.within = false;
  if (handle === null) throw new Error('refused');
  const over = async (): Promise<GrpcEnd> => {
    await expect.poll(() => recorder.ends.length, WAIT).toBe(1);
    // Everything has been given back.
    expect([rig.bodies.held, rig.inFlight(), rig.wheel.size]).toEqual([0, 0, 0]);
    return recorder.ends[0]!;
  };
  return Object.assign(recorder, { handle, over });
}

const rigOf = (...places: readonly Place[]) => calloutRig({ 'a/auth': places });

describe('a gRPC call over the clusters of its tenant', () => {
  it('comes back from another implementation of gRPC', async () => {
    const rig = rigOf(await echoServer(echo));
    const call = opened(rig);
    expect(await call.over()).toMatchObject({ status: 0, result: 'success' });
    expect(call.heard).toEqual(['head', 'echo hello']);
    expect(call.metadata.slice(0, 2)).toEqual([':status', '200']);
    const { trailers } = call.ends[0]!;
    expect(trailers[trailers.indexOf('x-end') + 1]).toBe('now');
    const failed = opened(rig, { metadata: ['x-fail', String(Status.FAILED_PRECONDITION)] });
    expect(await failed.over()).toMatchObject({ status: 9, message: 'failed: 9 \xc3\xa9', result: 'success' });
    expect(failed.heard.filter((text) => text !== 'head')).toEqual([]);
    const unknown = opened(rig, { path: '/test.Other/Say' });
    expect(await unknown.over()).toMatchObject({ status: 12, result: 'success' });
  });

  it('streams both ways until both have said all', async () => {
    const rig = rigOf(await echoServer(echo));
    const call = opened(rig, STREAM);
    const large = 'x'.repeat(LIMITS.pluginGrpcMessageBytes - 5);
    for (const text of ['one', '', large]) expect(call.handle.send(Buffer.from(text), false)).toBe(true);
    await expect.poll(() => call.heard.length, WAIT).toBe(4);
    call.handle.send(Buffer.from('last'), true);
    expect(await call.over()).toMatchObject({ status: 0 });
    expect(call.heard.map((text) => text.slice(0, 9))).toEqual(['head', 'echo one', 'echo ', 'echo xxxx', 'echo last']);
  });

  it('carries the trace of its exchange, and goes to its lane', async () => {
    const [base, gray] = [
      await Http2Upstream.open((stream) => answer(stream, ['base'], { 'grpc-status': '0' })),
      await Http2Upstream.open((stream) => answer(stream, ['gray'], { 'grpc-status': '0' })),
    ];
    const port = ({ endpoint }: Http2Upstream) => endpoint.record.port;
    const rig = rigOf({ port: port(base) }, { port: port(gray), metadata: { version: 'g' } });
    const trace = startTrace(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'k=v', undefined);
    const call = opened(rig, { origin: { tenant: 'a', lane: 'gray', trace }, metadata: ['x-mse-tag', 'mine'] });
    await call.over();
    expect(call.heard).toEqual(['head', 'gray']);
    expect(gray.seen[0]).toMatchObject({
      'x-mse-tag': 'g',
      traceparent: `00-${'a'.repeat(32)}-${trace.spanId}-01`,
      tracestate: 'k=v',
      'grpc-timeout': '5000m',
    });
    await opened(rig, { metadata: ['x-mse-tag', 'g'] }).over();
    expect(base.seen[0]!['x-mse-tag']).toBeUndefined();
  });

  it('is refused where an HTTP callout would be', () => {
    const rig = calloutRig({ 'a/auth': [], 'b/auth': [] });
    for (const service of ['other', 'b/auth']) {
      expect(rig.callouts.openGrpc(requestOf({ service }), new Recorder())).toBeNull();
    }
  });
});

describe('a gRPC call that fails', () => {
  it('because its deadline passes', async () => {
    const rig = rigOf(await echoServer({ ...echo, Say: () => {} }));
    const call = opened(rig, { timeoutMs: 100 });
    rig.wheel.pass(120);
    expect(await call.over()).toEqual({
      status: 4,
      message: 'the deadline has passed',
      trailers: [],
      result: 'timeout',
    });
  });

  it('because nobody listens, or nobody is there', async () => {
    expect(await opened(rigOf({ port: 1 })).over()).toMatchObject({ status: 14, result: 'connect-failed' });
    const nobody = opened(rigOf(), STREAM);
    expect(nobody.handle.send(Buffer.from('x'), false)).toBe(true);
    expect(await nobody.over()).toMatchObject({ status: 14, result: 'no-endpoint' });
  });

  it('because the server dies amid a stream', async () => {
    const { port, server } = await echoServer(echo);
    const call = opened(rigOf({ port }), STREAM);
    call.handle.send(Buffer.from('one'), false);
    await expect.poll(() => call.heard, WAIT).toEqual(['head', 'echo one']);
    server.forceShutdown();
    expect(await call.over()).toMatchObject({ status: 14, result: 'reset' });
  });

  it('because the answer is too large', async () => {
    const upstream = await Http2Upstream.open((stream) => {
      stream.respond(GRPC_HEAD);
      stream.write(framed(Buffer.alloc(LIMITS.pluginGrpcMessageBytes + 1)));
    });
    const call = opened(rigOf({ port: upstream.endpoint.record.port }));
    expect(await call.over()).toMatchObject({ status: 8, result: 'too-large' });
  });

  it.each<[string, readonly string[], string]>([
    ['no message', [], 'without'],
    ['more than one', ['a', 'b'], 'more than one'],
  ])('because a unary call has %s', async (_what, messages, words) => {
    const upstream = await Http2Upstream.open((stream) => answer(stream, messages, { 'grpc-status': '0' }));
    const call = opened(rigOf({ port: upstream.endpoint.record.port }));
    const end = await call.over();
    expect([end.status, end.message, call.heard]).toEqual([13, expect.stringContaining(words), ['head']]);
  });

  it('because the plugins of the tenant hold too much', async () => {
    const { port } = await echoServer(echo);
    const rig = rigOf({ port });
    rig.bodies.take('a', 4 * LIMITS.pluginCalloutBodyBytes - 1000);
    const recorder = new Recorder();
    rig.callouts.openGrpc(requestOf({ message: Buffer.alloc(1001) }), recorder);
    await expect.poll(() => recorder.ends, WAIT).toMatchObject([{ status: 8, result: 'overloaded' }]);
    const stream = new Recorder();
    const handle = rig.callouts.openGrpc(requestOf(STREAM), stream)!;
    expect([handle.send(Buffer.alloc(1001), false), handle.send(Buffer.alloc(500), true)]).toEqual([false, true]);
    await expect.poll(() => stream.ends, WAIT).toMatchObject([{ status: 0 }]);
    rig.bodies.give('a', 4 * LIMITS.pluginCalloutBodyBytes - 1000);
    expect([rig.bodies.held, rig.inFlight(), rig.wheel.size]).toEqual([0, 0, 0]);
  });

  it('is made again at another endpoint, as long as no service has seen it', async () => {
    const good = await echoServer(echo);
    const refusing = await Http2Upstream.open((stream) => stream.close(7));
    for (let i = 0; i < 4; i++) {
      const dead = opened(rigOf({ port: 1 }, good));
      expect([(await dead.over()).status, dead.heard[1]]).toEqual([0, 'echo hello']);
      const refused = opened(rigOf({ port: refusing.endpoint.record.port }, good));
      expect([(await refused.over()).status, refused.heard[1]]).toEqual([0, 'echo hello']);
      const stream = opened(rigOf({ port: 1 }, good), STREAM);
      stream.handle.send(Buffer.from('one'), false);
      stream.handle.send(Buffer.from('two'), true);
      expect([(await stream.over()).status, stream.heard]).toEqual([0, ['head', 'echo one', 'echo two']]);
    }
  });
});

describe('a gRPC call that its plugin ends', () => {
  it('is not heard of any more once it is cancelled', async () => {
    const gone: string[] = [];
    const rig = rigOf(await echoServer({ ...echo, Chat: (call: Chat) => call.on('cancelled', () => gone.push('x')) }));
    const call = opened(rig, STREAM);
    call.handle.send(Buffer.from('one'), false);
    await expect.poll(() => rig.inFlight(), WAIT).toBe(1);
    call.handle.cancel();
    expect([rig.bodies.held, rig.inFlight(), rig.wheel.size, call.ends]).toEqual([0, 0, 0, []]);
    const second = opened(rig);
    expect(await second.over()).toMatchObject({ status: 0 });
    expect(call.heard).toEqual([]);
  });

  it('sends what it has, and drops what comes, once it is closed', async () => {
    const said: string[] = [];
    const Chat = (call: Chat): void => {
      call.on('data', (message: Buffer) => {
        said.push(message.toString());
        call.write(message);
      });
      call.on('end', () => call.end());
    };
    const rig = rigOf(await echoServer({ ...echo, Chat }));
    const call = opened(rig, STREAM);
    for (const text of ['one', 'two']) call.handle.send(Buffer.from(text), false);
    call.handle.close();
    expect(await call.over()).toMatchObject({ status: 0 });
    expect([said, call.heard]).toEqual([['one', 'two'], []]);
  });

  it('is not waited for for ever once it is closed', async () => {
    const rig = rigOf(await echoServer({ ...echo, Chat: (call: Chat) => void call.on('error', () => {}) }));
    const call = opened(rig, STREAM);
    call.handle.close();
    rig.wheel.pass(LIMITS.pluginCalloutMs + 20);
    expect(await call.over()).toMatchObject({ status: 1, result: 'cancelled' });
  });
});
