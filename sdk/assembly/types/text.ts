/**
 * UTF-8 bytes of a text; half a surrogate pair becomes U+FFFD.
 * @example
 * this.request.setBytes(utf8('x-city'), utf8('Zürich'));
 */
export function utf8(text: string): ArrayBuffer {
  const size = <usize>text.length;
  const bytes = __new(size, idof<ArrayBuffer>());
  for (let i: usize = 0; i < size; i++) {
    const code = load<u16>(changetype<usize>(text) + (i << 1));
    if (code >= 0x80) return encode(text);
    store<u8>(bytes + i, code);
  }
  return changetype<ArrayBuffer>(bytes);
}

function encode(text: string): ArrayBuffer {
  const bytes = new ArrayBuffer(String.UTF8.byteLength(text));
  const from = changetype<usize>(text);
  String.UTF8.encodeUnsafe(from, text.length, changetype<usize>(bytes), false, String.UTF8.ErrorMode.REPLACE);
  return bytes;
}

/**
 * Text of UTF-8 bytes; bytes that are none become U+FFFD.
 * @example
 * const name = this.request.getBytes(utf8('x-city'));
 * if (name) log.info(fromUtf8(name));
 */
export function fromUtf8(bytes: ArrayBuffer): string {
  return decodeUtf8(changetype<usize>(bytes), bytes.byteLength);
}

/** The same of `size` bytes at `address`. The plain loop is a fifth of the cost of the decoder, which most texts never need. */
export function decodeUtf8(address: usize, size: u32): string {
  const text = __new((<usize>size) << 1, idof<string>());
  for (let i: usize = 0; i < size; i++) {
    const byte = load<u8>(address + i);
    if (byte >= 0x80) return String.UTF8.decodeUnsafe(address, size);
    store<u16>(text + (i << 1), byte);
  }
  return changetype<string>(text);
}

/** Text of the `size` bytes at `address`, one character for each byte: what HTTP header values are. */
export function latin1(address: usize, size: u32): string {
  const text = __new((<usize>size) << 1, idof<string>());
  for (let i: usize = 0; i < size; i++) store<u16>(text + (i << 1), load<u8>(address + i));
  return changetype<string>(text);
}
