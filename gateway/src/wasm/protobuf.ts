const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/** Fields of a protobuf message by number; of a repeated one the last. Those of a fixed width are left out. */
export type ProtobufFields = ReadonlyMap<number, Uint8Array | number>;

/** Position and value of a variable-length integer; numbers beyond 2⁵³ lose their low bits. null: it has no end. */
function readVarint(source: Uint8Array, at: number): readonly [next: number, value: number] | null {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = source[at++];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [at, value];
  }
  return null;
}

/** The arguments of foreign functions come so. @returns null for what is no message */
export function readProtobuf(source: Uint8Array): ProtobufFields | null {
  const fields = new Map<number, Uint8Array | number>();
  for (let at = 0; at < source.length; ) {
    const key = readVarint(source, at);
    if (key === null || key[1] < 8 || key[1] > 0xffff_ffff) return null;
    const [start, tag] = key;
    const field = tag >>> 3;
    const type = tag & 7;
    if (type === FIXED_64 || type === FIXED_32) {
      at = start + (type === FIXED_64 ? 8 : 4);
      if (at > source.length) return null;
      continue;
    }
    const number = type === VARINT || type === BYTES ? readVarint(source, start) : null;
    if (number === null) return null;
    const [next, value] = number;
    at = type === BYTES ? next + value : next;
    if (at > source.length) return null;
    fields.set(field, type === BYTES ? source.subarray(next, at) : value);
  }
  return fields;
}
