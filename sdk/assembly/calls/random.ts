import { OUT_NUMBER } from '../dispatch/memory';

// @ts-ignore: decorator
@external('wasi_snapshot_preview1', 'random_get')
declare function random_get(address: usize, size: usize): u16;

/** What a host gives at once, at least; ours does not give more. */
const CHUNK: i32 = 65_536;

/**
 * Randomness of the host, good enough for keys and tokens.
 * @example
 * if (random.below(100) < 5) this.request.set('x-sampled', '1'); // 5 %
 */
export namespace random {
  /**
   * Random bytes; null when the host has none to give.
   * @param length 0 to what fits into the plugin's memory
   * @example
   * const key = random.bytes(16);
   * if (!key) return this.respond(500);
   */
  export function bytes(length: i32): ArrayBuffer | null {
    if (length < 0) return null;
    const buffer = new ArrayBuffer(length);
    const start = changetype<usize>(buffer);
    for (let at = 0; at < length; at += CHUNK) {
      if (random_get(start + at, min(CHUNK, length - at)) != 0) return null;
    }
    return buffer;
  }

  /**
   * A random number of 64 bits; 0 when the host has none to give.
   * @example
   * this.request.set('x-request-number', random.number().toString());
   */
  export function number(): u64 {
    return random_get(OUT_NUMBER, 8) == 0 ? load<u64>(OUT_NUMBER) : 0;
  }

  /**
   * A random number from 0 to `bound` - 1, evenly spread; 0 when the host has none to give.
   * @param bound 1 or more; for 0 the answer is 0
   * @example
   * const shard = random.below(8);
   */
  export function below(bound: u32): u32 {
    return <u32>(((number() >> 32) * <u64>bound) >> 32);
  }
}
