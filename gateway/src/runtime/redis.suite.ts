import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';

/** One connection as the server sees it. */
export interface RedisPeer {
  readonly socket: Socket;
  /** Words of the commands that have come. */
  readonly commands: string[][];
}

/** Answers a command with bytes, or with nothing at all (null). */
export type RedisAnswer = (words: readonly string[], peer: RedisPeer) => string | Buffer | null;

/** What a server does that has no users and no data. */
export const plainAnswer: RedisAnswer = ([name = '', ...words]) => {
  if (name.toUpperCase() === 'ECHO') return `$${Buffer.byteLength(words[0]!)}\r\n${words[0]!}\r\n`;
  return '+OK\r\n';
};

/** A server that speaks RESP as a test wants it to. */
export class FakeRedis {
  readonly peers: RedisPeer[] = [];
  answer: RedisAnswer;
  readonly #server: Server;

  private constructor(answer: RedisAnswer, tls: TlsOptions | null) {
    this.answer = answer;
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server = tls === null ? createServer(accept) : createTlsServer(tls, accept);
  }

  static async start(answer: RedisAnswer = plainAnswer, tls: TlsOptions | null = null): Promise<FakeRedis> {
    const fake = new FakeRedis(answer, tls);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => fake.stop());
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Names of all commands, in the order of the connections. */
  get names(): string[] {
    return this.peers.flatMap(({ commands }) => commands.map(([name = '']) => name));
  }

  get open(): number {
    return this.peers.filter(({ socket }) => !socket.destroyed).length;
  }

  stop(): void {
    for (const { socket } of this.peers) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const peer: RedisPeer = { socket, commands: [] };
    this.peers.push(peer);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let taken = takeCommand(text); taken !== null; taken = takeCommand(text)) {
        text = text.slice(taken.length);
        peer.commands.push(taken.words);
        const reply = this.answer(taken.words, peer);
        if (reply !== null) socket.write(reply);
      }
    });
  }
}

function takeCommand(text: string): { readonly words: string[]; readonly length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  let at = head[0].length;
  const words: string[] = [];
  for (let i = 0; i < Number(head[1]); i++) {
    const length = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (length === null) return null;
    at += length[0].length;
    words.push(text.slice(at, at + Number(length[1])));
    at += Number(length[1]) + 2;
    if (at > text.length) return null;
  }
  return { words, length: at };
}
