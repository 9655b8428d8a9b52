import { type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { silentLog } from '../core/log.ts';
import type { BodySender, ResponseReceiver } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { type ExchangeHandler, type Listener, type ListenerOptions, listen } from './listener-http1.ts';

/** A listener on a free loopback port. */
export function openListener(handler: ExchangeHandler, options: Partial<ListenerOptions> = {}): Promise<Listener> {
  return listen({ name: 'test', address: '127.0.0.1', port: 0, log: silentLog, ...options }, handler);
}

/** node's client as the two ends of an exchange that a test drives. */
export class HttpClient implements BodySender, ResponseReceiver {
  readonly request: ClientRequest;
  readonly informationals: { status: number; pairs: readonly string[] }[] = [];
  ended = false;
  failed = false;
  #response: IncomingMessage | null = null;
  readonly #chunks: Buffer[] = [];
  #held = false;

  constructor(port: number, options: { method?: string; path?: string; headers?: string[] } = {}) {
    const { method = 'GET', path = '/', headers = [] } = options;
    const target = { host: '127.0.0.1', port, method, path, agent: false as const };
    this.request = sendRequest({ ...target, headers: ['Host', 'a.example', ...headers] as never });
    this.request.on('error', () => {
      this.failed = true;
    });
    this.request.on('information', ({ statusCode, rawHeaders }) => {
      this.informationals.push({ status: statusCode, pairs: rawHeaders });
    });
    this.request.on('response', (response) => this.#onResponse(response));
    this.request.flushHeaders();
  }

  get status(): number {
    return this.#response?.statusCode ?? 0;
  }

  get pairs(): readonly string[] {
    return this.#response?.rawHeaders ?? [];
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get trailers(): readonly string[] | null {
    return this.#response?.rawTrailers ?? null;
  }

  write(chunk: Buffer): void {
    this.request.write(chunk);
  }

  end(trailers?: string[]): void {
    if (trailers !== undefined) {
      const pairs: [string, string][] = [];
      for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i]!, trailers[i + 1]!]);
      this.request.addTrailers(pairs);
    }
    this.request.end();
  }

  fail(): void {
    this.request.destroy();
  }

  hold(): void {
    this.#held = true;
    this.#response?.pause();
  }

  release(): void {
    this.#held = false;
    this.#response?.resume();
  }

  close(): void {
    this.request.destroy();
  }

  #onResponse(response: IncomingMessage): void {
    this.#response = response;
    response.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    response.on('end', () => {
      this.ended = response.complete;
    });
    response.on('error', () => {
      this.failed = true;
    });
    if (this.#held) response.pause();
  }
}

/** A bare connection: what is written is what is sent, what comes is kept as text. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  closed = false;
  failed = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {
      this.failed = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The body of the last response, as JSON. */
  json(): unknown {
    return JSON.parse(this.text.slice(this.text.lastIndexOf('\r\n\r\n') + 4));
  }
}

/** Answers at once with a short text. */
export function answer(x: Exchange, status: number, text: string): void {
  x.sink.head(status, new PairHeaders(['content-length', String(text.length)]), text === '');
  if (text !== '') x.sink.data(Buffer.from(text));
  x.sink.end();
}
