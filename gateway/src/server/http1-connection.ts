import type { Socket } from 'node:net';
import type { ErrorCode } from '../core/errors.ts';
import type { Connection } from '../exchange/exchange.ts';
import { closeGently } from './refusal.ts';

/** Times of a listener in milliseconds; see the limits table for each. */
export interface ListenerTimes {
  readonly head: number;
  readonly keepAlive: number;
  readonly clientIdle: number;
  readonly linger: number;
}

/** An exchange as its connection sees it. */
export interface ConnectionUser {
  /** The client takes nothing of the response at present. */
  readonly blocked: boolean;
  readonly body: { readonly reading: boolean; readonly complete: boolean; fail(code: ErrorCode): void } | null;
  onConnectionClosed(): void;
}

let connectionIds = 0;

/** A client's connection, and what runs on it: one exchange, or several when the client pipelines. */
export class Http1Connection implements Connection {
  readonly id = ++connectionIds;
  readonly listener: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls = false;
  readonly serverName = '';
  readonly socket: Socket;
  readonly times: ListenerTimes;
  readonly users = new Set<ConnectionUser>();
  /** No further request is taken; it closes with the response. */
  closing = false;
  /** Bytes received when its last exchange ended; -1 = there was none. */
  #bytesAtRest = -1;

  constructor(socket: Socket, listener: string, times: ListenerTimes) {
    this.socket = socket;
    this.listener = listener;
    this.times = times;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = socket.localAddress ?? '';
    this.localPort = socket.localPort ?? 0;
  }

  /** Its exchanges have ended. */
  rest(): void {
    this.#bytesAtRest = this.socket.bytesRead;
  }

  /** Nothing of a further request has come since the last one ended. A connection that is new is not quiet. */
  get quiet(): boolean {
    return this.users.size === 0 && this.#bytesAtRest === this.socket.bytesRead;
  }

  /** A request body is still to come. */
  get uploading(): boolean {
    for (const { body } of this.users) if (body !== null && !body.complete) return true;
    return false;
  }

  /** Closes after the response; what the client still sends is read for a moment, so that the response arrives. */
  closeAfterResponse(): void {
    if (this.closing) return;
    this.closing = true;
    const { socket, times } = this;
    socket.destroySoon = () => closeGently(socket, times.linger);
  }

  /** One timer watches whatever side waits for the client: its body, or its taking the response. */
  watchClient(waiting: boolean): void {
    this.socket.setTimeout(waiting ? this.times.clientIdle : 0);
  }

  onIdle(): void {
    for (const user of this.users) {
      if (user.blocked) break;
      if (user.body?.reading) {
        this.closeAfterResponse();
        this.watchClient(false);
        user.body.fail('SLUICE_REQUEST_TIMEOUT');
        return;
      }
    }
    this.socket.destroy();
  }
}
