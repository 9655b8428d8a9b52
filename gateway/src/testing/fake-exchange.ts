import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../core/errors.ts';
import type { BodyReader, BodySource } from '../exchange/body.ts';
import { type Connection, Exchange } from '../exchange/exchange.ts';
import { type HeaderList, PairHeaders } from '../exchange/headers.ts';
import type { ResponseSink, SinkWriter } from '../exchange/sink.ts';

/** Headers of a test: an object, or a flat list of pairs where order and repeats matter. */
export type TestHeaders = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

export interface TestRequest {
  /** Default GET. */
  readonly method?: string;
  /** Path with query; default `/`. */
  readonly path?: string;
  /** Default `test.example.com`. */
  readonly authority?: string;
  readonly headers?: TestHeaders;
  readonly body?: string | Uint8Array;
  /** Caller's address; default 192.0.2.1. */
  readonly clientAddress?: string;
  /** Default http. */
  readonly scheme?: 'http' | 'https';
}

export function headerList(headers: TestHeaders | undefined): PairHeaders {
  const entries = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  return new PairHeaders((entries as readonly (readonly [string, string])[]).flat());
}

/** A body that nobody sends: filters see that there is one, and its length. */
class SilentBody implements BodySource {
  readonly length: number;
  readonly received = 0;
  readonly completedAt = 0;

  constructor(length: number) {
    this.length = length;
  }

  read(_reader: BodyReader): void {}
  pause(): void {}
  resume(): void {}
  stop(): void {}
}

/** A sink that forgets: the driver of the chain keeps the answer. */
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

/** An exchange without sockets. */
export function fakeExchange(request: TestRequest = {}): Exchange {
  const headers = headerList(request.headers);
  const authority = request.authority ?? headers.get('host') ?? 'test.example.com';
  const body = request.body === undefined ? null : new SilentBody(Buffer.byteLength(request.body));
  const method = request.method ?? 'GET';
  const path = request.path ?? '/';
  const connection = connectionFor(request);
  const exchange = new Exchange(connection, 'HTTP/1.1', method, path, authority, headers, body, new NoSink());
  exchange.clientAddress = connection.remoteAddress;
  return exchange;
}
