import type { BodyReader, BodySource } from './body.ts';

const SLICE = 64 * 1024;

function deliver(body: WholeBody): void {
  body.deliver();
}

/** A request body that is in memory already; for one reading, but the same bytes may serve several bodies. */
export class WholeBody implements BodySource {
  readonly length: number;
  limit = Number.POSITIVE_INFINITY;
  hiddenTrailer = '';
  received = 0;
  completedAt = 0;
  readonly #bytes: Buffer;
  #reader: BodyReader | null = null;
  #paused = false;
  #over = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    setImmediate(deliver, this);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    setImmediate(deliver, this);
  }

  stop(): void {
    this.#over = true;
  }

  /** @internal Hands over what the reader takes. */
  deliver(): void {
    const reader = this.#reader!;
    while (!this.#over && !this.#paused && this.received < this.length) {
      const chunk = this.#bytes.subarray(this.received, this.received + SLICE);
      this.received += chunk.length;
      reader.onBodyData(chunk);
    }
    if (this.#over || this.#paused) return;
    this.#over = true;
    this.completedAt = performance.now();
    reader.onBodyEnd(null);
  }
}
