import type { HeaderList } from '../exchange/headers.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { ChunkReader } from './chunk-decoder.ts';
import { FAULT, type MessageFault } from './fault.ts';
import { HeadReader } from './head-reader.ts';
import { type HeadLimits, parseRequestHead, RequestHead } from './request-head.ts';

/** What becomes of the bytes of a connection. Per request: `onRequest`, `onRequestData`*, `onRequestEnd`. */
export interface RequestHandler {
  /** False: stop before the body; it is to be fed again when somebody wants it. */
  onRequest(head: RequestHead): boolean;
  /** A piece of the fed chunk. False: stop here; the rest is to be fed again. */
  onRequestData(data: Buffer): boolean;
  /** @param trailers null when there are none that may be used */
  onRequestEnd(trailers: HeaderList | null): void;
  /**
   * The connection cannot be understood any further. Last.
   * @param text the head in question as far as it is there, in latin1
   */
  onRequestFault(fault: MessageFault, text: string): void;
}

/**
 * The server's side of HTTP/1.1 and 1.0 on one connection: bytes in, requests out. Strict: one form of each thing
 * (RFC 9112), whatever pieces the bytes come in.
 */
export class RequestParser implements ChunkReader {
  readonly #handler: RequestHandler;
  readonly #limits: HeadLimits;
  readonly #head: HeadReader;
  readonly #body: BodyDecoder;
  #inBody = false;
  #faulty = false;

  constructor(handler: RequestHandler, limits: HeadLimits) {
    this.#handler = handler;
    this.#limits = limits;
    this.#head = new HeadReader(limits.headBytes, limits.targetBytes, isFirstByte);
    this.#body = new BodyDecoder({ bytes: limits.headBytes, fields: limits.fields });
  }

  /** Nothing of a further request has come. */
  get atRest(): boolean {
    return !this.#inBody && this.#head.pending === 0;
  }

  /**
   * Reads from `start` up to the end of the request at most, and returns the first byte that it has not used: what is
   * left belongs to the next request, or waits because the handler asked for a stop.
   */
  execute(chunk: Buffer, start: number): number {
    if (this.#faulty) return chunk.length;
    let at = start;
    if (!this.#inBody) {
      at = this.#head.read(chunk, at);
      if (this.#head.fault !== null) return this.#fail(this.#head.fault, chunk);
      if (this.#head.text === '') return at;
      const head = this.#takeHead(this.#head.text);
      if (!(head instanceof RequestHead)) return this.#fail(head, chunk);
      if (!this.#handler.onRequest(head) && !this.#body.done) return at;
    }
    at = this.#body.decode(chunk, at, this);
    if (this.#body.fault !== null) return this.#fail(this.#body.fault, chunk);
    if (this.#body.done) {
      this.#inBody = false;
      this.#handler.onRequestEnd(this.#body.trailers);
    }
    return at;
  }

  /** The sender has ended its side. Null when that was between requests. */
  close(): MessageFault | null {
    return this.atRest || this.#faulty ? null : FAULT.closedInMessage;
  }

  onChunkData(data: Buffer): boolean {
    return this.#handler.onRequestData(data);
  }

  #takeHead(text: string): RequestHead | MessageFault {
    // Old clients end a body with a line end that its length does not count (RFC 9112 §2.2).
    const head = parseRequestHead(text.startsWith('\r\n') ? text.slice(2) : text, this.#limits);
    // However the bytes came, the same fault is named.
    if (!(head instanceof RequestHead)) return this.#head.earlyFault(text) ?? head;
    this.#head.reset();
    this.#inBody = true;
    this.#body.begin(head.framing, head.contentLength);
    return head;
  }

  #fail(fault: MessageFault, chunk: Buffer): number {
    this.#faulty = true;
    this.#handler.onRequestFault(fault, this.#head.text);
    return chunk.length;
  }
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
/** By byte: a method's first character, or the line end that may stand before it. */
const FIRST_BYTES = Array.from({ length: 256 }, (_, byte) => byte === 0x0d || TOKEN.test(String.fromCharCode(byte)));

function isFirstByte(byte: number): boolean {
  return FIRST_BYTES[byte]!;
}
