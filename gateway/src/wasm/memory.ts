/** Longer texts are read and written by the engine's own routines; shorter ones are faster one by one. */
const SHORT = 24;

/**
 * A guest's linear memory. Addresses and lengths are unsigned 32-bit numbers that the guest chose: whoever uses them
 * asks `holds` first. The views are made anew when the memory has grown, which detaches them.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(new ArrayBuffer(0));

  /** Until then it holds nothing: host calls are made before there is an instance to own the memory. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** All of it; valid until the guest runs again. */
  get bytes(): Buffer {
    // A detached view has length 0. Cheaper than to ask for `memory.buffer` each time.
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  holds(address: number, length: number): boolean {
    return address + length <= this.bytes.length;
  }

  readU32(address: number): number {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view.getUint32(address, true);
  }

  writeU32(address: number, value: number): void {
    if (this.#bytes.length === 0) this.#refresh();
    this.#view.setUint32(address, value, true);
  }

  writeU64(address: number, value: bigint): void {
    if (this.#bytes.length === 0) this.#refresh();
    this.#view.setBigUint64(address, value, true);
  }

  readLatin1(address: number, length: number): string {
    const bytes = this.bytes;
    if (length > SHORT) return bytes.toString('latin1', address, address + length);
    let text = '';
    for (let i = address; i < address + length; i++) text += String.fromCharCode(bytes[i]!);
    return text;
  }

  /** Text for people; bytes that are not UTF-8 become U+FFFD. */
  readUtf8(address: number, length: number): string {
    return this.bytes.toString('utf8', address, address + length);
  }

  writeLatin1(address: number, text: string): void {
    const bytes = this.bytes;
    if (text.length > SHORT) bytes.write(text, address, text.length, 'latin1');
    else for (let i = 0; i < text.length; i++) bytes[address + i] = text.charCodeAt(i);
  }

  #refresh(): void {
    if (this.#memory === null) return;
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}
