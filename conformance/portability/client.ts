// One request, on a connection of its own.
import { connect } from 'node:net';
import { readResponses } from '../smuggling/wire.ts';
import { within } from '../until.ts';
import type { Body } from './case.ts';
import { brokenResponse, headOf, type SeenResponse, seenResponse, write } from './message.ts';

const LIMIT_MS = 15_000;

export interface Request {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Body | null;
}

/** Resolves to the final response; null: the connection ended without any. */
export function ask(port: number, request: Request): Promise<SeenResponse | null> {
  return within(LIMIT_MS, `an answer to ${request.method} ${request.target}`, send(port, request));
}

function send(port: number, { method, target, headers, body }: Request): Promise<SeenResponse | null> {
  const { promise, resolve, reject } = Promise.withResolvers<SeenResponse | null>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let bytes = '';
  const look = (ended: boolean): void => {
    try {
      const { messages } = readResponses(bytes, ended, method === 'HEAD');
      const final = messages.map(seenResponse).find(({ status }) => status >= 200);
      if (final === undefined && !ended) return;
      resolve(final ?? brokenResponse(bytes));
      socket.destroy();
    } catch (error) {
      reject(error);
      socket.destroy();
    }
  };
  // Whatever is wrong with the connection shows in what has come until then.
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    bytes += chunk.toString('latin1');
    look(false);
  });
  socket.on('close', () => look(true));
  void write(socket, headOf(`${method} ${target} HTTP/1.1`, headers, body), body);
  return promise;
}
