import type { HeaderList } from '../exchange/headers.ts';
import { ChunkDecoder, type ChunkReader } from './chunk-decoder.ts';
import { FAULT, type MessageFault } from './fault.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE } from './framing.ts';

/** Bounds of the fields after a chunked body. */
export interface TrailerLimits {
  readonly bytes: number;
  readonly fields: number;
}

/** Takes a message's body out of a connection's bytes, by its framing. One object serves one message after the other. */
export class BodyDecoder {
  readonly #limits: TrailerLimits;
  #framing = BODY_NONE;
  #left = 0;
  #chunks: ChunkDecoder | null = null;

  constructor(limits: TrailerLimits) {
    this.#limits = limits;
  }

  /** @param framing one of the BODY_ kinds @param length of the body, with BODY_LENGTH */
  begin(framing: number, length: number): void {
    this.#framing = framing;
    this.#left = framing === BODY_LENGTH ? length : 0;
    this.#chunks = framing === BODY_CHUNKED ? new ChunkDecoder(this.#limits.bytes, this.#limits.fields) : null;
  }

  /** Nothing more belongs to the body. */
  get done(): boolean {
    if (this.#framing === BODY_LENGTH) return this.#left === 0;
    if (this.#framing === BODY_CHUNKED) return this.#chunks!.done;
    return this.#framing === BODY_NONE;
  }

  get fault(): MessageFault | null {
    return this.#chunks === null ? null : this.#chunks.fault;
  }

  get trailers(): HeaderList | null {
    return this.#chunks === null ? null : this.#chunks.trailers;
  }

  /** Hands data to the reader from `start` on; returns the first byte that it has not used. */
  decode(chunk: Buffer, start: number, reader: ChunkReader): number {
    if (this.#framing === BODY_CHUNKED) return this.#chunks!.decode(chunk, start, reader);
    if (this.#framing === BODY_NONE || start >= chunk.length) return start;
    const end = this.#framing === BODY_UNTIL_CLOSE ? chunk.length : Math.min(chunk.length, start + this.#left);
    if (this.#framing === BODY_LENGTH) this.#left -= end - start;
    if (end > start) reader.onChunkData(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
    return end;
  }

  /** The connection has ended. Null when that was the body's end too. */
  close(): MessageFault | null {
    if (this.#framing === BODY_UNTIL_CLOSE) {
      this.#framing = BODY_NONE;
      return null;
    }
    return this.done ? null : FAULT.closedInMessage;
  }
}
