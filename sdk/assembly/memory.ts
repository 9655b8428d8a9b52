/**
 * What crosses the boundary: blocks the host fills, and blocks the host reads.
 *
 * The host allocates through `allocate`, fills the block and leaves address and length in the two out slots. Exactly one
 * `take…` follows every successful read. Nothing is collected before the callback has ended (heap.ts), so the block needs
 * no pinning in between, and is released once, like every other object, when nobody refers to it.
 */

/** Out slots of every reading host call: address and length of what the host wrote. */
export const OUT_ADDRESS: usize = memory.data(8, 8);
export const OUT_SIZE: usize = OUT_ADDRESS + 4;
/** Out slot of calls that answer a number of up to 8 bytes. */
export const OUT_NUMBER: usize = memory.data(8, 8);

/** A block of exactly `size` bytes for the host. */
export function allocate(size: usize): usize {
  return __new(size, idof<ArrayBuffer>());
}

/** The block the host has filled, as it is; an empty buffer when the host had nothing to say. */
export function takeBytes(): ArrayBuffer {
  const address = load<usize>(OUT_ADDRESS);
  return address ? changetype<ArrayBuffer>(address) : new ArrayBuffer(0);
}

/** The block as text, one character for each byte: what HTTP header values are. */
export function takeLatin1(): string {
  const address = load<usize>(OUT_ADDRESS);
  return address ? latin1(address, load<u32>(OUT_SIZE)) : '';
}

/** The block as text, read as UTF-8. */
export function takeUtf8(): string {
  const address = load<usize>(OUT_ADDRESS);
  return address ? decodeUtf8(address, load<u32>(OUT_SIZE)) : '';
}

/** Text of the `size` bytes at `address`, one character for each byte. */
export function latin1(address: usize, size: u32): string {
  const text = __new((<usize>size) << 1, idof<string>());
  for (let i: usize = 0; i < size; i++) store<u16>(text + (i << 1), load<u8>(address + i));
  return changetype<string>(text);
}

/** Text of UTF-8 bytes. The plain loop is a fifth of the cost of the decoder, which most texts never need. */
function decodeUtf8(address: usize, size: u32): string {
  const text = __new((<usize>size) << 1, idof<string>());
  for (let i: usize = 0; i < size; i++) {
    const byte = load<u8>(address + i);
    if (byte >= 0x80) return String.UTF8.decodeUnsafe(address, size);
    store<u16>(text + (i << 1), byte);
  }
  return changetype<string>(text);
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): ArrayBuffer {
  const size = <usize>text.length;
  const bytes = __new(size, idof<ArrayBuffer>());
  for (let i: usize = 0; i < size; i++) {
    const code = load<u16>(changetype<usize>(text) + (i << 1));
    if (code >= 0x80) return String.UTF8.encode(text);
    store<u8>(bytes + i, code);
  }
  return changetype<ArrayBuffer>(bytes);
}
