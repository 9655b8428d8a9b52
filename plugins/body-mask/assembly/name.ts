/** No rule has a name as long as this. */
export const TOO_LONG: i32 = i32.MAX_VALUE;

const NONE: u32 = 0;

/** A member's name in UTF-8, put together when it does not stand in one place: split between pieces, or with escapes. */
@final
export class Name {
  readonly bytes: ArrayBuffer;
  /** TOO_LONG: longer than what can be kept, and so than any name that is looked for. */
  size: i32 = 0;
  /** The last four digits of those that were added. */
  digits: u32 = 0;
  /** First half of a pair that may still get its second half. */
  private high: u32 = NONE;

  /** @param capacity bytes of the longest name that is looked for */
  constructor(capacity: i32) {
    this.bytes = new ArrayBuffer(capacity);
  }

  clear(): void {
    this.size = 0;
    this.high = NONE;
  }

  /** Adds bytes as they stand in the document. */
  add(address: usize, count: i32): void {
    if (count == 0) return;
    this.flush();
    if (count > this.bytes.byteLength - this.size) {
      this.size = TOO_LONG;
      return;
    }
    memory.copy(changetype<usize>(this.bytes) + this.size, address, count);
    this.size += count;
  }

  /** Takes one of the four digits of an escape; nothing is added before the last one. */
  addDigit(digit: u32): void {
    this.digits = ((this.digits << 4) | digit) & 0xffff;
  }

  /** Adds a UTF-16 unit that was escaped. */
  addUnit(unit: u32): void {
    const high = this.high;
    if (high != NONE && (unit & 0xfc00) == 0xdc00) {
      this.high = NONE;
      this.addCode(0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff));
      return;
    }
    this.flush();
    if ((unit & 0xfc00) == 0xd800) this.high = unit;
    else this.addCode(unit);
  }

  /** The name is complete. */
  flush(): void {
    const high = this.high;
    if (high == NONE) return;
    this.high = NONE;
    this.addCode(high);
  }

  private addCode(code: u32): void {
    if (code < 0x80) {
      this.addByte(code);
      return;
    }
    if (code < 0x800) {
      this.addByte(0xc0 | (code >> 6));
    } else {
      if (code < 0x10000) {
        this.addByte(0xe0 | (code >> 12));
      } else {
        this.addByte(0xf0 | (code >> 18));
        this.addByte(0x80 | ((code >> 12) & 0x3f));
      }
      this.addByte(0x80 | ((code >> 6) & 0x3f));
    }
    this.addByte(0x80 | (code & 0x3f));
  }

  private addByte(byte: u32): void {
    if (this.size >= this.bytes.byteLength) {
      this.size = TOO_LONG;
      return;
    }
    store<u8>(changetype<usize>(this.bytes) + this.size++, byte);
  }
}

/** What a backslash and this byte stand for. */
export function unescaped(byte: u32): u32 {
  switch (byte) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return byte;
  }
}

/** Value of a hexadecimal digit. */
export function hexDigit(byte: u32): u32 {
  return byte < 0x3a ? byte - 0x30 : (byte | 0x20) - 0x57;
}
