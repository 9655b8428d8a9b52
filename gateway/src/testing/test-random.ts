import { type Cipheriv, createCipheriv, createHash } from 'node:crypto';

/** Bytes that look random and are the same for the same seed. */
export class TestRandom {
  readonly #stream: Cipheriv;

  constructor(seed: number) {
    const key = createHash('sha256').update(String(seed)).digest();
    this.#stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  }

  fill(bytes: Uint8Array): void {
    bytes.set(this.#stream.update(Buffer.alloc(bytes.length)));
  }
}
