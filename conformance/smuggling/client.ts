import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type Message, readResponses } from './wire.ts';

/** A client that sends bytes and looks at those that come back. */
export class Client {
  readonly socket: Socket;
  bytes = '';
  closed = false;
  #ended = false;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.#ended = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** Final responses that are whole. @throws Error when the bytes could be read in two ways */
  responses(toHead: boolean): readonly Message[] {
    return readResponses(this.bytes, this.#ended, toHead).messages.filter((message) => statusOf(message) >= 200);
  }

  /** What stands behind the last whole response. */
  rest(toHead: boolean): string {
    return readResponses(this.bytes, this.#ended, toHead).rest;
  }
}

export function statusOf({ line }: Message): number {
  return Number(line.slice(9, 12));
}

/** Waits until something holds; false when it never does. */
export async function within(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await turn();
  }
  return true;
}

/** Lets everything happen that is already under way. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
}
