import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { decodePayload, encodePayload, type Payload } from '../../gateway/src/discovery/nacos/codec.ts';

export type Body = Record<string, unknown>;

/** One message of a client, unary or on its stream. */
export interface FakeMessage {
  /** TCP peer; the same for all messages of one connection. */
  readonly peer: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  /** `stream` for the setup and for answers to pushes. */
  readonly via: 'unary' | 'stream';
}

export interface FakeGrpcHandlers {
  /** The answer to a request; null for none at all. */
  request(message: FakeMessage): { type: string; body: Body } | null;
  streamed(message: FakeMessage): void;
  /** The stream of a connection ended, and with it the connection. */
  ended(peer: string): void;
}

type Stream = ServerDuplexStream<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;
const unary = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

/** The two gRPC methods of Nacos, with messages as objects. */
export class FakeGrpc {
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 });
  readonly #streams = new Map<string, Stream>();
  readonly #handlers: FakeGrpcHandlers;

  constructor(handlers: FakeGrpcHandlers) {
    this.#handlers = handlers;
    this.#server.addService(
      { request: { path: '/Request/request', requestStream: false, responseStream: false, ...unary } },
      { request: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => this.#unary(call, done) },
    );
    this.#server.addService(
      { stream: { path: '/BiRequestStream/requestBiStream', requestStream: true, responseStream: true, ...unary } },
      { stream: (stream: Stream) => this.#open(stream) },
    );
  }

  /** Listens on a free port of 127.0.0.1 and returns it. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  /** Sends a message on the stream of a connection. The body gets `headers: {}`, which clients in other languages need. */
  send(peer: string, type: string, body: Body): void {
    this.sendBytes(peer, encode(type, body));
  }

  sendBytes(peer: string, bytes: Buffer): void {
    this.#streams.get(peer)?.write(bytes);
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #unary(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    const answer = this.#handlers.request(message(call.getPeer(), decodePayload(call.request), 'unary'));
    if (answer !== null) done(null, encode(answer.type, answer.body));
  }

  #open(stream: Stream): void {
    const peer = stream.getPeer();
    this.#streams.set(peer, stream);
    const end = (): void => {
      if (this.#streams.get(peer) !== stream) return;
      this.#streams.delete(peer);
      this.#handlers.ended(peer);
      stream.end();
    };
    stream.on('data', (bytes: Buffer) => this.#handlers.streamed(message(peer, decodePayload(bytes), 'stream')));
    stream.on('end', end);
    stream.on('cancelled', end);
    stream.on('error', end);
  }
}

function encode(type: string, body: Body): Buffer {
  const json = Buffer.from(JSON.stringify({ headers: {}, ...body }));
  return encodePayload({ type, clientIp: '127.0.0.1', headers: {}, body: json });
}

function message(peer: string, payload: Payload, via: 'unary' | 'stream'): FakeMessage {
  const body = JSON.parse(Buffer.from(payload.body).toString()) as Body;
  return { peer, type: payload.type, headers: payload.headers, body, via };
}
