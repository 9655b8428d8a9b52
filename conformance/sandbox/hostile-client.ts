// One request that has all a plugin may be called for, on a connection of its own.
import { connect } from 'node:net';
import type { Seen } from './attack.ts';

const ANSWER_LIMIT_MS = 30_000;

function requestOf(host: string, path: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nx-any: some value\r\nConnection: close\r\nTE: trailers\r\nTrailer: x-trailer\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsome \r\n4\r\nbody\r\n0\r\nx-trailer: 1\r\n\r\n`;
}

/** Resolves to what the client sees; never rejects. */
export function askHostile(port: number, host: string, path: string): Promise<Seen> {
  const { promise, resolve } = Promise.withResolvers<Seen>();
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  const timer = setTimeout(() => {
    resolve(`no answer within ${ANSWER_LIMIT_MS} ms`);
    socket.destroy();
  }, ANSWER_LIMIT_MS);
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  // Told by what has come until then.
  socket.on('error', () => {});
  socket.on('close', () => {
    clearTimeout(timer);
    resolve(seenOf(text));
  });
  socket.write(requestOf(host, path));
  return promise;
}

/** An answer without its end is a reset. */
function seenOf(text: string): Seen {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return 'reset';
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  const code = /"code":"(SLUICE_[A-Z_]+)"/.exec(body)?.[1];
  if (code !== undefined) return code;
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  const whole = length === undefined ? /(?:^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n$/.test(body) : body.length >= Number(length);
  return whole ? head.slice(9, 12) : 'reset';
}
