import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { EndpointRecord } from '../core/endpoint.ts';
import { Endpoint } from './endpoint.ts';

/** An endpoint as a registry describes it. */
export function record(overrides: Partial<EndpointRecord> = {}): EndpointRecord {
  return { address: '10.0.0.1', port: 80, weight: 1, healthy: true, cluster: '', metadata: {}, ...overrides };
}

/** Endpoints a, b, c… of these weights. */
export function endpointsOf(weights: readonly number[]): Endpoint[] {
  return weights.map((weight, i) => new Endpoint(record({ address: String.fromCharCode(97 + i), weight }), 'http'));
}

/** The same numbers in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Opens a server on a free loopback port. */
export async function listening<S extends Server | HttpServer>(server: S): Promise<Endpoint> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return endpointAt(server);
}

export function endpointAt(server: Server | HttpServer, scheme: 'http' | 'https' = 'http'): Endpoint {
  const { port } = server.address() as AddressInfo;
  return new Endpoint(record({ address: '127.0.0.1', port }), scheme);
}

/** An upstream that does on its connections what no HTTP server would. */
export class RawUpstream {
  readonly sockets: Socket[] = [];
  received = '';
  readonly #server: Server;
  readonly #onData: (socket: Socket, text: string) => void;

  constructor(onData: (socket: Socket, text: string) => void) {
    this.#onData = onData;
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        this.received += text;
        this.#onData(socket, text);
      });
    });
  }

  open(): Promise<Endpoint> {
    return listening(this.#server);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
