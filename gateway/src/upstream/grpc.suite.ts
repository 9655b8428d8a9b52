import { Server as GrpcServer, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { TimerWheel } from '../core/wheel.ts';
import { GrpcClient, type GrpcClientOptions } from './client-grpc.ts';
import { Endpoint } from './endpoint.ts';
import type { GrpcCall } from './grpc-call.ts';
import type { GrpcCallHandler, GrpcCallRequest, GrpcOutcome } from './grpc.ts';
import { frameHead } from './grpc-frames.ts';
import { record } from './upstream.suite.ts';

/** A message as it goes on the wire. */
export function framed(message: string | Buffer): Buffer {
  const bytes = Buffer.from(message as Buffer);
  return Buffer.concat([frameHead(bytes.length), bytes]);
}

/** Keeps what it hears of a call. */
export class Recorder implements GrpcCallHandler {
  metadata: readonly string[] | null = null;
  readonly messages: string[] = [];
  readonly ends: GrpcOutcome[] = [];
  held = 0;
  /** Bytes that it may hold. */
  room = Number.POSITIVE_INFINITY;
  /** Told of each message. */
  onEach: (message: string) => void = () => {};

  get end(): GrpcOutcome | undefined {
    return this.ends[0];
  }

  onMetadata(pairs: readonly string[]): void {
    this.metadata = pairs;
  }

  onMessage(message: Buffer): void {
    this.messages.push(message.toString('latin1'));
    this.onEach(message.toString('latin1'));
  }

  hold(bytes: number): boolean {
    if (this.held + bytes > this.room) return false;
    this.held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.held -= bytes;
  }

  onEnd(outcome: GrpcOutcome): void {
    this.ends.push(outcome);
  }
}

export interface Opened extends Recorder {
  readonly call: GrpcCall;
}

export function requestOf(parts: Partial<GrpcCallRequest> = {}): GrpcCallRequest {
  return { path: '/test.Echo/Say', authority: 'echo.internal', metadata: [], timeoutMs: 0, ...parts };
}

/** For tests on a machine that is busy with others. */
export const PATIENT = { connectMs: 60_000, pendingMs: 60_000 };

/** A client whose calls go to one endpoint; it leaves with the test. */
export function clientOf(endpoint: Endpoint, options: Partial<GrpcClientOptions> = {}) {
  const client = new GrpcClient({
    wheel: new TimerWheel(),
    ...options,
    limits: { ...PATIENT, ...options.limits },
  });
  onTestFinished(() => endpoint.drain());
  const open = (parts: Partial<GrpcCallRequest> = {}): Opened => {
    const recorder = new Recorder();
    const call = client.open(endpoint, requestOf(parts), recorder);
    if (typeof call === 'string') throw new Error(call);
    return Object.assign(recorder, { call });
  };
  return { client, open };
}

export function endpointOn(port: number, scheme: 'http' | 'https' = 'http'): Endpoint {
  return new Endpoint(record({ address: '127.0.0.1', port }), scheme);
}

type OnStream = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

/** A server that does on its streams what the test says. */
export class Http2Upstream {
  readonly sessions: ServerHttp2Session[] = [];
  readonly seen: Readonly<Record<string, unknown>>[] = [];
  readonly server: Http2Server;

  constructor(server: Http2Server, onStream: OnStream) {
    this.server = server;
    server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
      this.seen.push(headers);
      stream.on('error', () => {});
      onStream(stream as ServerHttp2Stream, headers);
    });
    onTestFinished(() => this.close());
  }

  static async open(onStream: OnStream, settings: Parameters<typeof createServer>[0] = {}): Promise<Http2Upstream> {
    return new Http2Upstream(createServer(settings), onStream).#listen();
  }

  async #listen(): Promise<Http2Upstream> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get endpoint(): Endpoint {
    return endpointOn((this.server.address() as AddressInfo).port);
  }

  close(): void {
    for (const session of this.sessions) session.destroy();
    this.server.close();
  }
}

/** Head of a gRPC response. */
export const GRPC_HEAD = { ':status': 200, 'content-type': 'application/grpc' };

/** Answers with messages and a status. */
export function answer(stream: ServerHttp2Stream, messages: readonly string[], trailers: Record<string, string>): void {
  stream.respond(GRPC_HEAD, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const message of messages) stream.write(framed(message));
  stream.end();
}

const plain = {
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
};

/** `test.Echo` of another gRPC implementation: `Say` is unary, `Chat` a stream both ways. */
export async function echoServer(implementation: UntypedServiceImplementation): Promise<{
  readonly port: number;
  readonly server: GrpcServer;
}> {
  const server = new GrpcServer();
  const method = (name: string, stream: boolean) => ({
    path: `/test.Echo/${name}`,
    requestStream: stream,
    responseStream: stream,
    ...plain,
  });
  const methods = { Say: method('Say', false), Chat: method('Chat', true) };
  server.addService(methods, implementation);
  onTestFinished(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, server };
}
