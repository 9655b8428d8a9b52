import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import { MemoryBody } from '../exchange/memory.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';

/** Headers of a test: an object, or a flat list of pairs where order and repeats matter. */
export type TestHeaders = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** A body: whole, with its length announced (`content-length`), or a list, chunk by chunk without one. */
export type TestBody = string | Uint8Array | readonly (string | Uint8Array)[];

export interface TestRequest {
  /** Default GET. */
  readonly method?: string;
  /** Path with query; default `/`. */
  readonly path?: string;
  /** Default `test.example.com`. */
  readonly authority?: string;
  readonly headers?: TestHeaders;
  readonly body?: TestBody;
  /** Only behind a body. */
  readonly trailers?: TestHeaders;
  /** Caller's address; default 192.0.2.1. */
  readonly clientAddress?: string;
  /** Default http. */
  readonly scheme?: 'http' | 'https';
}

export function headerList(headers: TestHeaders | undefined): PairHeaders {
  const entries = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  return new PairHeaders((entries as readonly (readonly [string, string])[]).flat());
}

/** Lower-case names; repeated fields are joined by `, `. */
export type Fields = Readonly<Record<string, string>>;

/** @param first stands before the list */
export function fieldsOf(list: HeaderList, first: Fields = {}): Record<string, string> {
  // Clients may name a header after what every object has, such as `constructor`.
  const fields = new Map(Object.entries(first));
  for (let i = 0; i < list.size; i++) {
    const name = list.nameAt(i).toLowerCase();
    const before = fields.get(name);
    fields.set(name, before === undefined ? list.valueAt(i) : `${before}, ${list.valueAt(i)}`);
  }
  return Object.fromEntries(fields);
}

/** Chunks of a body, empty ones left out. */
export function bodyChunks(body: TestBody): Buffer[] {
  const chunks = typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
  return chunks.map((chunk) => Buffer.from(chunk as Uint8Array)).filter(({ length }) => length > 0);
}

/** Length that a message announces; -1: its body comes in chunks, or with trailers, or there is none. */
export function announcedLength({ body, trailers }: Pick<TestRequest, 'body' | 'trailers'>): number {
  const whole = typeof body === 'string' || body instanceof Uint8Array;
  return whole && trailers === undefined ? Buffer.byteLength(body) : -1;
}

function requestBody(request: TestRequest): MemoryBody | null {
  const { body, trailers } = request;
  const length = announcedLength(request);
  if (body === undefined || length === 0) return null;
  const chunks = bodyChunks(body);
  const source = new MemoryBody(length);
  for (const chunk of chunks) source.write(chunk);
  source.end(trailers === undefined ? null : headerList(trailers));
  return source;
}

/** A sink that forgets. */
class NoSink implements ResponseSink {
  writer: SinkWriter | null = null;
  informational(_status: number, _headers: HeaderList): void {}
  head(_status: number, _headers: HeaderList, _endOfStream: boolean): void {}
  data(_chunk: Buffer): boolean {
    return true;
  }
  trailers(_headers: HeaderList): void {}
  end(): void {}
  upgrade(_headers: HeaderList, _duplex: Duplex): void {}
  reset(_code: ErrorCode): void {}
}

let connections = 0;

function connectionFor(request: TestRequest): Connection {
  return {
    id: ++connections,
    listener: 'test',
    remoteAddress: request.clientAddress ?? '192.0.2.1',
    remotePort: 40_000,
    localAddress: '192.0.2.254',
    localPort: 8080,
    tls: request.scheme === 'https',
    serverName: '',
  };
}

/** Headers of a message with the length that it announces, unless they have one. */
export function messageHeaders(message: Pick<TestRequest, 'headers' | 'body' | 'trailers'>): PairHeaders {
  const headers = headerList(message.headers);
  const length = announcedLength(message);
  if (length !== -1 && !headers.has('content-length')) headers.append('content-length', String(length));
  return headers;
}

/** An exchange without sockets. @param sink takes the response; default: nobody does */
export function fakeExchange(request: TestRequest = {}, sink: ResponseSink = new NoSink()): Exchange {
  const headers = messageHeaders(request);
  const authority = request.authority ?? headers.get('host') ?? 'test.example.com';
  const body = requestBody(request);
  const method = request.method ?? 'GET';
  const path = request.path ?? '/';
  const connection = connectionFor(request);
  const exchange = new Exchange(connection, 'HTTP/1.1', method, path, authority, headers, body, sink);
  exchange.clientAddress = connection.remoteAddress;
  return exchange;
}
