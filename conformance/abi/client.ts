// One exchange through the gateway, and what all who took part saw of it.
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { within } from '../until.ts';
import type { Called } from './driver/trace.ts';
import type { SeenRequest } from './service.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

/** What a case looks at. */
export interface Exchange {
  /** null: the connection ended without a whole response. */
  readonly reply: Reply | null;
  /** What the service got; null: nothing. */
  readonly seen: SeenRequest | null;
  readonly trace: readonly Called[];
}

export interface Ask {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent in one chunk; several pieces are sent one by one, with time between them. */
  readonly body?: string | readonly string[] | undefined;
  readonly trailers?: Readonly<Record<string, string>> | undefined;
}

const LIMIT_MS = 30_000;
/** Between pieces of a body, so that they arrive apart. */
const PIECE_MS = 200;

/** Resolves to the response; null when the connection ended before its end. */
export function ask(what: Ask): Promise<Reply | null> {
  return within(LIMIT_MS, `an answer to ${what.path}`, send(what));
}

function send({ port, host, path, method = 'GET', headers = {}, body, trailers }: Ask): Promise<Reply | null> {
  return new Promise((resolve) => {
    const all: OutgoingHttpHeaders = { host, ...(headers as OutgoingHttpHeaders) };
    if (trailers !== undefined) all['trailer'] = Object.keys(trailers).join(', ');
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers: all, agent: false });
    outgoing.once('error', () => resolve(null));
    outgoing.once('response', (response) => collect(response, resolve));
    const pieces = body === undefined ? [] : typeof body === 'string' ? [body] : [...body];
    const next = (): void => {
      const piece = pieces.shift();
      if (piece !== undefined) outgoing.write(piece);
      if (pieces.length > 0) setTimeout(next, PIECE_MS);
      else {
        if (trailers !== undefined) outgoing.addTrailers(trailers);
        outgoing.end();
      }
    };
    next();
  });
}

function collect(response: IncomingMessage, resolve: (reply: Reply | null) => void): void {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.once('error', () => resolve(null));
  response.once('close', () => {
    if (!response.complete) resolve(null);
    else {
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        body: Buffer.concat(chunks).toString('latin1'),
        trailers: response.trailers,
      });
    }
  });
}
