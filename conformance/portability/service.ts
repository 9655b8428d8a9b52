// The service behind both gateways: writes down what it gets, byte by byte, and answers each case as that says.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Message, readRequests, valuesOf } from '../smuggling/wire.ts';
import type { Answer } from './case.ts';
import { headOf, type SeenRequest, seenRequest, write } from './message.ts';

/** Says which case a request belongs to; no plugin touches it. */
export const CASE_HEADER = 'x-case';

const CALLED: Answer = {
  status: '200 OK',
  headers: ['x-called: yes'],
  body: { pieces: ['called'], framing: 'length' },
};

export class Service {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Map<string, Answer>();
  readonly #seen = new Map<string, SeenRequest[]>();

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  static async start(): Promise<Service> {
    const service = new Service();
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on answers requests of a case so. */
  expect(id: string, answer: Answer): void {
    this.#answers.set(id, answer);
  }

  /** What it got for a case. */
  take(id: string): readonly SeenRequest[] {
    const seen = this.#seen.get(id) ?? [];
    this.#seen.delete(id);
    return seen;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    let bytes = '';
    let turn: Promise<void> = Promise.resolve();
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      const { messages, rest } = readRequests(bytes + chunk.toString('latin1'));
      bytes = rest;
      for (const message of messages) turn = turn.then(() => this.#answer(socket, message));
    });
  }

  async #answer(socket: Socket, message: Message): Promise<void> {
    const [id = ''] = valuesOf(message.fields, CASE_HEADER);
    this.#seen.set(id, [...(this.#seen.get(id) ?? []), seenRequest(message)]);
    const { status, headers, body } = message.line.includes(' /called') ? CALLED : (this.#answers.get(id) ?? CALLED);
    const bodyless = message.line.startsWith('HEAD ');
    const head = headOf(`HTTP/1.1 ${status}`, headers, body);
    await write(socket, head, bodyless ? null : body);
    if (body?.framing === 'close' && !bodyless) socket.end();
  }
}
