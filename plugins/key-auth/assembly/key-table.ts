const BUCKETS = 1024;
const NONE = -1;

/**
 * Secret → consumer. A key is found by its hash and then compared in constant time, so that the time of an answer says
 * nothing about how much of a guessed key was right, however many keys there are.
 */
@final
export class KeyTable {
  private heads: StaticArray<i32> = new StaticArray<i32>(BUCKETS);
  private next: i32[] = [];
  private keys: ArrayBuffer[] = [];
  private consumers: ArrayBuffer[] = [];

  constructor() {
    this.heads.fill(NONE);
  }

  /** False when the key is there already. */
  add(key: ArrayBuffer, consumer: ArrayBuffer): bool {
    if (this.find(key)) return false;
    const bucket = bucketOf(key);
    this.next.push(this.heads[bucket]);
    this.heads[bucket] = this.keys.length;
    this.keys.push(key);
    this.consumers.push(consumer);
    return true;
  }

  /** The consumer of a key, or null. */
  find(key: ArrayBuffer): ArrayBuffer | null {
    let found = NONE;
    for (let at = this.heads[bucketOf(key)]; at != NONE; at = this.next[at]) {
      if (equalInConstantTime(this.keys[at], key)) found = at;
    }
    return found == NONE ? null : this.consumers[found];
  }
}

function bucketOf(key: ArrayBuffer): i32 {
  const start = changetype<usize>(key);
  let hash: u64 = 0xcbf29ce484222325;
  for (let i: usize = 0; i < <usize>key.byteLength; i++) hash = (hash ^ load<u8>(start + i)) * 0x100000001b3;
  return <i32>((hash ^ (hash >> 32)) & (BUCKETS - 1));
}

/** Takes the same time wherever two keys of one length differ. */
function equalInConstantTime(a: ArrayBuffer, b: ArrayBuffer): bool {
  if (a.byteLength != b.byteLength) return false;
  let difference: u8 = 0;
  for (let i: usize = 0; i < <usize>a.byteLength; i++) {
    difference |= load<u8>(changetype<usize>(a) + i) ^ load<u8>(changetype<usize>(b) + i);
  }
  return difference == 0;
}
