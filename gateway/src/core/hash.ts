const encoder = new TextEncoder();
const scratch = new Uint8Array(4096);

/**
 * Stable 32-bit hash of a string: FNV-1a over its UTF-8 bytes, then Murmur3's finaliser (FNV-1a alone leaves the low
 * bits of short, similar keys correlated). Unsigned. Same value on every worker, replica and version.
 */
export function stableHash(text: string): number {
  let bytes = scratch;
  let { read, written } = encoder.encodeInto(text, scratch);
  if (read < text.length) {
    bytes = encoder.encode(text);
    written = bytes.length;
  }
  let hash = 0x811c9dc5;
  for (let i = 0; i < written; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Number of buckets a percentage with two decimals is measured in. */
export const BUCKETS = 10_000;

/** Bucket 0…9 999 of `key` for `salt`; different salts are independent. */
export function bucketOf(salt: string, key: string): number {
  return stableHash(`${salt}:${key}`) % BUCKETS;
}
