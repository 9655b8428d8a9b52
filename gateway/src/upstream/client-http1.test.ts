import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { runContract } from '../exchange/contract.suite.ts';
import { type BodyReceiver, memorySender, type ResponseDriver, sinkReceiver } from '../exchange/probes.suite.ts';
import { PairHeaders } from '../exchange/headers.ts';
import { MemoryBody, MemorySink } from '../exchange/memory.ts';
import { TimerWheel } from '../core/wheel.ts';
import { Http1Client } from './client-http1.ts';
import { listening } from './upstream.suite.ts';

/** The request as node's server, in the upstream's place, gets it. */
class ServerRequest implements BodyReceiver {
  ended = false;
  failed = false;
  #request: IncomingMessage | null = null;
  readonly #chunks: Buffer[] = [];

  take(request: IncomingMessage): void {
    this.#request = request;
    request.on('error', () => {
      this.failed = true;
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get trailers(): readonly string[] | null {
    const { rawTrailers } = this.#request!;
    return rawTrailers.length === 0 ? null : rawTrailers;
  }

  start(): void {
    this.#request!.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#request!.on('end', () => {
      this.ended = true;
    });
  }

  pause(): void {
    this.#request!.pause();
  }

  resume(): void {
    this.#request!.resume();
  }

  stop(): void {
    this.#request!.removeAllListeners('data').removeAllListeners('end');
  }
}

/** The response as node's server gives it. */
class ServerAnswer implements ResponseDriver {
  drains = 0;
  closed = 0;
  #response: ServerResponse | null = null;

  take(response: ServerResponse): void {
    this.#response = response;
    response.on('drain', () => this.drains++);
    response.on('close', () => {
      if (!response.writableEnded) this.closed++;
    });
  }

  informational(status: number, pairs: string[]): void {
    this.#response!.writeInformation(status, pairs);
  }

  head(status: number, pairs: string[]): void {
    this.#response!.writeHead(status, pairs);
    // flushHeaders() would encode the head as UTF-8.
    this.#response!.write('', 'latin1');
  }

  data(chunk: Buffer): boolean {
    return this.#response!.write(chunk);
  }

  trailers(pairs: string[]): void {
    const list: [string, string][] = [];
    for (let i = 0; i < pairs.length; i += 2) list.push([pairs[i]!, pairs[i + 1]!]);
    this.#response!.addTrailers(list);
  }

  end(): void {
    this.#response!.end();
  }

  upgrade(pairs: string[]): Duplex {
    const socket = this.#response!.socket!;
    this.#response!.detachSocket(socket);
    let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n';
    for (let i = 0; i < pairs.length; i += 2) head += `${pairs[i]}: ${pairs[i + 1]}\r\n`;
    socket.write(`${head}\r\n`);
    return socket;
  }

  reset(): void {
    this.#response!.destroy();
  }
}

runContract(
  'upstream client over its own connections',
  async ({ method, bodyLength, upgrade }) => {
    const begun = Promise.withResolvers<void>();
    const bodyReceiver = new ServerRequest();
    const response = new ServerAnswer();
    const server = createServer((request, answer) => {
      bodyReceiver.take(request);
      response.take(answer);
      begun.resolve();
    });
    server.on('upgrade', (request, socket) => {
      const answer = new ServerResponse(request);
      answer.assignSocket(socket as Socket);
      response.take(answer);
      begun.resolve();
    });
    const endpoint = await listening(server);
    const body = new MemoryBody(bodyLength ?? -1);
    const sink = new MemorySink();
    const headers = new PairHeaders(['Host', 'a.example']);
    const request = { method, target: '/', headers, body: bodyLength === null ? null : body, upgrade };
    new Http1Client({ wheel: new TimerWheel() }).send(endpoint, request, sink);
    return {
      sender: memorySender(body),
      bodyReceiver,
      response,
      client: sinkReceiver(sink),
      begun: begun.promise,
      close: async () => {
        server.closeAllConnections();
        server.close();
        endpoint.drain();
      },
    };
  },
  { requestTrailers: true },
);
