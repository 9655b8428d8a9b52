import { endsLine, lowerCode } from '../types/header-text';

const SMALLEST: i32 = 256;

/** A reused block outside the collected heap: what is passed to the host for the length of one call. */
@final
export class Scratch {
  address: usize = 0;
  /** Bytes in use since the last `encode`. */
  size: i32 = 0;
  private capacity: i32 = 0;

  /** Room for `size` bytes; what was in the block is lost. */
  reserve(size: i32): void {
    this.size = size;
    if (size <= this.capacity) return;
    if (this.address) heap.free(this.address);
    this.capacity = max(SMALLEST, size);
    this.address = heap.alloc(this.capacity);
  }

  /**
   * Writes `text` as one byte for each character. False when a character has no byte, or is one that would end a
   * header line (CR, LF, NUL).
   */
  encode(text: string): bool {
    const length = text.length;
    this.reserve(length);
    const from = changetype<usize>(text);
    for (let i: usize = 0; i < <usize>length; i++) {
      const code: u32 = load<u16>(from + (i << 1));
      if (code > 0xff || endsLine(code)) return false;
      store<u8>(this.address + i, code);
    }
    return true;
  }

  /** Like `encode`, with capital letters made small: for header names. */
  encodeName(name: string): bool {
    if (!this.encode(name)) return false;
    for (let i: usize = 0; i < <usize>this.size; i++) store<u8>(this.address + i, lowerCode(load<u8>(this.address + i)));
    return true;
  }
}
