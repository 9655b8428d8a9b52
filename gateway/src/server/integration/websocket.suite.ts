import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';

const TEXT = 1;
const CLOSE = 8;

/** A frame of RFC 6455 §5.2 that nobody has masked, as servers send them. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  if (length >= 126) head[1] = length < 65_536 ? 126 : 127;
  return Buffer.concat([head, payload]);
}

/** Takes whole frames of a client out of what has come. */
class FrameReader {
  #bytes = Buffer.alloc(0);

  *read(chunk: Buffer): Generator<{ readonly first: number; readonly payload: Buffer }> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let size = this.#size(); size !== -1 && this.#bytes.length >= size.total; size = this.#size()) {
      const { start, total } = size;
      const mask = this.#bytes.subarray(start - 4, start);
      const payload = Buffer.from(this.#bytes.subarray(start, total));
      for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
      yield { first: this.#bytes[0]!, payload };
      this.#bytes = this.#bytes.subarray(total);
    }
  }

  #size(): { readonly start: number; readonly total: number } | -1 {
    if (this.#bytes.length < 14) {
      // The shortest frames have six bytes: all that a head of theirs needs is in them.
      if (this.#bytes.length < 6 || (this.#bytes[1]! & 0x7f) > 8) return -1;
    }
    const short = this.#bytes[1]! & 0x7f;
    const start = short < 126 ? 6 : short === 126 ? 8 : 14;
    const long = short === 126 ? this.#bytes.readUInt16BE(2) : short === 127 ? this.#bytes.readBigUInt64BE(2) : short;
    return { start, total: start + Number(long) };
  }
}

/** A WebSocket server that sends every message back. */
export class EchoServer {
  /** Handshakes as they came. */
  readonly seen: IncomingMessage[] = [];
  readonly sockets: Duplex[] = [];
  /** Status codes of the close frames that clients sent. */
  readonly closes: number[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((_request, response) => void response.writeHead(426).end('websocket only'));
    this.#server.on('upgrade', (request, socket) => this.#onUpgrade(request, socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of this.sockets) socket.destroy();
      this.#server.close();
    });
    return this;
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex): void {
    this.seen.push(request);
    this.sockets.push(socket);
    const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
    const accept = createHash('sha1').update(request.headers['sec-websocket-key']! + guid);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\nX-Served-By: echo\r\n\r\n`,
    );
    const reader = new FrameReader();
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      for (const { first, payload } of reader.read(chunk)) this.#answer(socket, first & 0x0f, payload);
    });
  }

  #answer(socket: Duplex, opcode: number, payload: Buffer): void {
    if (opcode === CLOSE) {
      this.closes.push(payload.readUInt16BE(0));
      socket.end(frame(CLOSE, payload));
    } else {
      socket.write(frame(opcode === 0 ? TEXT : opcode, payload));
    }
  }
}
