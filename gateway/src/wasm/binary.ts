/** A module that cannot run here; the message says where and why. Becomes SLUICE_PLUGIN_INVALID. */
export class ModuleError extends Error {}

/** Reads the WebAssembly binary format. Every read is checked against `end`. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Goes on elsewhere. */
  from(at: number): this {
    this.at = at;
    return this;
  }

  u8(): number {
    if (this.at >= this.end) throw new ModuleError(`the module ends early at byte ${this.at}`);
    return this.bytes[this.at++]!;
  }

  /** Unsigned LEB128 of up to 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new ModuleError(`a number at byte ${this.at} is too long`);
  }

  /** Passes over one LEB128 number of any size and sign. */
  skipLeb(): void {
    while (this.u8() >= 0x80);
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw new ModuleError(`the module ends early at byte ${this.end}`);
    this.at += count;
  }

  name(): string {
    const length = this.u32();
    const start = this.at;
    this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('utf8');
  }
}

/** Builds binary modules in a buffer that grows. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Unsigned LEB128. */
  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const byte = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) return this.u8(byte);
      this.u8(byte | 0x80);
    }
  }

  /** Copies `source[start, end)`. */
  copy(source: Uint8Array, start = 0, end = source.length): this {
    this.#reserve(end - start);
    this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length += end - start;
    return this;
  }

  /** A vector of bytes: its length, then the bytes. */
  sized(source: Uint8Array): this {
    return this.u32(source.length).copy(source);
  }

  name(text: string): this {
    return this.sized(Buffer.from(text, 'utf8'));
  }

  /** Empties the writer and keeps its buffer. */
  clear(): void {
    this.#length = 0;
  }

  /** What was written; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
