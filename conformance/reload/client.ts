// A client that keeps one connection, and says exactly what became of each request.
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Target {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Over TLS, whatever the certificate. */
  readonly tls?: boolean;
}

export interface Answer {
  readonly status: number;
  /** Start line and header lines. */
  readonly head: string;
  readonly body: string;
}

const ANSWER_LIMIT_MS = 10_000;

/** A request that got no whole answer. */
export class Lost extends Error {
  override name = 'Lost';
  /** It was sent on a connection that had served before, and nothing at all came back: it may be repeated (RFC 9110, 9.2.2). */
  readonly repeatable: boolean;

  constructor(reason: string, repeatable: boolean) {
    super(reason);
    this.repeatable = repeatable;
  }
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Lost) => void;
  readonly timer: NodeJS.Timeout;
}

/** One request at a time over one connection, which is made when there is none, and given up when the gateway says so. */
export class KeepAliveClient {
  /** Connections made so far. */
  connections = 0;
  /** Answers that said `Connection: close`. */
  toldToClose = 0;
  readonly #target: () => Target;
  #socket: Socket | null = null;
  #served = 0;
  #text = '';
  #waiting: Waiting | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param target asked for each connection */
  constructor(target: () => Target) {
    this.#target = target;
  }

  /** This side's port of the connection; 0 without one. */
  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** SHA-256 of the certificate that the connection was made with. */
  get fingerprint(): string {
    return (this.#socket as TLSSocket | null)?.getPeerX509Certificate()?.fingerprint256 ?? '';
  }

  /** GETs; one after the other, however many are asked for at once. @throws Lost */
  get(host: string, path: string, headers = ''): Promise<Answer> {
    const answer = this.#turn.then(() => this.#ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #ask(request: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const socket = this.#socket ?? this.#connect();
    const timer = setTimeout(() => this.#lose(socket, `no answer within ${ANSWER_LIMIT_MS} ms`), ANSWER_LIMIT_MS);
    this.#waiting = { resolve, reject, timer };
    socket.write(request);
    return promise;
  }

  #connect(): Socket {
    const { port, tls = false } = this.#target();
    const options = { host: '127.0.0.1', port, noDelay: true };
    const socket = tls ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options);
    this.connections++;
    this.#socket = socket;
    this.#served = 0;
    this.#text = '';
    let cause = 'the connection was closed';
    socket.on('data', (chunk: Buffer) => this.#read(socket, chunk.toString('latin1')));
    socket.on('error', ({ message }) => {
      cause = message;
    });
    socket.on('end', () => this.#lose(socket, cause));
    socket.on('close', () => this.#lose(socket, cause));
    return socket;
  }

  #read(socket: Socket, chunk: string): void {
    if (socket !== this.#socket) return;
    this.#text += chunk;
    const head = this.#text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/^content-length: (\d+)$/im.exec(this.#text.slice(0, head))?.[1] ?? 0);
    if (this.#text.length < head + 4 + length) return;
    this.#answered({
      status: Number(this.#text.slice(9, 12)),
      head: this.#text.slice(0, head),
      body: this.#text.slice(head + 4, head + 4 + length),
    });
  }

  #answered(answer: Answer): void {
    this.#text = '';
    this.#served++;
    if (/^connection: close$/im.test(answer.head)) {
      this.toldToClose++;
      this.#forget();
    }
    const waiting = this.#settle();
    waiting?.resolve(answer);
  }

  #lose(socket: Socket, reason: string): void {
    if (socket !== this.#socket) return;
    const repeatable = this.#served > 0 && this.#text === '';
    this.#forget();
    this.#settle()?.reject(new Lost(reason, repeatable));
  }

  #forget(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #settle(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) clearTimeout(waiting.timer);
    return waiting;
  }
}
