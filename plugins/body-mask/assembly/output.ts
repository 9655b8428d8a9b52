/** Bytes of the piece being made, in a buffer that is used again for the next one. */
export namespace output {
  let buffer: ArrayBuffer = new ArrayBuffer(4096);
  let used: i32 = 0;

  /** What has been added since `begin`: the first `size()` bytes. */
  export function bytes(): ArrayBuffer {
    return buffer;
  }

  export function size(): i32 {
    return used;
  }

  /** Empties it, and makes room for a piece of this size. */
  export function begin(expected: i32): void {
    used = 0;
    if (expected > buffer.byteLength) buffer = new ArrayBuffer(expected);
  }

  /** Copies bytes to its end. */
  export function add(address: usize, count: i32): void {
    const needed = used + count;
    if (needed > buffer.byteLength) grow(needed);
    memory.copy(changetype<usize>(buffer) + used, address, count);
    used = needed;
  }

  function grow(needed: i32): void {
    const larger = new ArrayBuffer(max(needed, buffer.byteLength << 1));
    memory.copy(changetype<usize>(larger), changetype<usize>(buffer), used);
    buffer = larger;
  }
}
