import { connect, type Socket } from 'node:net';
import { summarize } from '../statistics.ts';
import { HEADERS } from './load.ts';
import { requestText, ResponseReader } from './response-reader.ts';

// GETs at random moments (a Poisson process), whether former ones are answered or not. argv: port seconds rate.
// Prints a reading. A request waits for a free connection when all are busy, and that counts as its latency. The clock
// ticks in milliseconds; what is due in a tick is sent together and counts from there, so that the generator's own
// lateness is nobody's latency. Nor is that of the time in which it opens its connections and its code gets compiled: it
// starts so much earlier, and what it sends until then counts as requests alone.

const [, , port = '', seconds = '', rate = ''] = process.argv;
const CONNECTIONS = 256;
const TICK_MS = 1;
const LAST_ANSWER_MS = 5000;
const START_MS = 1500;
const REQUEST = requestText(HEADERS);
const perMs = Number(rate) / 1000;

/** Of what became due after the start. */
const latencies: number[] = [];
let answered = 0;
const idle: Connection[] = [];
/** When requests became due that no connection has taken yet; from `taken` on. */
const waiting: number[] = [];
let taken = 0;
let underWay = 0;
let errors = 0;
let over = false;

class Connection {
  readonly #socket: Socket;
  readonly #responses = new ResponseReader();
  #dueAt = -1;

  constructor() {
    this.#socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      const ok = this.#responses.read(chunk);
      if (ok !== null) this.#answered(ok);
    });
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => this.#closed());
  }

  send(dueAt: number): void {
    this.#dueAt = dueAt;
    underWay++;
    this.#socket.write(REQUEST, 'latin1');
  }

  close(): void {
    this.#socket.destroy();
  }

  #answered(ok: boolean): void {
    this.#count(ok);
    if (taken < waiting.length) this.send(waiting[taken++]!);
    else idle.push(this);
  }

  #closed(): void {
    connections.delete(this);
    const at = idle.indexOf(this);
    if (at !== -1) idle.splice(at, 1);
    if (this.#dueAt !== -1) this.#count(false);
    if (over) return;
    const next = new Connection();
    connections.add(next);
    idle.push(next);
  }

  #count(ok: boolean): void {
    if (this.#dueAt >= countsFrom) latencies.push(performance.now() - this.#dueAt);
    answered++;
    if (!ok) errors++;
    underWay--;
    this.#dueAt = -1;
  }
}

const connections = new Set(Array.from({ length: CONNECTIONS }, () => new Connection()));
idle.push(...connections);

const startedAt = performance.now();
const countsFrom = startedAt + START_MS;
const endAt = countsFrom + Number(seconds) * 1000;
let nextAt = startedAt;

function tick(): void {
  const now = performance.now();
  for (; nextAt <= now && nextAt < endAt; nextAt -= Math.log(1 - Math.random()) / perMs) {
    const connection = idle.pop();
    if (connection === undefined) waiting.push(now);
    else connection.send(now);
  }
  over = now >= endAt && (underWay === 0 || now >= endAt + LAST_ANSWER_MS);
  if (!over) return;
  clearInterval(ticking);
  errors += underWay + waiting.length - taken;
  for (const connection of connections) connection.close();
  console.log(
    JSON.stringify({ ...summarize(latencies, START_MS / 1000 + Number(seconds), errors), requests: answered }),
  );
}

const ticking = setInterval(tick, TICK_MS);
