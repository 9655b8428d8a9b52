import { type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http';
import { request as sendSecurely } from 'node:https';
import { connect, type Socket } from 'node:net';
import { DEFAULT_LISTENER_LIMITS, type ListenerLimits } from '../config/schema-limits.ts';
import { silentLog } from '../core/log.ts';
import { MetricSlots } from '../core/metrics.ts';
import type { BodySender, ResponseReceiver } from '../exchange/probes.suite.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { PairHeaders } from '../exchange/headers.ts';
import type { ExchangeHandler } from './listener.ts';
import { type Http1Listener, type ListenerOptions, listen } from './listener-http1.ts';

/** A listener on a free loopback port. */
export function openListener(handler: ExchangeHandler, options: TestOptions = {}): Promise<Http1Listener> {
  return listen({ ...defaults(), ...options, limits: { ...DEFAULT_LISTENER_LIMITS, ...options.limits } }, handler);
}

/** What a test says of its listener; the rest has defaults. */
export type TestOptions = Partial<Omit<ListenerOptions, 'limits'>> & { readonly limits?: Partial<ListenerLimits> };

function defaults(): ListenerOptions {
  return {
    name: 'test',
    address: '127.0.0.1',
    port: 0,
    reusePort: false,
    limits: DEFAULT_LISTENER_LIMITS,
    tls: null,
    metrics: testSlots(),
    log: silentLog,
    onRefused: () => TRACE_ID,
  };
}

/** Slots of a worker without series. */
export function testSlots(): MetricSlots {
  return new MetricSlots(new SharedArrayBuffer(1024));
}

/** Of refusals that nobody books. */
export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

/** node's client as the two ends of an exchange that a test drives. */
export class HttpClient implements BodySender, ResponseReceiver {
  readonly request: ClientRequest;
  readonly informationals: { status: number; pairs: readonly string[] }[] = [];
  ended = false;
  failed = false;
  #response: IncomingMessage | null = null;
  readonly #chunks: Buffer[] = [];
  /** Its side after a switch of protocols. */
  tunnel: Socket | null = null;
  #held = false;

  constructor(port: number, options: { method?: string; path?: string; headers?: string[]; secure?: boolean } = {}) {
    const { method = 'GET', path = '/', headers = [], secure = false } = options;
    const send = secure ? sendSecurely : sendRequest;
    const target = { host: '127.0.0.1', port, method, path, agent: false as const };
    const all = ['Host', 'a.example', ...headers] as never;
    this.request = send({ ...target, headers: all, rejectUnauthorized: false });
    this.request.on('error', () => {
      this.failed = true;
    });
    this.request.on('information', ({ statusCode, rawHeaders }) => {
      this.informationals.push({ status: statusCode, pairs: rawHeaders });
    });
    this.request.on('response', (response) => this.#onResponse(response));
    this.request.on('upgrade', (response, socket, rest) => {
      this.#response = response;
      if (rest.length > 0) socket.unshift(rest);
      this.tunnel = socket;
    });
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
    this.tunnel?.destroy();
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
