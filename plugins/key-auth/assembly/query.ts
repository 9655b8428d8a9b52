const PERCENT = 0x25;
const PLUS = 0x2b;

/** The query of a request target, read without building a table of its parameters. */
@final
export class Query {
  private start: i32;

  constructor(private target: string) {
    this.start = target.indexOf('?') + 1;
  }

  /** Decoded bytes of the first parameter with this name, or null. */
  find(name: ArrayBuffer): ArrayBuffer | null {
    for (let from = this.start; from > 0 && from <= this.target.length; from = this.endOf(from) + 1) {
      if (!this.isNamed(from, name)) continue;
      return decode(this.target, min(this.nameEnd(from) + 1, this.endOf(from)), this.endOf(from));
    }
    return null;
  }

  /** The target without any parameter of this name; everything else stays as it was written. */
  without(name: ArrayBuffer): string {
    if (this.start == 0) return this.target;
    let kept = '';
    for (let from = this.start; from <= this.target.length; from = this.endOf(from) + 1) {
      if (this.isNamed(from, name)) continue;
      kept += (kept.length ? '&' : '?') + this.target.substring(from, this.endOf(from));
    }
    return this.target.substring(0, this.start - 1) + kept;
  }

  private isNamed(from: i32, name: ArrayBuffer): bool {
    const decoded = decode(this.target, from, this.nameEnd(from));
    if (decoded.byteLength != name.byteLength) return false;
    return memory.compare(changetype<usize>(decoded), changetype<usize>(name), name.byteLength) == 0;
  }

  /** End of the parameter that begins at `from`. */
  private endOf(from: i32): i32 {
    const end = this.target.indexOf('&', from);
    return end < 0 ? this.target.length : end;
  }

  private nameEnd(from: i32): i32 {
    const equals = this.target.indexOf('=', from);
    return equals < 0 ? this.endOf(from) : min(equals, this.endOf(from));
  }
}

/** The bytes that a part of a query stands for: `+` is a blank, `%41` an A, a broken escape itself. */
function decode(text: string, from: i32, to: i32): ArrayBuffer {
  const bytes = new ArrayBuffer(to - from);
  const start = changetype<usize>(bytes);
  let size = 0;
  for (let at = from; at < to; at++, size++) {
    let code = text.charCodeAt(at);
    if (code == PLUS) code = 0x20;
    if (code == PERCENT && at + 2 < to) {
      const escaped = hex(text.charCodeAt(at + 1)) << 4 | hex(text.charCodeAt(at + 2));
      if (escaped >= 0) {
        code = escaped;
        at += 2;
      }
    }
    store<u8>(start + size, code);
  }
  return bytes.slice(0, size);
}

/** Value of a hexadecimal digit; negative for other characters. */
function hex(code: i32): i32 {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : i32.MIN_VALUE;
}
