import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Message, readRequests, valuesOf } from './wire.ts';

/** A connection from the gateway, with every byte that came over it. */
interface Recorded {
  readonly socket: Socket;
  bytes: string;
  /** Requests that were whole. */
  whole: number;
  /** Why its bytes are open to doubt; '' when they are not. */
  doubt: string;
}

/** An upstream that writes down raw bytes, and answers each request that is whole. */
export class Recorder {
  /** Connections since the last `forget`, those included that were open then. */
  #connections: Recorded[] = [];
  /** In the order in which they were whole. */
  #requests: Message[] = [];
  /** Bytes in place of the ordinary answer to a request; null = the ordinary one. */
  hostile: ((socket: Socket, message: Message) => void) | null = null;
  readonly #server: Server;

  constructor() {
    // A second write must not wait for the first to be acknowledged.
    this.#server = createServer({ noDelay: true }, (socket) => this.#record(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#connections) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What was recorded so far counts no more. */
  forget(): void {
    this.#requests = [];
    this.#connections = this.#connections.filter(({ socket }) => !socket.destroyed);
    for (const connection of this.#connections) {
      connection.bytes = '';
      connection.whole = 0;
    }
  }

  /** Raw bytes, by connection. */
  get raw(): readonly string[] {
    return this.#connections.map(({ bytes }) => bytes).filter((bytes) => bytes !== '');
  }

  /** Whole requests. @throws Error when some bytes could be read in two ways */
  get requests(): readonly Message[] {
    for (const { doubt } of this.#connections) if (doubt !== '') throw new Error(doubt);
    return this.#requests;
  }

  /** Connections that carry part of a request, and are still open. */
  get unfinished(): number {
    return this.#connections.filter(({ bytes, socket, doubt }) => {
      return doubt === '' && readRequests(bytes).rest !== '' && !socket.destroyed && !socket.readableEnded;
    }).length;
  }

  #record(socket: Socket): void {
    const connection: Recorded = { socket, bytes: '', whole: 0, doubt: '' };
    this.#connections.push(connection);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      connection.bytes += chunk.toString('latin1');
      try {
        this.#answer(connection);
      } catch (error) {
        connection.doubt = String(error);
      }
    });
  }

  #answer(connection: Recorded): void {
    const { messages } = readRequests(connection.bytes);
    for (const message of messages.slice(connection.whole)) {
      connection.whole++;
      this.#requests.push(message);
      if (this.hostile === null) connection.socket.write(echo(message), 'latin1');
      else this.hostile(connection.socket, message);
    }
  }
}

/** The answer names the request it belongs to. */
function echo({ line, fields, body }: Message): string {
  const [method = '', target = ''] = line.split(' ');
  const text = method === 'HEAD' ? '' : `${method} ${target} ${valuesOf(fields, 'host')[0]} ${body.length}`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nX-Target: ${target}\r\n\r\n${text}`;
}

/** `method target framing body`. */
export function summary({ line, framing, body }: Message): string {
  return `${line.slice(0, line.lastIndexOf(' '))} ${framing} ${body}`;
}
