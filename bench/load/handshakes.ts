import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { summarize } from '../statistics.ts';
import { HEADERS, HOST } from './load.ts';
import { requestText, ResponseReader } from './response-reader.ts';

// GETs on a TLS connection each. argv: port seconds full|resumed. Prints a reading. A latency runs from the connection to
// the end of the response. A handshake of the other kind than asked for counts as an error.

const [, , port = '', seconds = '', kind = ''] = process.argv;
const CLIENTS = 16;
/** Connections of each client, however long they take: a resumed one needs one before it. */
const LEAST = 2;
const REQUEST = requestText({ ...HEADERS, connection: 'close' });
const latencies: number[] = [];
let errors = 0;

/** @returns the session for the next connection, if the server gave one */
async function exchange(session: Buffer | undefined): Promise<Buffer | undefined> {
  const startedAt = performance.now();
  const socket = connect({
    port: Number(port),
    host: '127.0.0.1',
    servername: HOST,
    // The certificate is made for each run, and signed by nobody.
    rejectUnauthorized: false,
    ...(session === undefined ? {} : { session }),
  });
  let next: Buffer | undefined;
  socket.on('session', (given: Buffer) => (next = given));
  const resumed = await answer(socket);
  if (resumed === null || resumed !== (session !== undefined)) errors++;
  latencies.push(performance.now() - startedAt);
  return next;
}

/** @returns whether the session was resumed; null when there was no good answer */
async function answer(socket: TLSSocket): Promise<boolean | null> {
  const responses = new ResponseReader();
  let ok = false;
  let resumed = false;
  // A closed socket does not know any more.
  socket.once('secureConnect', () => (resumed = socket.isSessionReused()));
  socket.on('data', (chunk: Buffer) => {
    if (responses.read(chunk) === true) ok = true;
  });
  socket.on('error', () => {});
  socket.write(REQUEST, 'latin1');
  await once(socket, 'close');
  return ok ? resumed : null;
}

async function client(endAt: number): Promise<void> {
  let session: Buffer | undefined;
  for (let made = 0; made < LEAST || performance.now() < endAt; made++) {
    const next = await exchange(session);
    session = kind === 'resumed' ? next : undefined;
  }
}

const startedAt = performance.now();
const endAt = startedAt + Number(seconds) * 1000;
await Promise.all(Array.from({ length: CLIENTS }, () => client(endAt)));
console.log(JSON.stringify(summarize(latencies, (performance.now() - startedAt) / 1000, errors)));
