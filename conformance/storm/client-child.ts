// Many TLS clients in one process: told by their parent to come, to leave, and to come back; see clients.ts.
import type { TcpSocketConnectOpts } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { FromClients, StormReport, ToClients } from './clients.ts';

const [portText = '', countText = '', hostHeader = ''] = process.argv.slice(2);
const PORT = Number(portText);
const REQUEST = `GET /storm HTTP/1.1\r\nHost: ${hostHeader}\r\n\r\n`;
/** The whole exchange of one attempt: a connect that the kernel has to repeat takes seconds. */
const ATTEMPT_LIMIT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;

let report = emptyReport();
let missing = 0;

function emptyReport(): StormReport {
  return { attempts: 0, refused: {}, turnedAway: {}, unexpected: [], resumed: 0, handshakesMs: [], servedMs: [] };
}

/** One device: connects, asks, and stays; who is refused waits a random time that grows, or as long as it is told. */
class Client {
  readonly #index: number;
  #socket: TLSSocket | null = null;
  #session: Buffer | null = null;
  #startedAt = 0;
  #attemptAt = 0;
  #pauses = 0;
  #text = '';
  #served = false;
  #away = true;
  #cause = '';
  #deadline: NodeJS.Timeout | null = null;

  constructor(index: number) {
    this.#index = index;
  }

  come(): void {
    this.#served = false;
    this.#away = false;
    this.#pauses = 0;
    this.#startedAt = performance.now();
    this.#attempt();
  }

  leave(): void {
    this.#away = true;
    this.#socket?.destroy();
  }

  #attempt(): void {
    report.attempts++;
    this.#attemptAt = performance.now();
    this.#text = '';
    this.#cause = 'closed';
    const options: ConnectionOptions & Pick<TcpSocketConnectOpts, 'localAddress'> = {
      host: '127.0.0.1',
      port: PORT,
      // Several addresses, as one has no more than 28 000 ports.
      localAddress: `127.0.0.${1 + (this.#index % 16)}`,
      servername: hostHeader,
      rejectUnauthorized: false,
      ...(this.#session === null ? {} : { session: this.#session }),
    };
    const socket = connect(options);
    this.#socket = socket;
    this.#deadline = setTimeout(() => this.#giveUp(socket), ATTEMPT_LIMIT_MS);
    socket.on('secureConnect', () => this.#onSecure(socket));
    socket.on('session', (session: Buffer) => {
      this.#session = session;
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  #onSecure(socket: TLSSocket): void {
    report.handshakesMs.push(performance.now() - this.#attemptAt);
    if (socket.isSessionReused()) report.resumed++;
    socket.write(REQUEST);
  }

  #onData(text: string): void {
    this.#text += text;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/^content-length: (\d+)$/im.exec(this.#text.slice(0, head))?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    this.#onAnswer(this.#text.slice(0, head), this.#text.slice(head + 4));
    this.#text = '';
  }

  #onAnswer(head: string, body: string): void {
    if (head.startsWith('HTTP/1.1 200 ')) {
      clearTimeout(this.#deadline!);
      this.#served = true;
      report.servedMs.push(performance.now() - this.#startedAt);
      missing--;
      if (missing === 0) tell({ kind: 'all-served', report });
      return;
    }
    const code = /"code":"(\w+)"/.exec(body)?.[1];
    if (!head.startsWith('HTTP/1.1 503 ') || code === undefined) {
      this.#complain(head.slice(0, 200));
      return;
    }
    count(report.refused, code);
    const after = Number(/^retry-after: (\d+)$/im.exec(head)?.[1] ?? 0);
    setTimeout(() => this.#socket!.write(REQUEST), after === 0 ? this.#pause() : after * 1000);
  }

  #onError({ code = '', message }: NodeJS.ErrnoException): void {
    // Whom a full gateway closes at once sees one of these.
    if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(code)) this.#complain(code === '' ? message : code);
    this.#cause = code;
  }

  #onClose(): void {
    clearTimeout(this.#deadline!);
    if (this.#served || this.#away) return;
    count(report.turnedAway, this.#cause);
    setTimeout(() => this.#attempt(), this.#pause());
  }

  #giveUp(socket: TLSSocket): void {
    this.#cause = 'late';
    socket.destroy();
  }

  /** Milliseconds, longer with each. */
  #pause(): number {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses++);
    return longest * (0.5 + Math.random() / 2);
  }

  #complain(what: string): void {
    if (report.unexpected.length < 20) report.unexpected.push(what);
  }
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

function tell(message: FromClients): void {
  process.send?.(message);
}

const clients = Array.from({ length: Number(countText) }, (_, index) => new Client(index));

process.on('message', (message: ToClients) => {
  if (message === 'come') {
    report = emptyReport();
    missing = clients.length;
    for (const client of clients) client.come();
  } else if (message === 'report') tell({ kind: 'report', served: clients.length - missing, report });
  else for (const client of clients) client.leave();
});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'ready' });
