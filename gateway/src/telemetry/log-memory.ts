/** Where the word stands that says whose it is; the lines begin behind it. */
const WORD_BYTES = 4;
const FREE = 0;
const AWAY = 1;

/**
 * Shared memory that full batches of log lines travel in, from a worker to the writer and back. Fresh memory for each
 * would count as garbage of the main thread, which then searches its whole heap every second.
 */
export class LogMemory {
  readonly bytes: Buffer;
  readonly #word: Int32Array;

  /** @param size bytes of lines */
  constructor(size: number) {
    const memory = new SharedArrayBuffer(WORD_BYTES + size);
    this.bytes = Buffer.from(memory, WORD_BYTES);
    this.#word = wordOf(memory);
  }

  /** The writer does not use it, or not any more. */
  get free(): boolean {
    return Atomics.load(this.#word, 0) === FREE;
  }

  /** Its lines are about to be posted. */
  leave(): void {
    Atomics.store(this.#word, 0, AWAY);
  }
}

/** Of the writer: the worker may use the memory of this batch again. Does nothing for a batch in memory of its own. */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer instanceof SharedArrayBuffer) Atomics.store(wordOf(buffer), 0, FREE);
}

function wordOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, 1);
}
