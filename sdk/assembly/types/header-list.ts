import { sameName } from './header-text';
import { latin1 } from './text';

/**
 * An ordered list of header fields that belongs to the plugin: a copy of a map, or the headers of an answer. Values are
 * text with one character for each byte; characters beyond U+00FF go out as their low byte.
 * @example
 * const headers = new HeaderList().append('content-type', 'application/json').append('retry-after', '5');
 * return this.respond(429, headers, '{"error":"slow down"}');
 */
@final
export class HeaderList {
  private names: string[] = [];
  private values: string[] = [];

  /**
   * Number of fields, repeats included.
   * @example
   * if (this.request.entries().length > 50) return this.respond(431);
   */
  get length(): i32 {
    return this.names.length;
  }

  /**
   * Name of a field, in lower case if the gateway gave it; `''` beyond the end.
   * @param index 0 to `length` - 1
   * @example
   * const all = this.request.entries();
   * for (let i = 0; i < all.length; i++) log.debug(`${all.nameAt(i)}: ${all.valueAt(i)}`);
   */
  nameAt(index: i32): string {
    return <u32>index < <u32>this.names.length ? this.names[index] : '';
  }

  /**
   * Value of a field; `''` beyond the end.
   * @param index 0 to `length` - 1
   * @example
   * const first = this.request.entries().valueAt(0);
   */
  valueAt(index: i32): string {
    return <u32>index < <u32>this.values.length ? this.values[index] : '';
  }

  /**
   * First value of a name, whatever its case, or null.
   * @example
   * const method = this.request.entries().get(':method');
   */
  get(name: string): string | null {
    const at = this.find(name, 0);
    return at < 0 ? null : this.values[at];
  }

  /**
   * Every value of a name, in order; empty when there is none.
   * @example
   * const cookies = properties.map('request.headers').getAll('cookie');
   */
  getAll(name: string): string[] {
    const found: string[] = [];
    for (let at = this.find(name, 0); at >= 0; at = this.find(name, at + 1)) found.push(this.values[at]);
    return found;
  }

  /**
   * True when there is a field of this name, even an empty one.
   * @example
   * if (this.request.entries().has('x-debug')) log.info('debugging');
   */
  has(name: string): bool {
    return this.find(name, 0) >= 0;
  }

  /**
   * Adds a field behind the others and answers the list, so that calls can be chained.
   * @example
   * return this.respond(302, new HeaderList().append('location', '/login'));
   */
  append(name: string, value: string): HeaderList {
    this.names.push(name);
    this.values.push(value);
    return this;
  }

  /** @internal The fields in the serialized form of Proxy-Wasm. */
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

  /** @internal Reads the serialized form; what does not fit into `buffer` is left out. */
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

  private find(name: string, from: i32): i32 {
    for (let i = from; i < this.names.length; i++) if (sameName(this.names[i], name)) return i;
    return -1;
  }
}

/** Writes the low bytes of `text` and a terminator; answers the address after it. */
function put(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at++, text.charCodeAt(i));
  store<u8>(at++, 0);
  return at;
}
