import { once } from 'node:events';
import { connect as connectClear, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { summarize } from '../statistics.ts';
import { HEADERS, HOST } from './load.ts';
import { requestText, ResponseReader } from './response-reader.ts';

// Opens connections, one request on each, and keeps them until standard input ends. argv: port clear|tls count. Prints a
// reading when all are open; a latency runs from the connection to the end of the response.

const [, , port = '', kind = '', count = ''] = process.argv;
/** Opened at a time. */
const OPENERS = 32;
const REQUEST = requestText(HEADERS);
const sockets: Socket[] = [];
const latencies: number[] = [];
let errors = 0;
let opened = 0;

function connect(): Socket {
  const where = { port: Number(port), host: '127.0.0.1' };
  return kind === 'tls' ? connectTls({ ...where, servername: HOST, rejectUnauthorized: false }) : connectClear(where);
}

async function open(): Promise<void> {
  const startedAt = performance.now();
  const socket = connect();
  sockets.push(socket);
  const responses = new ResponseReader();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.on('data', (chunk: Buffer) => {
    const ok = responses.read(chunk);
    if (ok !== null) resolve(ok);
  });
  socket.on('error', () => {});
  socket.once('close', () => resolve(false));
  socket.write(REQUEST, 'latin1');
  if (!(await promise)) errors++;
  latencies.push(performance.now() - startedAt);
}

async function opener(): Promise<void> {
  while (opened++ < Number(count)) await open();
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: OPENERS }, opener));
console.log(JSON.stringify(summarize(latencies, (performance.now() - startedAt) / 1000, errors)));
process.stdin.resume();
await once(process.stdin, 'end');
for (const socket of sockets) socket.destroy();
