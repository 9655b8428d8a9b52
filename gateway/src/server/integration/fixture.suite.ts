import {
  createServer,
  type IncomingMessage,
  request as sendRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect } from 'vitest';

/** The domain that tests ask for unless they say otherwise; RawClient and HttpClient send it as well. */
export const HOST = 'a.example';

export interface Ask {
  readonly host?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

/** One request on a connection of its own; rejects when the response is not whole. */
export function ask(port: number, { host = HOST, path = '/', method = 'GET', headers = {}, body }: Ask = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const all = { host, ...headers } as Record<string, string | string[]>;
  const request = sendRequest({ host: '127.0.0.1', port, path, method, headers: all, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const { statusCode: status = 0, rawHeaders } = response;
      resolve({ status, headers: response.headers, rawHeaders, text: Buffer.concat(chunks).toString() });
    });
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

/** The code of an error answer. */
export function codeOf({ text }: Reply): string {
  return (JSON.parse(text) as { error: { code: string } }).error.code;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
}

/** An HTTP server that keeps what it was asked, and answers with its name unless told otherwise. */
export class HttpUpstream {
  readonly name: string;
  readonly seen: SeenRequest[] = [];
  /** Requests whose connection the gateway closed before they were answered. */
  aborted = 0;
  /** Connections since the start. */
  connections = 0;
  readonly #server: Server;

  constructor(name: string, handler: RequestListener = (_request, response) => void response.end(name)) {
    this.name = name;
    this.#server = createServer((request, response) => {
      const { method = '', url = '', headers, rawHeaders } = request;
      this.seen.push({ method, url, headers, rawHeaders });
      response.on('close', () => {
        if (!response.writableFinished) this.aborted++;
      });
      handler(request, response);
    });
    this.#server.on('connection', () => void this.connections++);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get last(): SeenRequest {
    return this.seen.at(-1)!;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A port where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** As `eventually`, of threads and processes that load their program first, which takes a while on a busy machine. */
export function patiently<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { interval: 10, timeout: 25_000 });
}

/** Waits until something is as expected, with little pauses; fails the test after a few seconds. */
export function eventually<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { interval: 5, timeout: 8000 });
}
