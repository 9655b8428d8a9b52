import type { HeaderList } from '../exchange/headers.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { ChunkReader } from './chunk-decoder.ts';
import { FAULT, type MessageFault } from './fault.ts';
import { HeadReader } from './head-reader.ts';
import { parseResponseHead, ResponseHead } from './response-head.ts';

/** Per response: `onResponse` once for each 1xx and for the final head, `onResponseData`*, `onResponseEnd`. */
export interface ResponseHandler {
  onResponse(head: ResponseHead): void;
  /** A piece of the fed chunk. False: stop here; the rest is to be fed again. */
  onResponseData(data: Buffer): boolean;
  onResponseEnd(trailers: HeaderList | null): void;
  /** Nothing further of this connection can be used. Last. */
  onResponseFault(fault: MessageFault): void;
}

const H = 0x48;

/** The client's side of HTTP/1.1 on one connection: bytes in, one response for each `expect`. As strict as for requests. */
export class ResponseParser implements ChunkReader {
  readonly #handler: ResponseHandler;
  readonly #maxFields: number;
  readonly #head: HeadReader;
  readonly #body: BodyDecoder;
  #toHead = false;
  #expecting = false;
  #inBody = false;

  /** @param headBytes bound of a head @param maxFields bound of its fields */
  constructor(handler: ResponseHandler, headBytes: number, maxFields: number) {
    this.#handler = handler;
    this.#maxFields = maxFields;
    this.#head = new HeadReader(headBytes, 0, (byte) => byte === H);
    this.#body = new BodyDecoder({ bytes: headBytes, fields: maxFields });
  }

  /** A request was sent. @param toHead it was HEAD: its response has no body */
  expect(toHead: boolean): void {
    this.#toHead = toHead;
    this.#expecting = true;
  }

  /**
   * Reads from `start` up to the end of the response at most, and returns the first byte that it has not used. After a
   * 101 that is the first byte of the other protocol. Bytes that no request asked for are a fault of the peer.
   */
  execute(chunk: Buffer, start: number): number {
    let at = start;
    while (this.#expecting && !this.#inBody) {
      at = this.#head.read(chunk, at);
      if (this.#head.fault !== null) return this.#fail(this.#head.fault, chunk);
      if (this.#head.text === '') return at;
      const fault = this.#takeHead(this.#head.text);
      if (fault !== null) return this.#fail(fault, chunk);
      if (at >= chunk.length) break;
    }
    if (!this.#inBody) return at;
    at = this.#body.decode(chunk, at, this);
    if (this.#body.fault !== null) return this.#fail(this.#body.fault, chunk);
    if (this.#body.done) this.#end();
    return at;
  }

  /** The peer has ended its side. Ends a response that lasts until then; else answers what is missing. */
  close(): MessageFault | null {
    if (!this.#expecting) return null;
    const fault = this.#inBody ? this.#body.close() : FAULT.closedInMessage;
    if (fault === null) this.#end();
    return fault;
  }

  onChunkData(data: Buffer): boolean {
    return this.#handler.onResponseData(data);
  }

  #takeHead(text: string): MessageFault | null {
    const head = parseResponseHead(text, this.#toHead, this.#maxFields);
    if (!(head instanceof ResponseHead)) return this.#head.earlyFault(text) ?? head;
    this.#head.reset();
    const final = head.status >= 200;
    // After a switch of protocols nothing here is HTTP any more.
    if (head.status === 101) this.#expecting = false;
    if (final) {
      this.#inBody = true;
      this.#body.begin(head.framing, head.contentLength);
    }
    this.#handler.onResponse(head);
    return null;
  }

  #end(): void {
    this.#inBody = false;
    this.#expecting = false;
    this.#handler.onResponseEnd(this.#body.trailers);
  }

  #fail(fault: MessageFault, chunk: Buffer): number {
    this.#expecting = false;
    this.#inBody = false;
    this.#handler.onResponseFault(fault);
    return chunk.length;
  }
}
