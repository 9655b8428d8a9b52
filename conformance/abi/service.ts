// The service behind the gateway: writes down what it gets, answers with a head, a body in one piece and trailers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case, in the order and as often as they came. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

/** Says which exchange a request belongs to. */
export const EXCHANGE_HEADER = 'x-abi-exchange';

export class Service {
  readonly #server: Server;
  readonly #seen = new Map<string, SeenRequest>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<Service> {
    const service = new Service();
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What it got for one exchange; null: nothing. */
  take(exchange: string): SeenRequest | null {
    const seen = this.#seen.get(exchange) ?? null;
    this.#seen.delete(exchange);
    return seen;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // A request that is cut off is nothing that it got.
      return;
    }
    const body = Buffer.concat(chunks).toString('latin1');
    const exchange = request.headers[EXCHANGE_HEADER];
    if (typeof exchange === 'string') this.#seen.set(exchange, seenOf(request, body));
    answer(request, response, body);
  }
}

function seenOf(request: IncomingMessage, body: string): SeenRequest {
  const { method = '', url = '', rawHeaders, trailers } = request;
  const headers: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  return { method, path: url, headers, body, trailers };
}

/** `/callout` answers what callouts expect, one that ends in `plain` without trailers, every other path as an exchange expects it. */
function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const isCallout = request.url?.startsWith('/callout') === true;
  const headers: [string, string][] = isCallout
    ? [['x-callout', 'yes']]
    : [
        ['x-up', 'yes'],
        ['x-two', 'a'],
        ['x-two', 'b'],
        ['content-type', 'text/plain'],
      ];
  if (request.url?.endsWith('plain') === true) {
    const text = `plain ${body}`;
    response.writeHead(200, [...headers, ['content-length', String(text.length)]].flat()).end(text);
    return;
  }
  response.writeHead(200, [...headers, ['trailer', 'x-tail']].flat());
  response.write(isCallout ? 'callout body' : 'response body');
  response.addTrailers({ 'x-tail': isCallout ? 'callout' : 'z' });
  response.end();
}
