import { LIMITS } from '../core/limits.ts';

/**
 * Serialised maps of the ABI: `u32 count`, `count` × (`u32 name length`, `u32 value length`), then each name and each
 * value with a NUL behind it. Little-endian; text is latin1.
 */

/** Bytes that flat `[name, value, …]` pairs take. */
export function pairsByteLength(pairs: readonly string[]): number {
  let length = 4 + pairs.length * 5;
  for (let i = 0; i < pairs.length; i++) length += pairs[i]!.length;
  return length;
}

export function writePairs(pairs: readonly string[], target: Buffer, offset: number): void {
  let head = target.writeUInt32LE(pairs.length >> 1, offset);
  let data = head + pairs.length * 4;
  for (let i = 0; i < pairs.length; i++) {
    const text = pairs[i]!;
    head = target.writeUInt32LE(text.length, head);
    data += target.write(text, data, text.length, 'latin1');
    target[data++] = 0;
  }
}

/**
 * Reads a map that a guest wrote into flat pairs. An empty map may be no bytes, one NUL or a count of 0.
 * null: malformed, or larger than LIMITS.pluginMapBytes / pluginMapPairs.
 */
export function parsePairs(source: Buffer): string[] | null {
  const size = source.length;
  if (size === 0 || (size === 1 && source[0] === 0)) return [];
  if (size < 4 || size > LIMITS.pluginMapBytes) return null;
  const texts = source.readUInt32LE(0) * 2;
  if (texts > LIMITS.pluginMapPairs * 2 || 4 + texts * 4 > size) return null;
  const pairs: string[] = [];
  let data = 4 + texts * 4;
  for (let i = 0; i < texts; i++) {
    const end = data + source.readUInt32LE(4 + i * 4);
    if (end >= size || source[end] !== 0) return null;
    pairs.push(source.toString('latin1', data, end));
    data = end + 1;
  }
  return data === size ? pairs : null;
}
