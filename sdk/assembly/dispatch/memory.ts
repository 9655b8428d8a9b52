import { decodeUtf8, latin1 } from '../types/text';

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

/** The block as text, one character for each byte. */
export function takeLatin1(): string {
  const address = load<usize>(OUT_ADDRESS);
  return address ? latin1(address, load<u32>(OUT_SIZE)) : '';
}

/** The block as text, read as UTF-8. */
export function takeUtf8(): string {
  const address = load<usize>(OUT_ADDRESS);
  return address ? decodeUtf8(address, load<u32>(OUT_SIZE)) : '';
}
