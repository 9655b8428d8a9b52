// The same bytes read by the gateway's parser and by Node's, as lists of requests that can be compared.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { RequestHead } from '../../gateway/src/http1/request-head.ts';
import { RequestParser } from '../../gateway/src/http1/request-parser.ts';
import { parseTarget } from '../../gateway/src/http1/target.ts';
import { MemorySocket } from './memory-socket.ts';

/** A request as somebody understood it, up to its end. */
export interface Understood {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

export interface Reading {
  readonly requests: readonly Understood[];
  /** Why it stopped; '' when it took everything. */
  readonly fault: string;
}

const LIMITS = { headBytes: 16 * 1024, targetBytes: 8 * 1024, fields: 200 };

/** The gateway's parser. It stops behind a request after which the connection is not HTTP, or not open, any more. */
export function readOurs(bytes: Buffer, pieces: readonly Buffer[] = [bytes]): Reading {
  const requests: Understood[] = [];
  let head: RequestHead | null = null;
  let body = '';
  const state = { fault: '', ended: false };
  const parser = new RequestParser(
    {
      onRequest: (received) => {
        head = received;
        body = '';
        return true;
      },
      onRequestData: (data) => {
        body += data.toString('latin1');
        return true;
      },
      onRequestEnd: () => {
        const { method, target, headers, keepAlive, upgrade } = head!;
        requests.push({ method, target, headers: headers.toPairs(), body });
        state.ended = !keepAlive || upgrade !== '';
      },
      onRequestFault: ({ reason }) => {
        state.fault = reason;
      },
    },
    LIMITS,
  );
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && state.fault === '' && !state.ended; ) at = parser.execute(piece, at);
  }
  return { requests, fault: state.fault };
}

/** Node's parser, as its HTTP server uses it. */
export class NodeReader {
  readonly #server: Server;
  #requests: { understood: Understood; whole: boolean }[] = [];
  #fault = '';

  constructor() {
    const options = { maxHeaderSize: LIMITS.headBytes, requireHostHeader: false, insecureHTTPParser: false };
    this.#server = createServer(options, (request, response) => {
      this.#take(request);
      response.on('error', () => {});
      request.on('end', () => response.end());
    });
    for (const event of ['checkContinue', 'checkExpectation']) {
      this.#server.on(event, (request, response) => this.#server.emit('request', request, response));
    }
    this.#server.on('upgrade', (request: IncomingMessage) => this.#take(request, true));
    this.#server.on('connect', (request: IncomingMessage) => this.#take(request, true));
    // The socket stays: requests before the fault are still read to their end.
    this.#server.on('clientError', (error: NodeJS.ErrnoException) => {
      this.#fault ||= error.code ?? error.message;
    });
  }

  async read(bytes: Buffer): Promise<Reading> {
    this.#requests = [];
    this.#fault = '';
    const socket = new MemorySocket();
    socket.on('error', () => {});
    this.#server.emit('connection', socket);
    socket.push(bytes);
    // Requests that wait for the response before them come a turn later each.
    for (let left = 12; left > 0; left--) await turn();
    socket.destroy();
    const requests = this.#requests.filter(({ whole }) => whole).map(({ understood }) => understood);
    return { requests, fault: this.#fault };
  }

  #take(request: IncomingMessage, whole = false): void {
    const { method = '', url = '', rawHeaders } = request;
    const entry = {
      understood: { method, target: targetOf(url, request.headers.host), headers: rawHeaders, body: '' },
      whole,
    };
    this.#requests.push(entry);
    request.on('data', (chunk: Buffer) => {
      entry.understood.body += chunk.toString('latin1');
    });
    request.on('end', () => {
      entry.whole = true;
    });
    request.on('error', () => {});
  }
}

/** Node leaves targets as they came; the gateway takes absolute ones apart. */
function targetOf(url: string, host: string | undefined): string {
  return parseTarget(url, host ?? null)?.target ?? url;
}
