import { latin1 } from './memory';

/** An ordered list of header fields that belongs to the plugin: a copy of a map, or the headers of an answer. */
@final
export class HeaderList {
  private names: string[] = [];
  private values: string[] = [];

  /** Number of fields, repeats included. */
  get length(): i32 {
    return this.names.length;
  }

  nameAt(index: i32): string {
    return this.names[index];
  }

  valueAt(index: i32): string {
    return this.values[index];
  }

  /** First value of a lower-case name, or null. */
  get(name: string): string | null {
    const at = this.names.indexOf(name);
    return at < 0 ? null : this.values[at];
  }

  append(name: string, value: string): HeaderList {
    this.names.push(name);
    this.values.push(value);
    return this;
  }

  /** The fields in the serialized form of Proxy-Wasm; characters beyond U+00FF keep their low byte only. */
  serialize(): ArrayBuffer {
    const count = this.names.length;
    let size = 4;
    for (let i = 0; i < count; i++) size += 10 + this.names[i].length + this.values[i].length;
    const buffer = new ArrayBuffer(size);
    let at = changetype<usize>(buffer);
    store<u32>(at, count);
    at += 4;
    let text = at + (<usize>count << 3);
    for (let i = 0; i < count; i++, at += 8) {
      store<u32>(at, this.names[i].length);
      store<u32>(at, this.values[i].length, 4);
      text = put(text, this.names[i]);
      text = put(text, this.values[i]);
    }
    return buffer;
  }

  /** Reads the serialized form; what does not fit into `buffer` is left out. */
  static parse(buffer: ArrayBuffer): HeaderList {
    const list = new HeaderList();
    const size = <u64>buffer.byteLength;
    if (size < 4) return list;
    const start = changetype<usize>(buffer);
    const count = <u64>load<u32>(start);
    let at: u64 = 4 + (count << 3);
    for (let i: u64 = 0; i < count && at <= size; i++) {
      const nameSize = load<u32>(start + <usize>(4 + (i << 3)));
      const valueSize = load<u32>(start + <usize>(8 + (i << 3)));
      const valueAt = at + nameSize + 1;
      if (valueAt + valueSize + 1 > size) break;
      list.append(latin1(start + <usize>at, nameSize), latin1(start + <usize>valueAt, valueSize));
      at = valueAt + valueSize + 1;
    }
    return list;
  }
}

/** Writes the low bytes of `text` and a terminator; answers the address after it. */
function put(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at++, text.charCodeAt(i));
  store<u8>(at++, 0);
  return at;
}
